// How clients that disconnect, and a panic, affect the gate and the same core behind `worker`, each in a plain workerd of
// its own: `node bench/workers-rs/faults.mjs`. It takes five minutes, and needs both builds with --faults.
//
// - Memory: clients send a request and disconnect while it waits, first for its origin, then for the issuer's keys. The
//   growth of memory after the first waves is what is not freed. The gate abandons a request that waits for keys after
//   two minutes, so these clients come in three batches, two minutes apart.
// - A panic: while 20 other requests wait, one request panics with a message that quotes its bearer token.

import http from 'node:http';
import net from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { ROOT } from '../../scripts/toolchain.mjs';
import { gate, readBuilds } from '../roster.mjs';
import { startServers } from '../stage.mjs';
import { AUDIENCE, ISSUER, SCOPE, keyOf, published, requestSet } from '../tokens.mjs';
import { memoryOf, startWorkerd } from '../workerd.mjs';

const CLIENTS = 250; // at a time: a process may have 1024 connections, and each client makes two
const [WARM, WAVES] = [4, 8]; // of clients that disconnect while the origin works
const [BATCHES, WAVES_OF_A_BATCH] = [3, 3]; // of clients that disconnect while keys are fetched; the gate lets 1000 wait
const GIVEN_UP_MS = 125_000;
const NEIGHBOURS = 20;
const PATIENCE_MS = 45_000; // for a response: longer than the runtime lets a request hang
const CANARY = 'canary-of-a-panic';

const own = (name) => [name, readFileSync(join(import.meta.dirname, name))];
const TELLING = Object.fromEntries(['with-memory.js', 'memory.js'].map(own));

const key = keyOf('ES256');
const servers = await startServers();
const origin = await listen(http.createServer(answerSlowly));
const keys = await listen(http.createServer(publishSlowly));

const builds = readBuilds({
  Portcullis: join(ROOT, 'target/faults/build'),
  'workers-rs': join(ROOT, 'target/workers-rs/faults'),
});
const rows = new Map();
const gone = new Map(); // by run: requests whose client disconnected before the origin responded
let runs = 0;
const stays = (when) => `kB not freed per client that disconnects while ${when}: wasm memory (process)`;
await Promise.all(Object.entries(builds).map(async ([name, modules]) => {
  note(name, stays('the origin works'), await leavesTheOrigin(modules));
  note(name, stays('keys are fetched'), await leavesTheKeys(modules));
  const ofOrigin = await panicked(modules, '/slow/1000');
  const ofKeys = await panicked(modules, '/soon');
  note(name, `${NEIGHBOURS} requests that wait for the origin while another one panics`, ofOrigin.neighbours);
  note(name, `${NEIGHBOURS} requests that wait for keys while another one panics`, ofKeys.neighbours);
  note(name, 'the request that panics, the one after it', `${ofOrigin.struck}, ${ofOrigin.next}`);
  const isInLog = (ofOrigin.log + ofKeys.log).includes(CANARY);
  note(name, 'the log line of the panic contains the bearer token', isInLog ? 'yes' : 'no');
}));
const line = (...cells) => console.log(`| ${cells.join(' | ')} |`);
const names = Object.keys(builds);
line('', ...names);
line('---', ...names.map(() => '---'));
for (const [what, cells] of rows) line(what, ...names.map((name) => cells[name]));
process.exit();

function note(name, what, value) {
  console.error(`${name}: ${what}: ${value}`);
  rows.set(what, { ...rows.get(what), [name]: value });
}

/** The origin does not respond; the token is known. */
async function leavesTheOrigin(modules) {
  const workerd = await start(modules, true);
  await answered(ask(workerd.port, '/slow/0', workerd.token(0)));
  const wave = () => leave(workerd, `/slow/60000?${workerd.run}`, workerd.token(0));
  for (let i = 0; i < WARM; i += 1) await wave();
  const before = await memory(workerd);
  for (let i = 0; i < WAVES; i += 1) await wave();
  const [left, sent] = [gone.get(workerd.run), (WARM + WAVES) * CLIENTS];
  if (left !== sent) throw new Error(`the origin saw ${left} of ${sent} clients leave`);
  return stayed(workerd, before, WAVES * CLIENTS);
}

/** Each wave has an issuer of its own, which takes two seconds to send its keys. */
async function leavesTheKeys(modules) {
  const workerd = await start(modules, true);
  let [issuer, before] = [0];
  for (let batch = 0; batch < BATCHES; batch += 1) {
    if (batch > 0) await sleep(GIVEN_UP_MS);
    for (let i = 0; i < WAVES_OF_A_BATCH; i += 1) await leave(workerd, '/slow/0', workerd.token((issuer += 1)));
    before ??= await memory(workerd);
  }
  return stayed(workerd, before, (BATCHES - 1) * WAVES_OF_A_BATCH * CLIENTS);
}

/** Resets the connection: a mere end could be the end of the request, and workerd would continue. */
async function leave({ port }, path, token) {
  const clients = Array.from({ length: CLIENTS }, () => ask(port, path, token));
  await sleep(1000);
  for (const { socket } of clients) socket.resetAndDestroy();
  await sleep(1500);
}

async function stayed(workerd, before, clients) {
  const after = await memory(workerd);
  const each = (kind) => ((after[kind] - before[kind]) / clients / 1000).toFixed(1);
  await workerd.stop();
  return `${each('instance')} (${each('resident')})`;
}

async function memory({ port, pid }) {
  const { body } = await answered(ask(port, '/memory'));
  return { instance: Number(body), resident: memoryOf(pid).now };
}

/** The responses to the requests that wait, to the one that panics, and to the next one. */
async function panicked(modules, path) {
  const workerd = await start(modules, false);
  await answered(ask(workerd.port, '/soon', workerd.token(0)));
  const token = workerd.token(path === '/soon' ? 1 : 0);
  const waiting = Array.from({ length: NEIGHBOURS }, () => ask(workerd.port, path, token));
  await sleep(300);
  const struck = ask(workerd.port, '/soon', CANARY, 'x-fault: panic');
  const neighbours = await Promise.all(waiting.map(answered));
  const result = {
    neighbours: summary(neighbours),
    struck: summary([await answered(struck)]),
    next: summary([await answered(ask(workerd.port, '/soon', workerd.token(0)))]),
    log: workerd.log(),
  };
  await workerd.stop();
  return result;
}

/** How many responses have which status, and after how many seconds the last one arrived. */
function summary(answers) {
  const groups = Object.entries(Object.groupBy(answers, ({ status }) => status));
  return groups.map(([status, own]) => {
    const longest = Math.max(...own.map(({ seconds }) => seconds)).toFixed(1);
    return `${answers.length === 1 ? '' : `${own.length} × `}${status} (${longest} s)`;
  }).join(', ');
}

/** A gate with issuers of its own, whose tokens `token` creates; it reports its memory at /memory if it `tells`. */
async function start(modules, tells) {
  const run = (runs += 1);
  const issuers = Array.from({ length: 1 + BATCHES * WAVES_OF_A_BATCH }, (_, i) => `${ISSUER}/faults/${run}/${i}`);
  const rule = { audience: AUDIENCE, scopes: [SCOPE] };
  const policy = {
    version: 1,
    origin,
    issuers: Object.fromEntries(issuers.map((issuer, i) => [`issuer-${i}`, { issuer, jwks_uri: `${keys}/${i}` }])),
    routes: [{ path: '/slow/{ms}', ...rule }, { path: '/soon', ...rule }],
  };
  const all = tells ? { ...TELLING, ...modules } : modules;
  const workerd = await startWorkerd(gate(servers, all, policy, []));
  const token = (i) => {
    const set = requestSet(`faults-${run}-${i}`, 1, () => ({ key, claims: { iss: issuers[i] } }));
    return JSON.parse(readFileSync(set, 'utf8'))[0].token;
  };
  return { ...workerd, run, token };
}

function ask(port, path, token, ...fields) {
  const [socket, began] = [net.connect(port, '127.0.0.1'), performance.now()];
  const head = [`GET ${path} HTTP/1.1`, 'Host: api.yourapp.com', 'Connection: close', ...fields];
  if (token) head.push(`Authorization: Bearer ${token}`);
  socket.on('error', () => {});
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  let text = '';
  socket.on('data', (chunk) => (text += chunk));
  const seconds = () => (performance.now() - began) / 1000;
  const closed = new Promise((resolve) => socket.once('close', () => resolve({ text, seconds: seconds() })));
  return { socket, closed };
}

async function answered({ socket, closed }) {
  const none = { text: '', seconds: PATIENCE_MS / 1000 };
  const { text, seconds } = await Promise.race([closed, sleep(PATIENCE_MS, none, { ref: false })]);
  socket.destroy();
  const status = text.slice(9, 12) || 'no answer';
  return { status, seconds, body: text.slice(text.indexOf('\r\n\r\n') + 4) };
}

/** Responds late at /slow/<milliseconds>, elsewhere at once; the query names the run whose disconnected clients are counted. */
function answerSlowly({ url }, response) {
  const [, milliseconds, run] = /^\/slow\/(\d+)(?:\?(\d+))?/.exec(url) ?? [];
  const timer = setTimeout(() => response.end('{}'), Number(milliseconds ?? 0));
  response.on('close', () => {
    clearTimeout(timer);
    if (!response.writableFinished) gone.set(Number(run), (gone.get(Number(run)) ?? 0) + 1);
  });
}

/** All issuers but the first send their keys late. */
function publishSlowly({ url }, response) {
  const text = JSON.stringify({ keys: [published(key)] });
  setTimeout(() => response.end(text), url === '/0' ? 0 : 2000);
}

function listen(server) {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`));
  });
}
