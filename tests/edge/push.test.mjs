// `portcullis push` and `portcullis promote`: by the real wrangler into local KV, from where a gate takes its policy.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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

const promote = (args, local = ['--local', '--', '--persist-to', 'state', '--config', 'wrangler.toml']) => run(tool, ['promote', ...args, ...local], { cwd: folder, env });
const digest = (text) => createHash('sha256').update(text).digest('hex').slice(0, 16);

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

/** What the namespace of the folder has, key by key. */
async function stored(...keys) {
  const [gate] = await startGates([{ policies: NAMESPACE }], { kvDirectory: join(folder, 'state/v3') });
  try {
    const namespace = await gate.policies();
    return await Promise.all(keys.map((key) => namespace.get(key)));
  } finally {
    await gate.close();
  }
}

test('a candidate is written beside the policy, and promoted if it is the one that was judged', { timeout: 600_000 }, async (t) => {
  const [live] = await stored('policy');
  const none = await promote(['other.yaml']);
  assert.deepEqual([none.code, none.out], [2, '']);
  assert.match(none.err, /error: POLICY_KV has no candidate: `portcullis push --candidate` writes one\n$/);
  const undropped = await push(['--drop-candidate']);
  assert.deepEqual([undropped.code, undropped.out], [0, 'POLICY_KV has no candidate.\n']);

  const candidate = JSON.stringify({ version: 1, origin: origin.url, routes: [{ path: '/b', access: 'public' }] });
  const changes = `- route /a\n+ route /b\n`;
  const named = `The digest of the candidate is ${digest(candidate)}.\n`;

  await t.test('push --candidate writes it, and no policy', async () => {
    const dry = await push(['other.yaml', '--candidate', '--dry-run']);
    assert.deepEqual([dry.code, dry.out], [0, `${changes}There was no candidate.\n${named}Nothing was written.\n`], dry.err);
    assert.deepEqual(await stored('policy', 'policy:candidate'), [live, null]);
    const first = await push(['policy.toml', '--candidate']);
    const same = `The digest of the candidate is ${digest(live)}.\n`;
    assert.deepEqual([first.code, first.out], [0, `It does not differ from the policy in force.\nThere was no candidate.\n${same}POLICY_KV now has the candidate, with 1 route; gates pick it up within two minutes.\n`], first.err);
    const second = await push(['other.yaml', '--candidate']);
    assert.deepEqual([second.code, second.out], [0, `${changes}It replaces the candidate with the digest ${digest(live)}.\n${named}POLICY_KV now has the candidate, with 1 route; gates pick it up within two minutes.\n`], second.err);
    assert.deepEqual(await stored('policy', 'policy:candidate'), [live, candidate]);
    const third = await push(['other.yaml', '--candidate']);
    assert.deepEqual([third.code, third.out], [0, `${changes}POLICY_KV already has this candidate.\n${named}`], third.err);
  });

  await t.test('another one than was judged is not promoted', async () => {
    for (const [args, message] of [
      [['policy.toml'], `the candidate in POLICY_KV has the digest ${digest(candidate)}, the policy in policy.toml has ${digest(live)}: nothing was written`],
      [['--digest', digest(live)], `the candidate in POLICY_KV has the digest ${digest(candidate)}, not ${digest(live)}: nothing was written`],
      // With both, both count.
      [['policy.toml', '--digest', digest(candidate)], `the policy in policy.toml has ${digest(live)}: nothing was written`],
    ]) {
      const { code, out, err } = await promote(args);
      assert.deepEqual([code, out], [2, ''], args.join(' '));
      assert.ok(err.replace(/\s+/g, ' ').includes(message), err);
    }
    assert.deepEqual(await stored('policy', 'policy:candidate'), [live, candidate]);
  });

  await t.test('a dry run writes nothing', async () => {
    const { code, out, err } = await promote(['other.yaml', '--dry-run']);
    assert.deepEqual([code, out], [0, `${changes}${named}Nothing was written.\n`], err);
    const drop = await push(['--drop-candidate', '--dry-run']);
    assert.deepEqual([drop.code, drop.out], [0, `${named}Nothing was deleted.\n`], drop.err);
    assert.deepEqual(await stored('policy', 'policy:candidate'), [live, candidate]);
  });

  await t.test('the one that was judged is', async () => {
    const { code, out, err } = await promote(['other.yaml']);
    assert.deepEqual([code, out], [0, `${changes}${named}POLICY_KV now has the policy, with 1 route; gates pick it up within two minutes.\n`], err);
    assert.deepEqual(await stored('policy', 'policy:candidate'), [candidate, null]);
    await inForce('/b');
  });

  await t.test('a digest needs no file', async () => {
    assert.equal((await push(['policy.toml', '--candidate'])).code, 0);
    const { code, err } = await promote(['--digest', digest(live).toUpperCase()]);
    assert.equal(code, 0, err);
    assert.deepEqual(await stored('policy', 'policy:candidate'), [live, null]);
  });

  await t.test('one that is dropped is gone', async () => {
    assert.equal((await push(['other.yaml', '--candidate'])).code, 0);
    const { code, out, err } = await push(['--drop-candidate']);
    assert.deepEqual([code, out], [0, `${named}POLICY_KV has no candidate any more; gates notice within two minutes.\n`], err);
    assert.deepEqual(await stored('policy', 'policy:candidate'), [live, null]);
  });
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

/** Cloudflare's API for one namespace, and the environment in which wrangler asks it. `refuses` is told each request. */
async function cloudflare(t, refuses = () => false) {
  const kept = new Map();
  const api = createServer(async (request, response) => {
    const [, encoded] = /^\/accounts\/account\/storage\/kv\/namespaces\/[0-9a-f]+\/(?:values\/([^?]+)|keys)/.exec(request.url) ?? [];
    const key = encoded && decodeURIComponent(encoded);
    const json = (status, value) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    const done = (result) => json(200, { success: true, errors: [], messages: [], result });
    const failed = (status, code, message) => json(status, { success: false, errors: [{ code, message }], messages: [], result: null });
    if (request.headers.authorization !== 'Bearer api-token') return json(403, { success: false, errors: [], messages: [], result: null });
    if (refuses(request.method, key)) return failed(400, 10000, 'refused by the test');
    if (key === undefined) return done([...kept.keys()].map((name) => ({ name })));
    if (request.method === 'PUT') {
      const body = Buffer.concat(await request.toArray());
      // As a form, or as it is.
      const form = new Response(body, { headers: { 'content-type': request.headers['content-type'] ?? 'text/plain' } });
      kept.set(key, request.headers['content-type']?.startsWith('multipart/') ? (await form.formData()).get('value') : body.toString());
      return done({});
    }
    if (request.method === 'DELETE') {
      kept.delete(key);
      return done({});
    }
    return kept.has(key) ? response.end(kept.get(key)) : failed(404, 10009, "get: 'key not found'");
  });
  api.listen(0, '127.0.0.1');
  await once(api, 'listening');
  t.after(() => api.close());
  const account = { CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${api.address().port}`, CLOUDFLARE_API_TOKEN: 'api-token', CLOUDFLARE_ACCOUNT_ID: 'account' };
  const remote = (...args) => run(tool, [...args, '--', '--config', 'wrangler.toml'], { cwd: folder, env: { ...env, ...account } });
  return { kept, remote };
}

test('into the deployed Worker\'s KV, by Cloudflare\'s API', { timeout: 240_000 }, async (t) => {
  const { kept, remote } = await cloudflare(t);
  const first = await remote('push', 'policy.toml');
  assert.deepEqual([first.code, first.out], [0, 'There was no policy.\nPOLICY_KV now has the policy, with 1 route; gates pick it up within two minutes.\n'], first.err);
  assert.equal(JSON.parse(kept.get('policy')).routes[0].path, '/a');
  const again = await remote('push', 'policy.toml');
  assert.deepEqual([again.code, again.out], [0, 'POLICY_KV already has this policy.\n'], again.err);
  kept.set('policy', kept.get('policy').replace('"routes":', '"routes":[],"routes":'));
  const mended = await remote('push', 'policy.toml');
  assert.match(mended.out, /^The policy there has errors: the gate refuses it\.\nPOLICY_KV now has the policy, with 1 route/, mended.err);
  assert.doesNotMatch(kept.get('policy'), /"routes":\[\]/);

  const candidate = await remote('push', 'other.yaml', '--candidate');
  assert.equal(candidate.code, 0, candidate.err);
  const text = kept.get('policy:candidate');
  const promoted = await remote('promote', '--digest', digest(text));
  assert.equal(promoted.code, 0, promoted.err);
  assert.deepEqual([...kept], [['policy', text]]);
});

test('a candidate is promoted as it is, byte by byte, or not at all', { timeout: 240_000 }, async (t) => {
  const { kept, remote } = await cloudflare(t);
  // Nearly as large as a policy may be.
  const spaced = `${JSON.stringify({ version: 1, routes: [{ path: '/spaced', access: 'deny' }] }, null, 1)}${' '.repeat(3_000_000)}\n`;
  const bad = '{"version":1,"routes":[{"path":"a","access":"deny"}]}';
  kept.set('policy:candidate', bad);
  const refused = await remote('promote', '--digest', digest(bad));
  assert.deepEqual([refused.code, refused.out], [2, ''], refused.err);
  assert.match(refused.err, /expected a path that starts with[^]*policy:candidate:1:/);
  assert.deepEqual([...kept], [['policy:candidate', bad]]);
  kept.set('policy:candidate', spaced);
  const { code, err } = await remote('promote', '--digest', digest(spaced));
  assert.equal(code, 0, err);
  assert.deepEqual([...kept.keys()], ['policy']);
  assert.ok(kept.get('policy') === spaced);
});

test('the documentation shows what they print', { timeout: 240_000 }, async (t) => {
  const { kept, remote } = await cloudflare(t);
  const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  const documented = (scopes) => ({
    version: 1,
    origin: 'https://origin.example.com',
    issuers: { logto: { issuer: 'https://tenant.logto.app/oidc' } },
    routes: ['/orders', '/orders/{id}'].map((path) => ({ path, audience: 'https://api.example.com', ...scopes })),
  });
  const current = documented({});
  kept.set('policy', JSON.stringify({ ...current, routes: current.routes.slice(0, 1) }));
  writeFileSync(join(folder, 'documented.json'), JSON.stringify(documented({ scopes: ['read:orders'] })));
  const pushed = await remote('push', 'documented.json', '--candidate');
  assert.equal(pushed.code, 0, pushed.err);
  assert.ok(page.includes(`$ portcullis push policy.toml --candidate\n${pushed.out}\`\`\``), pushed.out);
  const name = digest(kept.get('policy:candidate'));
  const promoted = await remote('promote', '--digest', name);
  assert.equal(promoted.code, 0, promoted.err);
  assert.ok(page.includes(`$ portcullis promote --digest ${name}\n${promoted.out}\`\`\``), promoted.out);
});

test('a promotion that stops in the middle harms nothing', { timeout: 240_000 }, async (t) => {
  let refused = 'PUT policy';
  const { kept, remote } = await cloudflare(t, (method, key) => `${method} ${key}` === refused);
  const [old, text] = ['/a', '/b'].map((path) => JSON.stringify({ version: 1, origin: origin.url, routes: [{ path, access: 'public' }] }));
  kept.set('policy', old).set('policy:candidate', text);

  const unwritten = await remote('promote', 'other.yaml');
  assert.equal(unwritten.code, 2, unwritten.err);
  assert.match(unwritten.err, /error: wrangler failed: exit status: 1\n$/);
  assert.deepEqual([...kept], [['policy', old], ['policy:candidate', text]]);

  refused = 'DELETE policy:candidate';
  const undeleted = await remote('promote', 'other.yaml');
  assert.equal(undeleted.code, 1, undeleted.err);
  assert.match(undeleted.out, /POLICY_KV now has the policy, with 1 route/);
  const message = 'error: the candidate was promoted, but not deleted (wrangler failed: exit status: 1): it is the same as the policy, so nothing is decided otherwise; `portcullis push --drop-candidate` deletes it';
  assert.ok(undeleted.err.replace(/\s+/g, ' ').includes(message), undeleted.err);
  assert.deepEqual([...kept], [['policy', text], ['policy:candidate', text]]);

  refused = undefined;
  const dropped = await remote('push', '--drop-candidate');
  assert.equal(dropped.code, 0, dropped.err);
  assert.deepEqual([...kept], [['policy', text]]);
});

test('where wrangler fails, so does it', { timeout: 120_000 }, async () => {
  const { code, out, err } = await push(['policy.toml'], ['--local', '--', '--nonesuch']);
  assert.deepEqual([code, out], [2, '']);
  assert.match(err, /nonesuch/);
  assert.match(err, /error: wrangler failed: exit status: 1/);
});

test('without wrangler nothing is tried', async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'portcullis-push-'));
  writeFileSync(join(elsewhere, 'wrangler.toml'), `name = "gate"\n${bound(NAMESPACE)}`);
  writeFileSync(join(elsewhere, 'policy.toml'), policy('/a'));
  const { code, err } = await run(tool, ['push', 'policy.toml', '--local'], { cwd: elsewhere, env: { ...env, PATH: dirname(process.execPath) } });
  rmSync(elsewhere, { recursive: true, force: true });
  assert.deepEqual([code, err], [2, 'error: wrangler is not installed here: npm install --save-dev wrangler\n']);
});
