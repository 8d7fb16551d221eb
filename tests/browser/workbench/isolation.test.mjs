// What the workbench may reach, and who may reach it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

import { startProvider } from '../../../demo/provider.mjs';
import { request } from '../../edge/support/http.mjs';
import { SITE, startStage } from './stage.mjs';

const stage = await startStage();
const { workbench } = stage;
const provider = await startProvider();
after(() => provider.close());

describe('the page\'s own policy', { timeout: 120_000 }, () => {
  const target = `${provider.issuer}/jwks?leak`;
  test('the page, and the thread of the tool, connect nowhere', async () => {
    const page = await workbench.open();
    stage.elsewhere();
    const results = await page.run(async (target) => {
      const inPage = await fetch(target).then(() => 'sent', () => 'blocked');
      const beacon = navigator.sendBeacon(target, 'x');
      const image = await new Promise((done) => Object.assign(new Image(), { onload: () => done('sent'), onerror: () => done('blocked'), src: target }));
      const source = `fetch(${JSON.stringify(target)}).then(() => postMessage('sent'), () => postMessage('blocked'))`;
      const inWorker = await new Promise((done) => {
        new Worker(URL.createObjectURL(new Blob([source]))).onmessage = ({ data }) => done(data);
      });
      return [inPage, image, inWorker, typeof beacon];
    }, target);
    assert.deepEqual(results, ['blocked', 'blocked', 'blocked', 'boolean']);
    assert.deepEqual(stage.elsewhere(), []);
  });
  test('another page cannot read by the frame that fetches, even where the server sends no headers', async () => {
    const plain = http.createServer((request, response) => {
      const name = request.url.slice(1).split(/[?#]/)[0];
      const types = { html: 'text/html', js: 'text/javascript' };
      if (name === 'secret.json') return response.end('{"secret":1}');
      return response.writeHead(200, { 'content-type': types[name.split('.').at(-1)] }).end(readFileSync(join(SITE, name)));
    });
    const foreign = http.createServer((request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><main aria-busy="false"></main><div id="decision"><p role="status">'));
    for (const started of [plain, foreign]) await new Promise((resolve) => started.listen(0, '127.0.0.1', resolve));
    try {
      const page = await workbench.open({ url: `http://127.0.0.1:${foreign.address().port}` });
      const read = await page.run(async (host) => {
        const heard = [];
        addEventListener('message', ({ data }) => heard.push(data));
        const frame = document.createElement('iframe');
        frame.src = `${host}/keys.html#${encodeURIComponent(JSON.stringify({ url: `${host}/secret.json`, accept: '*/*' }))}`;
        const loaded = new Promise((done) => (frame.onload = done));
        document.body.append(frame);
        await loaded;
        await new Promise((done) => setTimeout(done, 300));
        return heard;
      }, `http://127.0.0.1:${plain.address().port}`);
      assert.deepEqual(read, []);
      assert.ok(!stage.requested().some((request) => request.endsWith('/secret.json')), 'it is not even asked for');
    } finally {
      plain.close();
      foreign.close();
    }
  });
  test('it is not another page\'s, by name or by frame', async () => {
    for (const [host, status] of [[`127.0.0.1:${new URL(stage.url).port}`, 200], ['workbench.example.com', 403]]) {
      const answer = await request(Number(new URL(stage.url).port), '/workbench.json', { host });
      assert.equal(answer.status, status);
    }
    const answer = await fetch(stage.url);
    assert.match(answer.headers.get('content-security-policy'), /connect-src 'self'.+frame-ancestors 'self'/);
    assert.equal(answer.headers.get('cross-origin-resource-policy'), 'same-origin');
  });
});
