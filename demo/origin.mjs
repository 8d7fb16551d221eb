// The API behind the gate: it responds to every request with the identity that it received from the gate.

import { createServer } from 'node:http';

const PREFIX = 'x-auth-';

/** Starts the origin; `port` 0 takes a free one. */
export async function startOrigin({ port = 0, host = '127.0.0.1' } = {}) {
  const server = createServer(answer);
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: bound } = server.address();
  return { port: bound, url: `http://${host}:${bound}`, close: () => close(server) };
}

function answer(request, response) {
  request.resume(); // an unread body would block the connection
  const { method, url: path, headers } = request;
  const body = JSON.stringify({ auth: identity(headers), method, path });
  response.writeHead(200, { 'content-type': 'application/json' }).end(body);
}

/** The identity headers, as an application would read them. */
function identity(headers) {
  const value = (name) => headers[PREFIX + name] ?? null;
  return {
    issuer: decode(value('issuer')),
    sub: decode(value('subject')),
    clientId: decode(value('client-id')),
    organizationId: decode(value('organization-id')),
    scopes: list(value('scopes'), ' '),
    audience: list(value('audience'), ','),
  };
}

function list(value, separator) {
  return value ? value.split(separator).map(decode) : [];
}

/** Characters that a header cannot carry arrive percent-encoded. */
function decode(value) {
  return value === null ? null : decodeURIComponent(value);
}

function close(server) {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
}
