// The thread that fetches documents: with a time limit, without redirects, no longer than needed.

import http from 'node:http';
import https from 'node:https';
import { workerData } from 'node:worker_threads';
import zlib from 'node:zlib';

const { port, flag } = workerData;
/** As the Worker's runtime asks for them, and decodes them. */
const DECODERS = { br: zlib.createBrotliDecompress, gzip: zlib.createGunzip, 'x-gzip': zlib.createGunzip };

port.on('message', async (question) => {
  let answer;
  try {
    answer = await get(question);
  } catch ({ code, message }) {
    answer = { problem: { code: code ?? '', message } };
  }
  port.postMessage(answer);
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
});

function get({ get: url, headers, milliseconds, bytes, body: sentBody, refusals }) {
  return new Promise((resolve, reject) => {
    const { request, Agent } = url.startsWith('https:') ? https : http;
    const method = sentBody === null ? 'GET' : 'POST';
    const sent = request(url, { method, headers: { ...Object.fromEntries(headers), 'accept-encoding': 'br, gzip' }, agent: new Agent({ proxyEnv: process.env }) });
    const timer = setTimeout(() => sent.destroy(Object.assign(new Error('the time is over'), { code: 'TIMEOUT' })), milliseconds);
    const settle = (settled) => (value) => {
      clearTimeout(timer);
      settled(value);
      sent.destroy();
    };
    sent.on('error', settle(reject));
    sent.on('upgrade', ({ statusCode: status }) => settle(resolve)({ head: { status, etag: null, cache_control: null }, body: new Uint8Array() }));
    sent.on('response', (response) => {
      const { statusCode: status, headers: { etag = null, 'cache-control': cacheControl = null } } = response;
      const done = (body) => settle(resolve)({ head: { status, etag, cache_control: cacheControl }, body });
      if (status !== 200 && !refusals) return done(new Uint8Array());
      const chunks = [];
      let length = 0;
      const decoder = DECODERS[response.headers['content-encoding']?.toLowerCase()]?.();
      const body = decoder === undefined ? response : response.pipe(decoder);
      response.on('error', settle(reject));
      response.on('aborted', () => settle(reject)(Object.assign(new Error('aborted'), { code: 'ECONNRESET' })));
      body.on('error', settle(reject));
      body.on('data', (chunk) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length > bytes) done(Buffer.concat(chunks));
      });
      body.on('end', () => done(Buffer.concat(chunks)));
    });
    sent.end(sentBody ?? undefined);
  });
}
