// The workbench's tool decides as the native one.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { ROOT, targetFolder } from '../../../scripts/toolchain.mjs';
import { mint, newKey } from '../../edge/support/tokens.mjs';
import { startStage } from './stage.mjs';

const API = 'https://api.yourapp.com';
const seconds = () => Math.floor(Date.now() / 1000);

const stage = await startStage();
const { workbench } = stage;

describe('its tool', { timeout: 180_000 }, () => {
  test('answers as the native one', async () => {
    assert.equal(spawnSync('cargo', ['build', '--locked', '--quiet', '--package', 'portcullis-cli', '--bin', 'portcullis'], { cwd: ROOT, stdio: 'inherit' }).status, 0);
    const native = (args) => {
      const { stdout } = spawnSync(join(targetFolder(), 'debug/portcullis'), args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 28 });
      return stdout === '' ? undefined : JSON.parse(stdout);
    };
    const folders = ['examples/policies', 'cli/tests/policies', 'site/example'];
    const files = folders.flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`));
    const policies = files.filter((name) => /\.(toml|ya?ml|jsonc?)$/.test(name) && !name.includes('.test.') && !name.endsWith('requests.json'));
    assert.ok(policies.length > 20, policies.join());
    const page = await workbench.open();
    const ask = (command, question) => page.run(askTool, command, question);
    let compared = 0;
    for (const name of policies) {
      const policy = { name, text: readFileSync(join(ROOT, name), 'utf8') };
      const checked = native(['check', '--format', 'json', name]);
      assert.deepEqual((await ask('check', { policy })).is, checked, name);
      const rows = native(['routes', '--format', 'json', name]);
      assert.deepEqual((await ask('routes', { policy })).is, rows, name);
      if (rows === undefined) continue;
      for (const { path, methods, host } of rows.slice(0, 12)) {
        const [method, url] = [methods?.[0] ?? 'GET', `https://${host?.replaceAll(/[{}]/g, '') ?? 'api.example.com'}${path.replaceAll(/[{}*]/g, '')}`];
        const claims = JSON.stringify({ aud: API, sub: 'user-1', scope: 'read:products read:data', organization_id: 'org' });
        const common = ['explain', method, url, '--policy', name, '--format', 'json', '--now', '1800000000'];
        const question = { policy, method, url, headers: ['x-own: 1'], now: '1800000000' };
        assert.deepEqual((await ask('explain', { ...question, claims })).is, native([...common, '--header', 'x-own: 1', '--claims', claims]), `${name} ${url}`);
        assert.deepEqual((await ask('explain', question)).is, native([...common, '--header', 'x-own: 1']), `${name} ${url}`);
        compared += 2;
      }
    }
    assert.ok(compared > 100, `${compared}`);
  });
  for (const alg of ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']) {
    test(`verifies ${alg} with the Worker's JavaScript`, async () => {
      const key = newKey(alg);
      const token = mint(key, { iss: 'https://i.example.com', aud: API, exp: seconds() + 60 });
      const policy = { name: 'p.json', text: JSON.stringify({ version: 1, origin: 'https://o.example.com', issuers: { i: { issuer: 'https://i.example.com' } }, routes: [{ path: '/', audience: API }] }) };
      const question = { policy, method: 'GET', url: '/', headers: [], keys: { name: 'k.json', text: JSON.stringify({ keys: [key.jwk] }) } };
      const page = await workbench.open();
      const [head, body, signature] = token.split('.');
      const altered = `${head}.${body}.${signature.slice(0, 8)}${signature[8] === 'A' ? 'B' : 'A'}${signature.slice(9)}`;
      const decisions = [];
      for (const candidate of [token, altered]) decisions.push((await page.run(askTool, 'explain', { ...question, token: candidate })).is.decision);
      assert.deepEqual(decisions, ['allow', 'deny']);
    });
  }
});

/** In the page: the answer to a question by a thread of its own. */
async function askTool(command, question) {
  window.asked ??= (async () => {
    const [module, source] = await Promise.all([fetch('workbench.wasm').then(WebAssembly.compileStreaming), fetch('worker.js').then((response) => response.text())]);
    const worker = new Worker(URL.createObjectURL(new Blob([source])));
    worker.postMessage({ module });
    return worker;
  })();
  const worker = await window.asked;
  const { answer, broken } = await new Promise((done) => {
    worker.onmessage = ({ data }) => done(data);
    worker.postMessage({ id: 1, question: JSON.stringify({ [command]: question }), documents: {} });
  });
  if (broken !== undefined) throw new Error(broken);
  return answer;
}
