// The load, in a process of its own, for all Workers of a group: each connection sends the next request as soon as the
// previous response has arrived, and compares every response with the expected one. Bare sockets and prepared bytes keep it
// well ahead of workerd.

import { readFileSync } from 'node:fs';
import net from 'node:net';

const targets = new Map(); // id → Target
const prepared = new Map(); // set and headers → requests, which several targets share

const PHASES = { open, run: ({ id, ...options }) => targets.get(id).run(options) };

process.on('message', async ({ phase, ...options }) => {
  try {
    process.send((await PHASES[phase](options)) ?? {});
  } catch (error) {
    process.send({ error: error.message });
  }
});
process.on('disconnect', () => process.exit());

/**
 * Connects to a Worker. `set` is the path of the requests and `headers` what each sends besides `Host` and its token.
 * Without `wraps` no request is sent twice. `status` is due, and at 200 the identity if the Worker `tells` it, followed by
 * `ends`; `shows` is due in the head of the response.
 */
async function open({ id, connections, ...plan }) {
  const target = new Target(requestsOf(plan), plan);
  targets.set(id, target);
  await target.connect(connections);
  return { requests: target.requests.length };
}

function requestsOf({ set, headers }) {
  const key = [set, ...headers].join('\n');
  if (!prepared.has(key)) prepared.set(key, JSON.parse(readFileSync(set, 'utf8')).map((request) => bytesOf(request, headers)));
  return prepared.get(key);
}

function bytesOf({ path, token, told }, headers) {
  const authorization = token ? [`Authorization: Bearer ${token}`] : [];
  const lines = [`GET ${path} HTTP/1.1`, 'Host: api.yourapp.com', ...headers, ...authorization];
  return { bytes: Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), told };
}

const NOBODY = '-|-|-';

class Target {
  constructor(requests, plan) {
    this.requests = requests;
    this.plan = plan;
    this.next = 0;
  }

  async connect(connections) {
    const connected = () => new Promise((resolve, reject) => {
      const socket = net.connect(this.plan.port, '127.0.0.1');
      socket.setNoDelay(true);
      socket.once('error', reject);
      socket.once('connect', () => resolve(new Client(socket, this)));
    });
    this.clients = await Promise.all(Array.from({ length: connections }, connected));
  }

  /** Sends for the given seconds, `most` requests at most, and fewer only if there are no more to send. */
  run({ seconds, most = Infinity }) {
    return new Promise((resolve, reject) => {
      const start = performance.now();
      const until = start + seconds * 1000;
      this.window = { start, until, most, sent: 0, latencies: [], open: this.clients.length, resolve, reject };
      for (const client of this.clients) client.proceed();
    });
  }

  take() {
    const { sent, most, until } = this.window;
    if (sent >= most || performance.now() >= until) return;
    if (this.next === this.requests.length && this.plan.wraps) this.next = 0;
    const request = this.requests[this.next];
    if (request) [this.next, this.window.sent] = [this.next + 1, sent + 1];
    return request;
  }

  /** Called when a connection has nothing more to send; the last one computes the result. */
  rest() {
    this.window.open -= 1;
    if (this.window.open > 0) return;
    const latencies = Float64Array.from(this.window.latencies).sort();
    const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))];
    const seconds = (performance.now() - this.window.start) / 1000;
    this.window.resolve({ requests: latencies.length, seconds, p50: at(0.5), p99: at(0.99) });
  }

  /** A refusal is compared by status only; a response of the origin, by the identity that it received. */
  isDue({ status, body, head }, request) {
    if (status !== this.plan.status || !head.includes(this.plan.shows)) return false;
    return status !== 200 || body === this.dueBody(request);
  }

  dueBody({ told = NOBODY }) {
    return this.plan.tells ? told + this.plan.ends : NOBODY;
  }
}

class Client {
  constructor(socket, target) {
    this.socket = socket;
    this.target = target;
    this.text = '';
    socket.on('data', (chunk) => this.receive(chunk));
    socket.on('close', () => target.window?.reject(new Error('the Worker closed a connection')));
  }

  proceed() {
    this.request = this.target.take();
    if (!this.request) return void this.target.rest();
    this.at = performance.now();
    this.socket.write(this.request.bytes);
  }

  receive(chunk) {
    this.text += chunk.latin1Slice();
    const answer = whole(this.text);
    if (!answer) return;
    const { window, plan } = this.target;
    window.latencies.push(performance.now() - this.at);
    if (!this.target.isDue(answer, this.request)) {
      const due = [plan.status, plan.shows, this.target.dueBody(this.request)].join(' ');
      return void window.reject(new Error(`a wrong answer: ${this.text.slice(0, 600)}, due: ${due}`));
    }
    this.text = '';
    this.proceed();
  }
}

/** Status, head and body, once they are complete. */
function whole(text) {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return;
  const [status, head] = [Number(text.slice(9, 12)), text.slice(0, end)];
  const length = LENGTH.exec(head);
  if (length) {
    const body = text.slice(end + 4);
    return body.length < Number(length[1]) ? undefined : { status, head, body };
  }
  // Chunked; responses here are small enough for one chunk.
  if (text.endsWith('\r\n0\r\n\r\n')) return { status, head, body: text.slice(text.indexOf('\r\n', end + 4) + 2, -7) };
}

const LENGTH = /\r\ncontent-length: (\d+)/i;
