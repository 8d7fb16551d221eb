// A server with everything that the conformance package of MCP asks for, of the SDK and without OAuth. It has sessions for
// clients of the revisions up to 2025-11-25.

import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import { McpServer, ResourceTemplate, fromJsonSchema } from '@modelcontextprotocol/server';

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';
/** Milliseconds after which a client whose stream was closed comes again. */
const RETRY = 500;

const text = (value) => ({ type: 'text', text: value });
const image = { type: 'image', data: PNG, mimeType: 'image/png' };
const embedded = (uri, mimeType, value) => ({ type: 'resource', resource: { uri, mimeType, text: value } });
const result = (...content) => ({ content });
const object = (properties, rest = {}) => fromJsonSchema({ type: 'object', properties, ...rest });
const strings = (...names) => object(Object.fromEntries(names.map((name) => [name, { type: 'string' }])), { required: names });
const user = (content) => ({ role: 'user', content });

/** Tools that always give the same. */
const CONTENT = {
  test_simple_text: [text('This is a simple text response for testing.')],
  test_image_content: [image],
  test_audio_content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }],
  test_embedded_resource: [embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')],
  test_multiple_content_types: [
    text('Multiple content types test:'), image, embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  ],
};

/** Tools that ask the user: tool → the form. */
const FORMS = {
  test_elicitation_sep1034_defaults: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  },
  test_elicitation_sep1330_enums: {
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: { type: 'string', oneOf: titled('value', 'Option') },
    legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
    untitledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
    titledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { anyOf: titled('value', 'Choice') } },
  },
};

const SCHEMA_2020_12 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
  properties: {
    name: { type: 'string' }, address: { $ref: '#/$defs/address' }, contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' }, email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

/** Starts it: `{ url, close }`. As the SDK's own example it refuses hosts that are not local. */
export async function startEverything() {
  const sessions = new Map();
  const server = http.createServer(async (request, response) => {
    const { host, 'mcp-session-id': id } = request.headers;
    if (!/^(localhost|127\.0\.0\.1)(:\d+)?$/.test(host)) return response.writeHead(403).end();
    const transport = sessions.get(id) ?? await newSession(sessions);
    return transport.handleRequest(request, response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function newSession(sessions) {
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID, eventStore: newEventStore(), retryInterval: RETRY, onsessioninitialized: (id) => sessions.set(id, transport),
  });
  await newServer((id) => transport.closeSSEStream(id)).connect(transport);
  return transport;
}

/** Keeps events in order, for clients that come again with `Last-Event-ID`. */
function newEventStore() {
  const events = [];
  return {
    async storeEvent(stream, message) {
      events.push({ id: `${stream}::${events.length}`, stream, message });
      return events.at(-1).id;
    },
    async replayEventsAfter(last, { send }) {
      const [stream, at] = last.split('::');
      for (const { id, message, stream: own } of events.slice(Number(at) + 1)) {
        if (own === stream && Object.keys(message).length > 0) await send(id, message);
      }
      return stream;
    },
  };
}

function newServer(closeStream) {
  const capabilities = {
    tools: { listChanged: true }, resources: { subscribe: true, listChanged: true }, prompts: { listChanged: true }, logging: {}, completions: {},
  };
  const mcp = new McpServer({ name: 'everything', version: '1.0.0' }, { capabilities });
  addTools(mcp, closeStream);
  addResources(mcp);
  addPrompts(mcp);
  for (const method of ['resources/subscribe', 'resources/unsubscribe', 'logging/setLevel']) mcp.server.setRequestHandler(method, async () => ({}));
  mcp.server.setRequestHandler('completion/complete', async () => ({ completion: { values: [], total: 0, hasMore: false } }));
  return mcp;
}

function addTools(mcp, closeStream) {
  const add = (name, inputSchema, call) => mcp.registerTool(name, { description: name, inputSchema }, call);
  for (const [name, content] of Object.entries(CONTENT)) add(name, object({}), async () => result(...content));
  add('test_tool_with_logging', object({}), async (_, { mcpReq }) => {
    for (const data of ['started', 'processing', 'completed']) {
      await mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data } });
      await sleep(50);
    }
    return result(text('logged'));
  });
  add('test_tool_with_progress', object({}), async (_, { mcpReq }) => {
    const { progressToken } = mcpReq._meta;
    for (const progress of [0, 50, 100]) {
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
      await sleep(50);
    }
    return result(text(String(progressToken)));
  });
  add('test_error_handling', object({}), async () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  add('test_reconnection', object({}), async (_, { mcpReq }) => {
    closeStream(mcpReq.id);
    await sleep(100);
    return result(text('reconnected'));
  });
  add('test_sampling', strings('prompt'), async ({ prompt }, { mcpReq }) => {
    const params = { messages: [user(text(prompt))], maxTokens: 100 };
    const { content } = await mcpReq.send({ method: 'sampling/createMessage', params });
    return result(text(`LLM response: ${content.text}`));
  });
  const ask = async (mcpReq, message, properties, required = []) => {
    const params = { message, requestedSchema: { type: 'object', properties, required } };
    const { action, content = {} } = await mcpReq.send({ method: 'elicitation/create', params });
    return result(text(`action=${action}, content=${JSON.stringify(content)}`));
  };
  add('test_elicitation', strings('message'), ({ message }, { mcpReq }) => ask(mcpReq, message, { response: { type: 'string' } }, ['response']));
  for (const [name, form] of Object.entries(FORMS)) add(name, object({}), (_, { mcpReq }) => ask(mcpReq, 'Please fill in the form', form));
  add('json_schema_2020_12_tool', fromJsonSchema(SCHEMA_2020_12), async (args) => result(text(JSON.stringify(args))));
}

function addResources(mcp) {
  const fixed = {
    'static-text': { mimeType: 'text/plain', text: 'This is the content of the static text resource.' },
    'static-binary': { mimeType: 'image/png', blob: PNG },
    'watched-resource': { mimeType: 'text/plain', text: 'Watched resource content' },
  };
  for (const [name, { mimeType, ...content }] of Object.entries(fixed)) {
    const uri = `test://${name}`;
    mcp.registerResource(name, uri, { description: name, mimeType }, async () => ({ contents: [{ uri, mimeType, ...content }] }));
  }
  const template = new ResourceTemplate('test://template/{id}/data', { list: undefined });
  const mimeType = 'application/json';
  mcp.registerResource('template', template, { description: 'template', mimeType }, async ({ href }, { id }) => (
    { contents: [{ uri: href, mimeType, text: JSON.stringify({ id, data: `Data for ID: ${id}` }) }] }
  ));
}

function addPrompts(mcp) {
  const add = (name, argsSchema, messages) => {
    mcp.registerPrompt(name, { description: name, ...(argsSchema ? { argsSchema } : {}) }, async (args) => ({ messages: messages(args).map(user) }));
  };
  add('test_simple_prompt', undefined, () => [text('This is a simple prompt for testing.')]);
  add('test_prompt_with_arguments', strings('arg1', 'arg2'), ({ arg1, arg2 }) => [text(`arg1='${arg1}', arg2='${arg2}'`)]);
  add('test_prompt_with_embedded_resource', strings('resourceUri'), ({ resourceUri }) => [embedded(resourceUri, 'text/plain', 'embedded'), text('Process it.')]);
  add('test_prompt_with_image', undefined, () => [image, text('Analyze it.')]);
}

/** Three options with titles. */
function titled(value, title) {
  return ['First', 'Second', 'Third'].map((ordinal, index) => ({ const: `${value}${index + 1}`, title: `${ordinal} ${title}` }));
}
