// The origins: servers and frameworks as they come, each with a small app that answers with how it reads the request.

import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startService } from '../../demo/service.mjs';
import { environment, findPython } from '../../examples/python.mjs';
import { must, read } from '../../scripts/process.mjs';

const APPS = fileURLToPath(new URL('apps/', import.meta.url));
const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));
const INSTALLED = fileURLToPath(new URL('../../target/origins/', import.meta.url));
const HOST = '127.0.0.1';

/**
 * Of each: `prepare` gives the program, or fails with the reason why it cannot be had; `args`, and `env` beyond the usual;
 * `view` makes of an answer's body how the origin read the request.
 */
const ROSTER = {
  'php': { prepare: () => onPath(['php'], 'php-cli'), args: (port) => ['-S', `${HOST}:${port}`, 'php.php'], view: ofVariables },
  'express': { prepare: () => process.execPath, args: (port) => ['express/server.mjs', expressFolder(), HOST, port], install: installExpress },
  'http.server': { prepare: findPython, args: (port) => ['http_server.py', HOST, port] },
  'flask': { prepare: () => environment('flask'), args: (port) => ['-m', 'flask', '--app', 'flask_app', 'run', '--host', HOST, '--port', port], path: 'flask' },
  'django': { prepare: () => environment('django'), args: (port) => ['django_app.py', HOST, port], path: 'django' },
  'fastapi': {
    prepare: () => environment('fastapi'), path: 'fastapi',
    args: (port) => ['-m', 'uvicorn', 'fastapi_app:app', '--host', HOST, '--port', port, '--log-level', 'warning'],
  },
  'lighttpd': {
    prepare: () => onPath(['lighttpd', '/usr/sbin/lighttpd'], 'lighttpd'), args: () => ['-D', '-f', 'lighttpd.conf'], view: ofEnvironment,
    env: (port) => ({ ORIGIN_HOST: HOST, ORIGIN_PORT: String(port), ORIGIN_ROOT: APPS }),
  },
};

export const ORIGINS = Object.keys(ROSTER);

/** Gets what an origin needs; fails with the reason where it cannot be had. */
export async function prepare(name) {
  const { prepare: program, install } = ROSTER[name];
  await program();
  await install?.();
}

/** Starts an origin that was prepared; `gate` is the URL of the gate before it, whose assertions are for `audience`. */
export async function startOrigin(name, { port, gate, audience }) {
  const { prepare: program, args, env, path, view = JSON.parse } = ROSTER[name];
  const service = await startService({
    name,
    command: await program(),
    args: args(port),
    cwd: APPS,
    env: {
      ...process.env,
      GATE_ISSUER: gate, GATE_AUDIENCE: audience, PYTHONPATH: [APPS, path && join(EXAMPLES, path)].filter(Boolean).join(delimiter),
      PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1', no_proxy: HOST, ...env?.(port),
    },
    health: `http://${HOST}:${port}/open/health`,
  });
  return { ...service, view };
}

function onPath(commands, debian) {
  const found = commands.find((command) => read(command, ['-v'], { stdio: ['ignore', 'pipe', 'ignore'] }) !== null);
  if (found) return found;
  throw new Error(`no ${commands[0]} (on Debian the package ${debian})`);
}

function expressFolder() {
  const lock = readFileSync(join(APPS, 'express/package-lock.json'));
  return join(INSTALLED, `express-${createHash('sha256').update(lock).digest('hex').slice(0, 16)}`);
}

/** Aside first: a folder that is there is complete. */
async function installExpress() {
  const folder = expressFolder();
  if (existsSync(folder)) return;
  console.log('express: installing its npm packages (once, some seconds)');
  const aside = `${folder}.${process.pid}`;
  mkdirSync(aside, { recursive: true });
  try {
    for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(APPS, 'express', name), join(aside, name));
    await must('npm ci', 'npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'], { cwd: aside });
    renameSync(aside, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** PHP gives headers as CGI does, in variables. */
function ofVariables(body) {
  const { variables, ...view } = JSON.parse(body);
  return { ...view, headers: headersOf(Object.entries(variables)) };
}

/** The whole environment of a CGI program. Its query is the text that any form parser would be given. */
function ofEnvironment(body) {
  const entries = body.split('\0').filter(Boolean).map((variable) => variable.split(/=(.*)/s, 2));
  const { REQUEST_METHOD: method, PATH_INFO: path, QUERY_STRING: query } = Object.fromEntries(entries);
  const values = new URLSearchParams(query);
  const oneOrAll = (name) => (values.getAll(name).length > 1 ? values.getAll(name) : values.getAll(name)[0]);
  const names = [...new Set(values.keys())];
  return { method, path, query: Object.fromEntries(names.map((name) => [name, oneOrAll(name)])), headers: headersOf(entries) };
}

function headersOf(entries) {
  const headers = entries.filter(([name]) => name.startsWith('HTTP_'));
  return Object.fromEntries(headers.map(([name, value]) => [name.slice(5).toLowerCase().replaceAll('_', '-'), value]));
}
