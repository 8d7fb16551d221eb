// The packed file on a machine without Rust, as its users meet it: from an empty folder to a request that is allowed.

import assert from 'node:assert/strict';
import { cpSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { rawExchange, request } from '../edge/support/http.mjs';
import { ARCHIVE, Machine, VERSION } from './machine.mjs';

const BUILD = fileURLToPath(new URL('../../build', import.meta.url));
const ANSWERS = '--issuer https://tenant.logto.app/oidc --audience https://api.example.com --origin https://origin.example.com --offline';

const machine = new Machine();
after(() => machine.close());
const project = machine.folder('project');
const npx = (words, folder = project) => machine.run(`npx --yes --package='${ARCHIVE}' portcullis ${words}`, folder);

/** The number of a port that is free, like the three above it. */
async function freePorts() {
  const isFree = (port) => new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false)).listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
  for (let port = 20_000 + Math.floor(Math.random() * 20_000); ; port += 4) {
    if ((await Promise.all([port, port + 1, port + 2, port + 3].map(isFree))).every(Boolean)) return port;
  }
}

test('there is no Rust on this machine', () => {
  for (const program of ['cargo', 'rustc', 'rustup']) assert.notEqual(machine.run(`command -v ${program}`, project).code, 0, program);
});

test('init makes a project in an empty folder, and nothing in another one', () => {
  const made = npx(`init ${ANSWERS}`);
  assert.equal(made.code, 0, made.err);
  assert.deepEqual(readdirSync(project).sort(), ['.gitignore', 'README.md', 'package.json', 'policy.test.toml', 'src', 'wrangler.jsonc']);
  const { devDependencies } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));
  assert.equal(devDependencies.portcullis, VERSION);
  const again = npx(`init ${ANSWERS}`);
  assert.equal(again.code, 2);
  assert.match(again.err, /^error: the folder \. is not empty/);
  const unknown = npx(`init ${ANSWERS} --template ory`, machine.folder('unknown'));
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /invalid value 'ory' for '--template/);
  const missing = npx('dev', project);
  assert.deepEqual([missing.code, missing.err], [2, 'error: wrangler is not installed here: npm install --save-dev wrangler\n']);
});

test('npm installs it, and the first request is allowed', async (t) => {
  // The version is not in the registry yet.
  const manifest = join(project, 'package.json');
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(`"portcullis": "${VERSION}"`, `"portcullis": "file:${ARCHIVE}"`));
  const started = performance.now();
  const installed = machine.run('npm install --no-audit --no-fund', project);
  assert.equal(installed.code, 0, installed.err);
  const scripts = JSON.parse(readFileSync(join(project, 'node_modules/portcullis/package.json'), 'utf8')).scripts;
  assert.equal(scripts, undefined, 'nothing is run by its installation');
  const port = await freePorts();
  const dev = await machine.start(`npm run dev -- --port ${port}`, project, /A token with other claims/);
  const [, compact] = /\n\n(eyJ[\w-]+\.[\w-]+\.[\w-]+)\n/.exec(dev.printed);
  const allowed = await fetch(`http://localhost:${port}/demo`, { headers: { authorization: `Bearer ${compact}` } });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  assert.equal(allowed.status, 200);
  const { received } = await allowed.json();
  assert.deepEqual([received.method, received.url, received.headers['x-auth-subject']], ['GET', '/demo', 'local-user']);
  assert.equal(received.headers.authorization, `Bearer ${compact.split('.', 2).join('.')}.…`, 'without its signature');
  t.diagnostic(`from npm install to the first 200: ${seconds} s`);

  await t.test('the printed lines do what is said of them', () => {
    const lines = dev.printed.split('\n').filter((line) => line.startsWith('curl -i '));
    assert.equal(lines.length, 2, dev.printed);
    const statuses = lines.map((line) => machine.run(line, project).out.split('\r\n')[0]);
    assert.deepEqual(statuses, ['HTTP/1.1 200 OK', 'HTTP/1.1 401 Unauthorized']);
  });

  await t.test('the workbench shows the policy, and the printed link why a request is refused', async () => {
    const workbench = `http://127.0.0.1:${port + 3}`;
    const [, link] = new RegExp(`(${workbench}/#\\S+)`).exec(dev.printed);
    assert.equal(new URLSearchParams(new URL(link).hash.slice(1)).get('explain'), 'GET /demo');
    assert.match(await (await fetch(workbench)).text(), /<title>Portcullis workbench/);
    const shown = await (await fetch(`${workbench}/workbench.json`)).json();
    assert.equal(shown.policy, readFileSync(join(project, 'wrangler.jsonc'), 'utf8'));
    assert.equal(shown.tests, readFileSync(join(project, 'policy.test.toml'), 'utf8'));
    assert.deepEqual([shown.file, shown.requests.map(({ as }) => as)], ['wrangler.jsonc', ['local', undefined]]);
    const withIt = await fetch(`http://localhost:${port}/demo`, { headers: { authorization: `Bearer ${shown.tokens.local}` } });
    assert.equal(withIt.status, 200);
    const rebound = await request(port + 3, '/workbench.json', { host: 'page.example.com' });
    assert.deepEqual([rebound.status, rebound.text], [403, '']);
  });

  await t.test('a token with other claims is made, and refused', async () => {
    const token = async (claims) => (await fetch(`http://localhost:${port + 1}/token`, { method: 'POST', body: claims })).text();
    const answer = await fetch(`http://localhost:${port}/`, { headers: { authorization: `Bearer ${await token('{"aud": "https://other.example.com"}')}` } });
    assert.deepEqual([answer.status, (await answer.json()).code], [403, 'auth.invalid_audience']);
    const bad = await fetch(`http://localhost:${port + 1}/token`, { method: 'POST', body: '[]' });
    assert.equal(bad.status, 400);
    const rebound = await request(port + 1, '/token', { method: 'POST', host: 'page.example.com', body: '{}' });
    assert.deepEqual([rebound.status, rebound.text], [403, '']);
  });

  await t.test('a change of the policy is picked up, and one with an error is not', async () => {
    const file = join(project, 'wrangler.jsonc');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('"https://api.example.com" }', '"https://new.example.com" }'));
    await dev.until(/wrangler\.jsonc has changed/);
    const status = async () => (await fetch(`http://localhost:${port}/demo`, { headers: { authorization: `Bearer ${compact}` } })).status;
    for (let turn = 0; turn < 100 && (await status()) !== 403; turn += 1) await new Promise((done) => setTimeout(done, 100));
    assert.equal(await status(), 403);
    writeFileSync(file, text.replace('"audience"', '"audienze"'));
    await dev.until(/unknown key/);
    assert.equal(await status(), 403);
    writeFileSync(file, text);
  });
  // A caller that leaves, and one that asks for nothing sensible, end nothing.
  await t.test('callers that misbehave', async () => {
    await rawExchange(port, 'POST /demo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc', { timeout: 300 });
    await rawExchange(port + 1, 'GET // HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.equal((await fetch(`http://localhost:${port}/demo`)).status, 401);
    const second = machine.run(`npx portcullis dev --port ${port + 1}`, project);
    assert.equal(second.code, 2, 'a port that is in use');
    assert.match(second.err, /^error: listen EADDRINUSE/m);
  });

  await dev.stop();
  for (const left of [port, port + 1, port + 2, port + 3]) await assert.rejects(fetch(`http://127.0.0.1:${left}/`), 'nothing runs on');
});

test('the policy is checked and tested', () => {
  for (const [command, expected] of [['npm run check', /no problems/], ['npm test', /3 passed/]]) {
    const { code, out, err } = machine.run(command, project);
    assert.equal(code, 0, err + out);
    assert.match(out, expected);
  }
  const explained = machine.run('npx portcullis explain GET /a --claims \'{"aud": "https://api.example.com"}\' --expect allow', project);
  assert.equal(explained.code, 0, explained.err);
});

test('wrangler takes the project as it is, with the Worker that was tested', async () => {
  const wasm = readFileSync(join(BUILD, 'index_bg.wasm'));
  assert.ok(readFileSync(join(project, 'node_modules/portcullis/index.js')).equals(readFileSync(join(BUILD, 'index.js'))));
  const toml = machine.folder('toml');
  assert.equal(machine.run(`npx portcullis init ${ANSWERS} --format toml --dir '${toml}'`, project).code, 0);
  symlinkSync(join(project, 'node_modules'), join(toml, 'node_modules'));
  for (const folder of [project, toml]) {
    const { code, out, err } = machine.run('npx wrangler deploy --dry-run --outdir out', folder);
    assert.equal(code, 0, err + out);
    assert.match(out, /env\.JWKS.+KV Namespace/);
    const uploaded = readdirSync(join(folder, 'out')).filter((file) => file.endsWith('.wasm'));
    assert.equal(uploaded.length, 1);
    assert.ok(readFileSync(join(folder, 'out', uploaded[0])).equals(wasm));
  }
  const port = await freePorts();
  const dev = await machine.start(`npx wrangler dev --ip 127.0.0.1 --port ${port} --show-interactive-dev-session=false`, project, /Ready on/);
  const refused = await fetch(`http://127.0.0.1:${port}/`);
  assert.deepEqual([refused.status, (await refused.json()).code], [401, 'auth.authorization_header_missing']);
  await dev.stop();
});

test('the configurations of docs/deploy.md are whole', () => {
  const page = readFileSync(new URL('../../docs/deploy.md', import.meta.url), 'utf8');
  const whole = [...page.matchAll(/```jsonc\n(\{\n[^]+?)```/g)].map(([, text]) => text);
  assert.equal(whole.length, 2);
  for (const [index, text] of whole.entries()) {
    const folder = machine.folder(`deploy-${index}`);
    symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'));
    cpSync(join(project, 'src'), join(folder, 'src'), { recursive: true });
    writeFileSync(join(folder, 'wrangler.jsonc'), text);
    const checked = machine.run('npx portcullis check --deny-warnings', folder);
    assert.equal(checked.code, 0, checked.out);
    const environments = ['', ...(text.includes('"staging"') ? [' --env staging'] : [])];
    for (const environment of environments) {
      const { code, err } = machine.run(`npx wrangler deploy --dry-run${environment}`, folder);
      assert.equal(code, 0, err);
    }
  }
});

test('a Node that is too old is told which one is needed', () => {
  const old = "data:text/javascript,Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.0' } })";
  const { code, err } = machine.run(`node --import "${old}" node_modules/portcullis/bin/portcullis.mjs check`, project);
  assert.deepEqual([code, err], [2, 'error: Node 20 or newer is required, and this is 18.20.0\n']);
});

test('a team puts it in front of its own app', async () => {
  const app = machine.folder('app');
  writeFileSync(join(app, 'package.json'), JSON.stringify({ type: 'module', dependencies: { hono: '4.13.19', portcullis: `file:${ARCHIVE}`, wrangler: '4.164.0' }, devDependencies: { typescript: '5.9.3' } }));
  const policy = { version: 1, origin: 'passthrough', routes: [{ path: '/hello/{name}', access: 'public' }, { path: '/closed', audience: 'a' }], issuers: { i: { issuer: 'https://i.example.com' } } };
  writeFileSync(join(app, 'wrangler.json'), JSON.stringify({ name: 'app', main: 'index.ts', compatibility_date: '2026-11-01', kv_namespaces: [{ binding: 'JWKS' }], vars: { POLICY: policy } }));
  writeFileSync(join(app, 'index.ts'), `
    import { Hono } from 'hono';
    import { gate } from 'portcullis';
    const app = new Hono();
    app.get('/hello/:name', (c) => c.text('hello ' + c.req.param('name') + ' ' + (c.req.header('x-auth-subject') ?? 'nobody')));
    export default gate(app);
  `);
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions: { strict: true, noEmit: true, module: 'esnext', moduleResolution: 'bundler', target: 'esnext', lib: ['esnext', 'dom'], types: [] }, include: ['*.ts'] }));
  const installed = machine.run('npm install --no-audit --no-fund --prefer-offline', app);
  assert.equal(installed.code, 0, installed.err);
  const typed = machine.run('npx tsc', app);
  assert.equal(typed.code, 0, typed.out);
  writeFileSync(join(app, 'wrong.ts'), "import { gate } from 'portcullis';\nexport default gate({ fetch: 1 });\n");
  assert.match(machine.run('npx tsc', app).out, /wrong\.ts.+error TS2322/);
  const port = await freePorts();
  const dev = await machine.start(`npx wrangler dev --ip 127.0.0.1 --port ${port} --show-interactive-dev-session=false`, app, /Ready on/);
  const hello = await fetch(`http://127.0.0.1:${port}/hello/you`, { headers: { 'x-auth-subject': 'root' } });
  assert.deepEqual([hello.status, await hello.text()], [200, 'hello you nobody']);
  assert.equal((await fetch(`http://127.0.0.1:${port}/closed`)).status, 401);
  await dev.stop();
});
