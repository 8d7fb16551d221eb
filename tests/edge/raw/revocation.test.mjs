// Revocation under plain workerd, in bytes: the object on disk outlives the process, and bodies that are no bodies.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { temporaryDirectory } from '../support/gate.mjs';
import { rawExchange } from '../support/http.mjs';
import { startOrigin } from '../support/origin.mjs';
import { startPlainGate } from '../support/plain.mjs';
import { claims, mint, newKey, now } from '../support/tokens.mjs';

const PATH = '/.well-known/portcullis/revocations';
const ISSUER = 'https://issuer.test';
const key = newKey('ES256');
const operator = () => mint(key, claims(ISSUER, { aud: 'https://gate.test', scope: 'revoke', sub: 'operator' }));
const user = mint(key, claims(ISSUER, { sub: 'mallory', iat: now() - 100 }));

const request = (method, path, token, body = '', headers = []) => Buffer.from([
  `${method} ${path} HTTP/1.1`, 'Host: gate.test', 'Connection: close', `Authorization: Bearer ${token}`,
  ...headers, ...(body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]), '', body,
].join('\r\n'));
const status = (answer) => answer.status;
const code = (answer) => answer.json?.code;

test('what was answered with 204 outlives the process, and no path beside the gate\'s own is one', async (t) => {
  const [origin, disk] = [await startOrigin(), temporaryDirectory(t)];
  const policy = {
    version: 1,
    origin: origin.url,
    issuers: { main: { issuer: ISSUER, jwks: { keys: [key.jwk] } } },
    revocation: { store: 'REVOCATIONS', poll: 1, api: { audience: 'https://gate.test', scopes: ['revoke'] } },
    routes: [{ path: '/{*rest}', audience: '*', organization: '*' }],
  };
  let gate = await startPlainGate({ policy, disk });
  t.after(() => gate.close());
  t.after(() => origin.close());
  const first = await gate.raw(request('GET', '/a', user));
  assert.equal(status(first), 200, first.received);
  const entry = JSON.stringify({ issuer: ISSUER, sub: 'mallory' });
  for (const [body, headers, expected] of [
    ['', [], 400],
    [entry.slice(0, -1), [], 400],
    [`${entry}${entry}`, [], 400],
    [entry, ['Content-Encoding: gzip'], 204],
  ]) {
    const answer = await gate.raw(request('POST', PATH, operator(), body, headers));
    assert.equal(status(answer), expected, answer.received);
  }
  assert.deepEqual([401, 'auth.token_revoked'], [status(await gate.raw(request('GET', '/a', user))), code(await gate.raw(request('GET', '/a', user)))]);
  origin.take();
  for (const path of [`${PATH}/`, `${PATH.toUpperCase()}`, PATH.replace('revo', '%72evo'), `/x${PATH}`]) {
    await gate.raw(request('POST', path, operator(), JSON.stringify({ issuer: ISSUER })));
  }
  // Chunked, and broken off.
  const chunked = Buffer.from(request('POST', PATH, operator(), '', ['Transfer-Encoding: chunked']).toString() + `${entry.length.toString(16)}\r\n${entry}\r\n0\r\n\r\n`);
  assert.equal(status(await gate.raw(chunked)), 204);
  origin.take();
  await gate.close();

  gate = await startPlainGate({ policy, disk });
  assert.equal(code(await gate.raw(request('GET', '/a', user))), 'auth.token_revoked');
  const list = (await rawExchange(gate.port, request('GET', PATH, operator()))).text;
  assert.equal([...list.matchAll(/"sub":"mallory"/g)].length, 1, 'and nothing else is in it');
  assert.ok(!list.includes('"issuer":"https://issuer.test","before"'));
});
