// The load, in a process of its own: each connection sends the next request as soon as the previous response has arrived,
// and compares every response with the expected one. Bare sockets and prepared bytes keep it well ahead of workerd.

import { readFileSync } from 'node:fs';
import net from 'node:net';

let requests = []; // { bytes, told }
let plan; // { set, port, connections, wraps, status, told }
let clients = [];
let next = 0;
let window; // of the current phase

const PHASES = { open, run };

process.on('message', async ({ phase, ...options }) => {
  try {
    process.send((await PHASES[phase](options)) ?? {});
  } catch (error) {
    process.send({ error: error.message });
  }
});
process.on('disconnect', () => process.exit());

/** Sets a plan, and connects. Without `wraps` no request is sent twice. */
async function open(options) {
  plan = options;
  requests = JSON.parse(readFileSync(plan.set, 'utf8')).map(prepared);
  clients = await Promise.all(Array.from({ length: plan.connections }, connected));
}

function prepared({ path, token, told }) {
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: api.yourapp.com',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    'Accept: application/json',
    'Accept-Language: en-GB,en;q=0.9',
    'Accept-Encoding: gzip, br',
    ...(token ? [`Authorization: Bearer ${token}`] : []),
  ];
  return { bytes: Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), told };
}

/** Sends for the given seconds, at least `least` and at most `most` requests; fewer only if there are no more to send. */
function run({ seconds, least = 0, most = Infinity }) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const until = start + seconds * 1000;
    window = { start, until, least, most, sent: 0, latencies: [], open: clients.length, resolve, reject };
    for (const client of clients) client.proceed();
  });
}

function take() {
  const { sent, least, most, until } = window;
  if (sent >= most || (sent >= least && performance.now() >= until)) return;
  if (next === requests.length && plan.wraps) next = 0;
  const request = requests[next];
  if (request) [next, window.sent] = [next + 1, window.sent + 1];
  return request;
}

/** Called when a connection has nothing more to send; the last one computes the result. */
function rest() {
  window.open -= 1;
  if (window.open > 0) return;
  const latencies = Float64Array.from(window.latencies).sort();
  const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))];
  window.resolve({
    requests: latencies.length,
    seconds: (performance.now() - window.start) / 1000,
    p50: at(0.5),
    p99: at(0.99),
    left: plan.wraps ? null : requests.length - next,
  });
}

class Client {
  constructor(socket) {
    this.socket = socket;
    this.text = '';
    socket.on('data', (chunk) => this.receive(chunk));
    socket.on('close', () => window?.reject(new Error('the Worker closed a connection')));
  }

  proceed() {
    this.request = take();
    if (!this.request) return void rest();
    this.at = performance.now();
    this.socket.write(this.request.bytes);
  }

  receive(chunk) {
    this.text += chunk.latin1Slice();
    const answer = whole(this.text);
    if (!answer) return;
    window.latencies.push(performance.now() - this.at);
    if (!due(answer, this.request)) {
      return void window.reject(new Error(`a wrong answer: ${this.text.slice(0, 600)}, due: ${wanted(this.request)}`));
    }
    this.text = '';
    this.proceed();
  }
}

/** The status and the body, once they are complete. */
function whole(text) {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return;
  const status = Number(text.slice(9, 12));
  const length = LENGTH.exec(text);
  if (length && length.index < end) {
    const body = text.slice(end + 4);
    return body.length < Number(length[1]) ? undefined : { status, body };
  }
  // Chunked; responses here are small enough for one chunk.
  if (text.endsWith('\r\n0\r\n\r\n')) return { status, body: text.slice(text.indexOf('\r\n', end + 4) + 2, -7) };
}

const LENGTH = /\r\ncontent-length: (\d+)/i;

/** A refusal is compared by status only; a response of the origin, by the identity that it received. */
function due({ status, body }, { told }) {
  if (status !== plan.status) return false;
  return status !== 200 || body === (plan.told ? told : NOBODY);
}

const NOBODY = '-|-|-';

function wanted({ told }) {
  return `${plan.status} ${plan.told ? told : NOBODY}`;
}

function connected() {
  return new Promise((resolve, reject) => {
    const socket = net.connect(plan.port, '127.0.0.1');
    socket.setNoDelay(true);
    socket.once('error', reject);
    socket.once('connect', () => resolve(new Client(socket)));
  });
}
