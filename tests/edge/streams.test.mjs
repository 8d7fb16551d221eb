// Bodies stream through the gate, both ways, and so do server-sent events.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';

import { open } from './support/http.mjs';
import { upstreams } from './support/upstreams.mjs';

const { gate, origin, token, ways } = await upstreams();
const AUTHORIZATION = ['Authorization', `Bearer ${token()}`];

for (const { name, base, host } of ways) {
  describe(`streams, ${name}`, { timeout: 60_000 }, () => {
    test('the first bytes go up before the last are sent', async () => {
      const first = Promise.withResolvers();
      const handler = async (request, response) => {
        request.once('data', (chunk) => first.resolve(chunk.toString()));
        await once(request, 'end');
        response.end('done');
      };
      handler.streaming = true;
      origin.on(`${base}/slow-up`, handler);
      const body = new PassThrough();
      const answer = gate.request(`${base}/slow-up`, { method: 'PUT', host, headers: [AUTHORIZATION], body });
      body.write('first');
      assert.equal(await first.promise, 'first');
      body.end('last');
      assert.equal((await answer).text, 'done');
    });

    test('the first bytes come down before the last are sent', async () => {
      let finish;
      origin.on(`${base}/slow-down`, (request, response) => {
        response.writeHead(200);
        response.write('first');
        finish = () => response.end('last');
      });
      const answer = await open(gate.port, `${base}/slow-down`, { host, headers: [AUTHORIZATION] });
      const [chunk] = await once(answer.stream, 'data');
      assert.equal(chunk.toString(), 'first');
      finish();
      const [rest] = await once(answer.stream, 'data');
      assert.equal(rest.toString(), 'last');
    });

    test('server-sent events arrive one by one, until the client leaves', async () => {
      let events;
      const left = Promise.withResolvers();
      origin.on(`${base}/events`, (request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
        response.flushHeaders();
        response.on('close', left.resolve);
        events = response;
      });
      origin.take();
      const headers = [AUTHORIZATION, ['Accept', 'text/event-stream'], ['Last-Event-ID', '7']];
      const answer = await open(gate.port, `${base}/events`, { host, headers });
      assert.equal(answer.header('content-type'), 'text/event-stream');
      const [record] = origin.take();
      assert.deepEqual([record.header('last-event-id'), record.header('x-auth-subject')], ['7', 'user-1']);
      for (const text of ['data: 1\n\n', 'data: 2\n\n']) {
        events.write(text);
        const [chunk] = await once(answer.stream, 'data');
        assert.equal(chunk.toString(), text);
      }
      // Nothing is under way, so a reset is what can be heard; a quiet end would show at the next event.
      answer.stream.on('error', () => {});
      answer.stream.socket.resetAndDestroy();
      await left.promise;
    });

    test('a response that the client leaves is left at the origin too', async () => {
      const left = Promise.withResolvers();
      origin.on(`${base}/endless`, (request, response) => {
        response.writeHead(200);
        const timer = setInterval(() => response.write('more'), 20);
        response.on('close', () => {
          clearInterval(timer);
          left.resolve();
        });
      });
      const answer = await open(gate.port, `${base}/endless`, { host, headers: [AUTHORIZATION] });
      await once(answer.stream, 'data');
      answer.stream.destroy();
      await left.promise;
    });

    for (const [how, leave, told] of [
      ['in a hurry', (socket) => socket.resetAndDestroy(), /^$/],
      // Half a connection is left, on which an answer could still be read: a 502, as if the origin had cut the connection.
      ['quietly', (socket) => socket.end(), /cannot be reached: .*\(or the client disconnected in the middle of its body\)$/m],
    ]) {
      test(`a body that the client leaves ${how} breaks off at the origin too`, async () => {
        const [begun, broken] = [Promise.withResolvers(), Promise.withResolvers()];
        const handler = (request) => {
          request.on('error', broken.resolve);
          request.once('data', begun.resolve);
        };
        handler.streaming = true;
        origin.on(`${base}/left`, handler);
        const message = http.request({
          host: '127.0.0.1', port: gate.port, method: 'PUT', path: `${base}/left`, headers: { Host: host, [AUTHORIZATION[0]]: AUTHORIZATION[1] },
        });
        message.on('error', () => {});
        message.write(Buffer.alloc(100_000));
        await begun.promise;
        const since = gate.logs.length;
        leave(message.socket);
        assert.equal((await broken.promise).code, 'ECONNRESET');
        assert.match(await gate.logText(since), told);
      });
    }
  });
}
