// `portcullis push`: by the real wrangler into local KV, from where a gate takes its policy.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { assertForwarded } from './support/expect.mjs';
import { startGates } from './support/gate.mjs';
import { startOrigin } from './support/origin.mjs';
import { buildTool, run } from './support/tool.mjs';

const NAMESPACE = '0123456789abcdef';
const STAGING = 'fedcba9876543210';

// Within the repository, so that npx finds its wrangler.
const target = fileURLToPath(new URL('../../target', import.meta.url));
mkdirSync(target, { recursive: true });
const folder = mkdtempSync(join(target, 'push-'));
const origin = await startOrigin();
after(async () => {
  rmSync(folder, { recursive: true, force: true });
  await origin.close();
});

const bound = (id) => `kv_namespaces = [{ binding = "POLICY_KV", id = "${id}" }]\n`;
writeFileSync(join(folder, 'wrangler.toml'), `name = "gate"\ncompatibility_date = "2026-11-01"\n${bound(NAMESPACE)}
[env.staging]\n${bound(STAGING)}\n[env.staging.vars.POLICY]\nversion = 1\nroutes = [{ path = "/staging", access = "deny" }]\n`);
const policy = (path) => `version = 1\norigin = "${origin.url}"\n[[routes]]\npath = "${path}"\naccess = "public"\n`;
writeFileSync(join(folder, 'policy.toml'), policy('/a'));
writeFileSync(join(folder, 'bad.toml'), policy('a'));
writeFileSync(join(folder, 'other.yaml'), `version: 1\norigin: ${origin.url}\nroutes: [{ path: /b, access: public }]\n`);

const tool = buildTool();
const env = { WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1' };
const push = (args, local = ['--local', '--', '--persist-to', 'state', '--config', 'wrangler.toml']) => run(tool, ['push', ...args, ...local], { cwd: folder, env });

async function inForce(path) {
  const [gate] = await startGates([{ policies: NAMESPACE }], { kvDirectory: join(folder, 'state/v3') });
  try {
    assertForwarded(await gate.request(path), origin);
  } finally {
    await gate.close();
  }
}

test('a policy with mistakes is not written', async () => {
  const { code, out, err } = await push(['bad.toml']);
  assert.deepEqual([code, out], [2, '']);
  assert.match(err, /expected a path that starts with/);
});

test('a good one is, and a gate takes it', { timeout: 120_000 }, async () => {
  const first = await push(['policy.toml']);
  assert.equal(first.code, 0, first.err);
  assert.equal(first.out, 'There was no policy.\nPOLICY_KV now has the policy, with 1 route; gates pick it up within two minutes.\n');
  await inForce('/a');

  const again = await push(['policy.toml']);
  assert.deepEqual([again.code, again.out], [0, 'POLICY_KV already has this policy.\n']);

  const dry = await push(['other.yaml', '--dry-run']);
  assert.deepEqual([dry.code, dry.out], [0, '- route /a\n+ route /b\nNothing was written.\n']);
  await inForce('/a');
});

test('what is pushed for an environment goes to its namespace', { timeout: 120_000 }, async () => {
  const { code, out } = await push(['wrangler.toml', '--env', 'staging']);
  assert.equal(code, 0);
  assert.match(out, /^There was no policy\./);
  await inForce('/a');
});

test('a variable in .env does not choose the environment', { timeout: 240_000 }, async () => {
  const [apart, id] = [join(folder, 'dotenv'), 'd0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0'];
  mkdirSync(apart);
  writeFileSync(join(apart, 'wrangler.toml'), `name = "gate"\ncompatibility_date = "2026-11-01"\n${bound(id)}\n[env.staging]\n${bound('e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0')}`);
  writeFileSync(join(apart, 'policy.toml'), policy('/dotenv'));
  writeFileSync(join(apart, '.env'), 'CLOUDFLARE_ENV=staging\n');
  const { code, err } = await run(tool, ['push', 'policy.toml', '--local', '--', '--persist-to', '../state'], { cwd: apart, env });
  assert.equal(code, 0, err);
  assert.match(err, /POLICY_KV \(d0d0/);
  const [gate] = await startGates([{ policies: id }], { kvDirectory: join(folder, 'state/v3') });
  try {
    assert.equal((await (await gate.policies()).get('policy', 'json'))?.routes[0].path, '/dotenv');
  } finally {
    await gate.close();
  }
});

test('what is pushed from another folder goes where the configuration of the file says', { timeout: 240_000 }, async () => {
  // Each gate has its own folder; this one is the current one.
  for (const [name, id] of [['a', 'a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0'], ['b', 'b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0']]) {
    mkdirSync(join(folder, name, 'policies'), { recursive: true });
    const configuration = { name: `gate-${name}`, compatibility_date: '2026-11-01', kv_namespaces: [{ binding: 'POLICY_KV', id }] };
    writeFileSync(join(folder, name, 'wrangler.jsonc'), `// Gate ${name}\n${JSON.stringify(configuration)}`);
    writeFileSync(join(folder, name, 'policies/policy.toml'), policy(`/${name}`));
  }
  const inA = (...args) => run(tool, ['push', ...args], { cwd: join(folder, 'a'), env });
  const pushed = await inA('../b/policies/policy.toml', '--local', '--', '--persist-to', '../state');
  assert.equal(pushed.code, 0, pushed.err);
  assert.match(pushed.err.replace(/\s+/g, ' '), /Writing \d+ bytes to POLICY_KV \(b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0\) of \S*b\/wrangler\.jsonc, local storage \.\.\./);

  const taken = async (id) => {
    const [gate] = await startGates([{ policies: id }], { kvDirectory: join(folder, 'state/v3') });
    try {
      return await (await gate.policies()).get('policy', 'json');
    } finally {
      await gate.close();
    }
  };
  assert.equal((await taken('b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0'))?.routes[0].path, '/b');
  assert.equal(await taken('a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0'), null, 'the gate of the current folder has no policy');
});

test('into the deployed Worker\'s KV, by Cloudflare\'s API', { timeout: 120_000 }, async (t) => {
  const kept = new Map();
  const api = createServer(async (request, response) => {
    const [, key] = /^\/accounts\/account\/storage\/kv\/namespaces\/[0-9a-f]+\/(?:values\/([^?]+)|keys)/.exec(request.url) ?? [];
    const json = (status, value) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    const done = (result) => json(200, { success: true, errors: [], messages: [], result });
    if (request.headers.authorization !== 'Bearer api-token') return json(403, { success: false, errors: [], messages: [], result: null });
    if (key === undefined) return done([...kept.keys()].map((name) => ({ name })));
    if (request.method === 'PUT') {
      const body = Buffer.concat(await request.toArray());
      // As a form, or as it is.
      const form = new Response(body, { headers: { 'content-type': request.headers['content-type'] ?? 'text/plain' } });
      kept.set(key, request.headers['content-type']?.startsWith('multipart/') ? (await form.formData()).get('value') : body.toString());
      return done({});
    }
    return kept.has(key) ? response.end(kept.get(key)) : json(404, { success: false, errors: [{ code: 10009, message: "get: 'key not found'" }], result: null });
  });
  api.listen(0, '127.0.0.1');
  await once(api, 'listening');
  t.after(() => api.close());
  const account = { CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${api.address().port}`, CLOUDFLARE_API_TOKEN: 'api-token', CLOUDFLARE_ACCOUNT_ID: 'account' };
  const remote = (file) => run(tool, ['push', file, '--', '--config', 'wrangler.toml'], { cwd: folder, env: { ...env, ...account } });

  const first = await remote('policy.toml');
  assert.deepEqual([first.code, first.out], [0, 'There was no policy.\nPOLICY_KV now has the policy, with 1 route; gates pick it up within two minutes.\n'], first.err);
  assert.equal(JSON.parse(kept.get('policy')).routes[0].path, '/a');
  const again = await remote('policy.toml');
  assert.deepEqual([again.code, again.out], [0, 'POLICY_KV already has this policy.\n'], again.err);
  kept.set('policy', kept.get('policy').replace('"routes":', '"routes":[],"routes":'));
  const mended = await remote('policy.toml');
  assert.match(mended.out, /^The policy there has errors: the gate refuses it\.\nPOLICY_KV now has the policy, with 1 route/, mended.err);
  assert.doesNotMatch(kept.get('policy'), /"routes":\[\]/);
});

test('where wrangler fails, so does it', { timeout: 120_000 }, async () => {
  const { code, out, err } = await push(['policy.toml'], ['--local', '--', '--nonesuch']);
  assert.deepEqual([code, out], [2, '']);
  assert.match(err, /nonesuch/);
  assert.match(err, /error: wrangler failed: exit status: 1/);
});
