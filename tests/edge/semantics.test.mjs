// What HTTP knows beside a request, a body and a response: parts of a resource, conditions, answers without a body, interim
// answers, trailers. Where workerd does not pass something on, a test says what happens instead.

import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, test } from 'node:test';

import { readAll } from './support/http.mjs';
import { answerWith } from './support/origin.mjs';
import { upstreams } from './support/upstreams.mjs';

const { gate, origin, token, ways } = await upstreams();
const AUTHORIZATION = ['Authorization', `Bearer ${token()}`];
const LATER = 'Wed, 21 Oct 2026 07:28:00 GMT';

for (const { name, base, host } of ways) {
  /** Programs the path, sends a request there; the answer and what the origin received. */
  const exchange = async (handler, { path = '/x', headers = [], ...options } = {}) => {
    origin.on(`${base}${path}`, handler);
    const answer = await gate.request(`${base}${path}`, { host, headers: [AUTHORIZATION, ...headers], ...options });
    const records = origin.take();
    assert.equal(records.length, 1);
    return { answer, record: records[0] };
  };
  /** A request by hand, for what happens between head and body. */
  const send = (path, { headers = {}, ...options } = {}) => http.request({
    host: '127.0.0.1', port: gate.port, path: `${base}${path}`, agent: false, headers: { Host: host, [AUTHORIZATION[0]]: AUTHORIZATION[1], ...headers }, ...options,
  });
  const answered = async (message) => {
    const response = await new Promise((resolve, reject) => message.on('response', resolve).on('error', reject));
    return { status: response.statusCode, text: (await readAll(response)).toString(), trailers: response.trailers };
  };

  describe(`parts and conditions, ${name}`, { timeout: 20_000 }, () => {
    test('a part of a resource', async () => {
      const asked = [['Range', 'bytes=2-4'], ['If-Range', '"v1"']];
      const given = [['content-range', 'bytes 2-4/10'], ['accept-ranges', 'bytes'], ['etag', '"v1"'], ['content-length', '3']];
      const { answer, record } = await exchange(answerWith(206, given, '234'), { headers: asked });
      for (const [header, value] of asked) assert.equal(record.header(header.toLowerCase()), value);
      for (const [header, value] of given) assert.equal(answer.header(header), value, header);
      assert.deepEqual([answer.status, answer.text], [206, '234']);
    });
    test('several parts', async () => {
      const type = 'multipart/byteranges; boundary=B';
      const parts = '--B\r\nContent-Range: bytes 0-0/10\r\n\r\n0\r\n--B\r\nContent-Range: bytes 9-9/10\r\n\r\n9\r\n--B--\r\n';
      const { answer, record } = await exchange(answerWith(206, [['content-type', type]], parts), { headers: [['Range', 'bytes=0-0,-1']] });
      assert.equal(record.header('range'), 'bytes=0-0,-1');
      assert.deepEqual([answer.status, answer.header('content-type'), answer.text], [206, type, parts]);
    });
    test('a part that there is not', async () => {
      const { answer } = await exchange(answerWith(416, [['content-range', 'bytes */10']]), { headers: [['Range', 'bytes=20-']] });
      assert.deepEqual([answer.status, answer.header('content-range'), answer.text], [416, 'bytes */10', '']);
    });
    for (const method of ['GET', 'HEAD']) {
      test(`${method}: 304 to a condition`, async () => {
        const asked = [['If-None-Match', '"v1", W/"v0"'], ['If-Modified-Since', LATER]];
        const given = [['etag', '"v1"'], ['cache-control', 'max-age=60'], ['vary', 'Accept']];
        const { answer, record } = await exchange(answerWith(304, given), { method, headers: asked });
        for (const [header, value] of asked) assert.equal(record.header(header.toLowerCase()), value);
        for (const [header, value] of given) assert.equal(answer.header(header), value, header);
        assert.deepEqual([answer.status, answer.text], [304, '']);
      });
    }
    test('412 to a condition of a change', async () => {
      const { answer, record } = await exchange(answerWith(412), { method: 'PUT', body: 'x', headers: [['If-Match', '"v1"'], ['If-Unmodified-Since', LATER]] });
      assert.deepEqual([record.header('if-match'), record.header('if-unmodified-since'), answer.status], ['"v1"', LATER, 412]);
    });
  });

  describe(`answers without a body, ${name}`, { timeout: 20_000 }, () => {
    test('HEAD has the length of what GET would bring', async () => {
      const { answer, record } = await exchange(answerWith(200, [['content-length', '12345'], ['content-type', 'text/x-own']]), { method: 'HEAD' });
      assert.equal(record.method, 'HEAD');
      assert.deepEqual([answer.status, answer.header('content-length'), answer.header('content-type'), answer.text], [200, '12345', 'text/x-own', '']);
    });
    test('204 has no length', async () => {
      const { answer } = await exchange(answerWith(204, [['x-own', '1']]), { method: 'DELETE' });
      assert.deepEqual([answer.status, answer.text, answer.header('content-length'), answer.header('x-own')], [204, '', null, '1']);
    });
    test('205 and an empty 200 stay empty', async () => {
      for (const status of [200, 205]) {
        const { answer } = await exchange(answerWith(status, [['content-length', '0']]), { method: 'POST', body: '' });
        assert.deepEqual([answer.status, answer.text, answer.header('content-length')], [status, '', '0']);
      }
    });
  });

  describe(`what workerd deals with itself, ${name}`, { timeout: 20_000 }, () => {
    test('Expect: 100-continue: it tells the client to go on', async () => {
      origin.on(`${base}/up`, (request, response, record) => response.end(record.body));
      const message = send('/up', { method: 'POST', headers: { 'Expect': '100-continue', 'Content-Length': 3 } });
      const answer = answered(message);
      message.flushHeaders();
      await new Promise((resolve) => message.on('continue', resolve));
      message.end('abc');
      assert.deepEqual(await answer, { status: 200, text: 'abc', trailers: {} });
    });
    test('Expect: 100-continue: a refusal comes before the body does', async () => {
      const message = send('/up', { method: 'POST', headers: { 'Expect': '100-continue', 'Content-Length': 3, [AUTHORIZATION[0]]: 'Bearer a.b.c' } });
      message.on('continue', () => assert.fail('the body is asked for'));
      const answer = answered(message);
      message.flushHeaders();
      assert.equal((await answer).status, 401);
      message.destroy();
    });
    test('103: left out, the answer comes', async () => {
      origin.on(`${base}/hints`, (request, response) => {
        response.writeEarlyHints({ link: '</style.css>; rel=preload' });
        response.end('whole');
      });
      const message = send('/hints');
      message.on('information', ({ statusCode }) => assert.fail(`interim answer ${statusCode}`));
      message.end();
      assert.equal((await answered(message)).text, 'whole');
    });
    test('trailers of a response: left out, the body is whole', async () => {
      origin.on(`${base}/trailers`, (request, response) => {
        response.writeHead(200, { trailer: 'x-checksum' });
        response.write('whole');
        response.addTrailers({ 'x-checksum': '1' });
        response.end();
      });
      const message = send('/trailers', { headers: { TE: 'trailers', Connection: 'TE' } });
      message.end();
      assert.deepEqual(await answered(message), { status: 200, text: 'whole', trailers: {} });
    });
    test('trailers of a request: left out, the body is whole', async () => {
      let seen;
      origin.on(`${base}/up`, (request, response, { body }) => {
        seen = { body: body.toString(), trailers: request.trailers };
        response.end();
      });
      const message = send('/up', { method: 'POST', headers: { 'Trailer': 'x-checksum', 'Transfer-Encoding': 'chunked' } });
      message.write('whole');
      message.addTrailers({ 'x-checksum': '1', 'x-auth-subject': 'evil' });
      message.end();
      await answered(message);
      assert.deepEqual(seen, { body: 'whole', trailers: {} });
    });
    test('a chunked body of GET: left out, the request goes on', async () => {
      origin.on(`${base}/x`, (request, response, { body }) => response.end(`${request.method} ${body.length}`));
      const message = send('/x', { headers: { 'Transfer-Encoding': 'chunked' } });
      message.end('what for');
      assert.equal((await answered(message)).text, 'GET 0');
    });
  });
}
