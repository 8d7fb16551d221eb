// `portcullis dev`: runs the Worker of this package under `wrangler dev`, with a local issuer, an origin and the workbench,
// as the plan of the tool says (cli/src/dev).

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, watchFile, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Issuer } from './issuer.mjs';
import { startOrigin } from './origin.mjs';
import { quoted } from './shell.mjs';
import { linkTo, startWorkbench } from './workbench.mjs';

const LEAST_NODE = [22, 12]; // what wrangler asks for
const HOST = '127.0.0.1';
const SITE = fileURLToPath(new URL('../site', import.meta.url));
const TESTS = 'policy.test.toml';
/** The name of the sample's token in the workbench. */
const LOCAL = 'local';
/** Of the policy's file, in milliseconds. */
const POLL = 300;
/** How long wrangler may take to end, in milliseconds. */
const LAST_MOMENTS = 5000;
/** What wrangler says once the gate answers. */
const READY = /Ready on http/;

/** Runs until it is interrupted; gives the exit code. `replan` gives the plan again, undefined if the policy has errors. */
export async function dev(plan, replan) {
  let current = plan;
  const wrangler = findWrangler();
  const issuer = plan.issuers.length > 0 ? await Issuer.start(plan.issuers, HOST, plan.port + 1) : undefined;
  const origin = plan.origin ?? (await startOrigin(HOST, plan.port + 2, secretHeader(plan.policy)));
  const workbench = await startWorkbench({ folder: SITE, host: HOST, port: plan.port + 3, fixture: () => fixture(current, issuer) });
  const project = new Project(plan, issuer, origin);
  project.write(plan);
  const child = spawn(process.execPath, [wrangler, ...project.args()], { stdio: ['ignore', 'pipe', 'inherit'], env: environment() });
  const isInterrupted = endWith(child);
  const isUp = new Promise((done) => {
    child.stdout.on('data', (text) => {
      process.stderr.write(text);
      if (READY.test(text)) done(true);
    });
  });
  const ended = new Promise((done) => child.on('exit', (code) => done(code ?? 1)));
  if (await Promise.race([isUp, ended.then(() => false)])) {
    console.log(introduction(plan, issuer, origin, workbench.url));
    watchFile(plan.file, { interval: POLL }, async () => {
      const changed = await replan();
      if (changed === undefined) return;
      issuer?.standFor(changed.issuers);
      current = changed;
      project.write(changed);
      console.log(`\n${relative('.', plan.file)} has changed: the gate takes it\n`);
    });
  }
  const code = await ended;
  return isInterrupted() ? 0 : code || 2;
}

/** What the workbench shows: the policy and its tests as they are in the folder, and the sample with its token. */
function fixture({ file, environment: name, sample }, issuer) {
  const tests = join(dirname(resolve(file)), TESTS);
  const shown = {
    file: basename(file),
    environment: name ?? undefined,
    policy: readFileSync(file, 'utf8'),
    tests: existsSync(tests) ? readFileSync(tests, 'utf8') : undefined,
    keys: issuer && JSON.stringify(issuer.keySet(), null, 2),
  };
  if (sample === null) return shown;
  const requests = [{ title: `${sample.method} ${sample.route}`, ...requestOf(sample, issuer) }, { title: 'The same without a token', ...requestOf(sample) }];
  return { ...shown, requests, tokens: issuer && { [LOCAL]: issuer.token(sample.issuer, sample.claims) } };
}

/** The sample as a request of the workbench. */
function requestOf({ method, host, target, headers }, issuer) {
  const url = host === null ? target : `https://${host}${target}`;
  return { method, url, headers: headers.map(([name, value]) => `${name}: ${value}`), as: issuer && LOCAL };
}

/** Ends wrangler with this process: by an interrupt, since other signals end only the first of its processes. */
function endWith(child) {
  let isInterrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      isInterrupted = true;
      child.kill('SIGINT');
      setTimeout(() => child.kill('SIGKILL'), LAST_MOMENTS).unref();
    });
  }
  process.on('exit', () => child.kill('SIGINT'));
  return () => isInterrupted;
}

/** The header with the gate's secret; undefined if there is none. */
function secretHeader({ identity }) {
  if (identity?.secret === undefined) return undefined;
  return (identity.secret.header ?? `${identity.prefix ?? 'x-auth-'}secret`).toLowerCase();
}

/** wrangler's program in the project, or above. */
function findWrangler() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < LEAST_NODE[0] || (major === LEAST_NODE[0] && minor < LEAST_NODE[1])) {
    throw new Error(`wrangler needs Node ${LEAST_NODE.join('.')} or newer, and this is ${process.versions.node}`);
  }
  try {
    const manifest = createRequire(resolve('package.json')).resolve('wrangler/package.json');
    return join(dirname(manifest), JSON.parse(readFileSync(manifest, 'utf8')).bin.wrangler);
  } catch {
    throw new Error('wrangler is not installed here: npm install --save-dev wrangler');
  }
}

function environment() {
  const env = { WRANGLER_SEND_METRICS: 'false', ...process.env };
  delete env.CLOUDFLARE_ENV; // the configuration is one without environments
  return env;
}

/** The configuration that wrangler runs: the packaged Worker with the policy, as changed for this machine. */
class Project {
  #folder;
  #issuer;
  #origin;
  #port;
  #environment;
  #path;

  constructor({ file, configuration, environment: name, port }, issuer, origin) {
    this.#environment = name;
    this.#folder = dirname(resolve(configuration ?? file));
    this.#issuer = issuer;
    this.#origin = origin;
    this.#port = port;
    // Of its own, so that several may run.
    this.#path = join(this.#folder, `.wrangler/portcullis/${port}/wrangler.json`);
    mkdirSync(dirname(this.#path), { recursive: true });
  }

  write({ policy, compatibility_date }) {
    const configuration = {
      name: 'portcullis-dev',
      main: fileURLToPath(new URL('../worker.js', import.meta.url)),
      compatibility_date,
      vars: { POLICY: this.#local(policy) },
      ...stores(policy),
    };
    writeFileSync(this.#path, `${JSON.stringify(configuration, null, 2)}\n`);
  }

  /** The policy with the local issuer's keys and the local origin. */
  #local(policy) {
    const issuers = this.#issuer?.replaced(policy.issuers) ?? policy.issuers;
    const routes = policy.routes.map(({ origin, ...route }) => route);
    return { ...policy, issuers, routes, origin: this.#origin };
  }

  args() {
    // Secrets for this machine are beside the project's own configuration, as wrangler looks for them.
    const names = this.#environment ? [`.dev.vars.${this.#environment}`, '.dev.vars', '.env'] : ['.dev.vars', '.env'];
    const secrets = names.map((name) => join(this.#folder, name)).find((path) => existsSync(path));
    const own = secrets === undefined ? [] : ['--env-file', secrets];
    return ['dev', '--config', this.#path, '--ip', HOST, '--port', String(this.#port), '--show-interactive-dev-session=false', ...own];
  }
}

function introduction({ port, sample, file }, issuer, origin, workbench) {
  const gate = `http://localhost:${port}`;
  const lines = [`\nThe gate runs at ${gate} with the policy of ${relative('.', file)}, in front of ${origin}.`];
  if (sample === null) {
    lines.push('', 'None of its routes has a request with a token that can be guessed: `portcullis routes` lists them.');
  } else if (issuer === undefined) {
    lines.push('', 'With a token of the issuer in $TOKEN:', '', curl(gate, sample, '$TOKEN'));
  } else {
    const others = issuer.command(sample, '{"aud": "…", "scope": "…", "sub": "…"}');
    lines.push('', `A token for ${sample.route} (valid for an hour):`, '', issuer.token(sample.issuer, sample.claims));
    lines.push('', 'With it, and without:', '', curl(gate, sample, `$(${issuer.command(sample)})`), curl(gate, sample));
    lines.push('', 'A token with other claims (iss, iat and exp are added):', '', others);
  }
  if (sample !== null) lines.push('', 'Why the request without a token is refused, in your browser:', '', linkTo(workbench, requestOf(sample)));
  else lines.push('', `The policy in your browser: ${workbench}`);
  return `${lines.join('\n')}\n`;
}

/** A request as a line for a shell, which runs the command that makes the token. All else is quoted: it is the policy's. */
function curl(gate, { method, target, host, headers, token_header: tokenHeader }, token) {
  const all = [...(host === null ? [] : [['Host', host]]), ...headers];
  const words = all.map(([name, value]) => ` -H ${quoted(`${name}: ${value}`)}`);
  if (token !== undefined) words.push(` -H ${quoted(tokenHeader === null ? 'Authorization: Bearer ' : `${tokenHeader}: `)}"${token}"`);
  return `curl -i ${method === 'GET' ? '' : `-X ${quoted(method)} `}${quoted(gate + target)}${words.join('')}`;
}

/** The bindings of key sets and of the list of revocations. */
function stores({ revocation }) {
  const keys = { binding: 'JWKS', id: 'jwks' };
  if (revocation === undefined) return { kv_namespaces: [keys] };
  const [, kv] = revocation.store.split('kv:');
  if (kv !== undefined) return { kv_namespaces: kv === keys.binding ? [keys] : [keys, { binding: kv, id: 'revocations' }] };
  return {
    kv_namespaces: [keys],
    durable_objects: { bindings: [{ name: revocation.store, class_name: 'Revocations' }] },
    migrations: [{ tag: 'revocations', new_sqlite_classes: ['Revocations'] }],
  };
}
