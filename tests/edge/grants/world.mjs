// Two gates in the same world, each with a network of its own. One decides every request in full: its requests name a header
// in `Connection` that is not there.

import { readFileSync } from 'node:fs';

import { FAULTY_BUILD, startGates } from '../support/gate.mjs';
import { rawExchange } from '../support/http.mjs';
import { startRecorder } from '../support/recorder.mjs';
import { newKey } from '../support/tokens.mjs';

const ENTRY = readFileSync(new URL('entry.js', import.meta.url), 'utf8');
const KEYS_PATH = '/keys';

/** Where the gates find the keys of the issuer that rotates them. */
export const JWKS_URI = `http://localhost${KEYS_PATH}`;

/** Which gate it was, from Miniflare. */
const MINIFLARE = /CF-Worker: .*\r\n/;

/** Answers of the origin, by the length of the path: all that a gate changes in a response, and what it leaves. */
const ANSWERS = [
  'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
  'HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\r\n',
  'HTTP/1.1 200 OK\r\nconnection: x-hop\r\nx-hop: 1\r\nproxy-authenticate: Basic\r\ncontent-length: 1\r\n\r\nx',
  'HTTP/1.1 404 Not Found\r\naccess-control-allow-origin: *\r\nvary: accept\r\ncontent-length: 0\r\n\r\n',
];

/** Starts it. `policy` is in force at first. */
export async function startWorld(policy) {
  const world = { at: Date.now(), keys: [] };
  const answer = ({ target, method }) => {
    if (target === KEYS_PATH) return json({ keys: world.keys.map(({ jwk }) => jwk) });
    const text = ANSWERS[target.length % ANSWERS.length];
    return method === 'HEAD' ? text.slice(0, text.indexOf('\r\n\r\n') + 4) : text;
  };
  const recorders = [await startRecorder({ answer }), await startRecorder({ answer })];
  const gates = await startGates(recorders.map(({ port }, index) => ({
    policies: `grants-${index}`, outbound: port, services: { ORIGIN: port }, bindings: { GATE_KEY: gateKey(), SECRET: '0123456789abcdef'.repeat(2) },
  })), { build: FAULTY_BUILD, entry: ENTRY });

  const both = (each) => Promise.all([each(gates[0], 0), each(gates[1], 1)]);
  const setTime = async (at) => {
    world.at = at;
    return both(async (gate) => (await rawExchange(gate.port, `GET / HTTP/1.1\r\nHost: h\r\nx-world: ${at}\r\n\r\n`)).json.texts);
  };
  const put = (next) => both(async (gate) => (await gate.policies()).put('policy', next));
  await put(policy);
  await setTime(world.at);
  return {
    world,
    put,
    setTime,
    /** Sends a request to both gates: what each answers, and what each origin receives, as text. */
    async send(request) {
      const answers = await both((gate, index) => rawExchange(gate.port, bytesOf(request, index === 1)));
      return answers.map(({ received }, index) => ({
        answer: received.replace(/\r\n(date|connection): [^\r]*/gi, ''),
        arrived: recorders[index].take().filter(({ target }) => target !== KEYS_PATH).map(({ bytes }) => bytes.replace(MINIFLARE, '')),
      }));
    },
    async close() {
      for (const gate of gates) await gate.close();
      for (const recorder of recorders) await recorder.close();
    },
  };
}

function bytesOf({ method, host, path, headers, authorization }, isFull) {
  const lines = headers.filter(([name]) => name !== 'connection').map(([name, value]) => `${name}: ${value}\r\n`);
  const connection = headers.filter(([name]) => name === 'connection').map(([, value]) => value);
  const options = [...connection, ...(isFull ? ['x-none'] : [])].join(', ');
  if (options !== '') lines.push(`connection: ${options}\r\n`);
  if (authorization) lines.push(`authorization: ${authorization}\r\n`);
  const body = method === 'POST' ? 'content-length: 3\r\n\r\nabc' : '\r\n';
  return `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${lines.join('')}${body}`;
}

function json(value) {
  const body = JSON.stringify(value);
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

/** EdDSA: two gates sign the same at the same time. */
function gateKey() {
  gateKey.made ??= JSON.stringify(newKey('EdDSA').privateKey.export({ format: 'jwk' }));
  return gateKey.made;
}


