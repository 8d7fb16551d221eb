// Who sends requests of one kind and looks at the answers. A wrong one is thrown.

import assert from 'node:assert/strict';

import { assertRefused } from '../edge/support/expect.mjs';
import { rawExchange } from '../edge/support/http.mjs';
import { CLOSED, begin, send } from './client.mjs';
import { OK } from './issuers.mjs';
import { EXPECT, ID } from './origin.mjs';

let lastId = 0;

export class Actor {
  /** The last request, for who reports what was wrong with its answer. */
  last;

  /** `world` and `random` are for who makes the requests. */
  constructor({ kind, gate, tally, world, random }) {
    Object.assign(this, { kind, gate, tally, world, random });
  }

  /** The request goes through, and the origin gets what is `expected` (see origin.mjs); gives the answer. */
  async accepted(request, expected = {}) {
    const [marked, id] = expecting(request, expected);
    const answer = await this.#send(marked);
    assertAccepted(answer, id);
    return answer;
  }

  /** The request is refused like this; `details` are those of `assertRefused`. */
  async refused(request, code, details = {}) {
    const [marked] = expecting(request, { refused: `${this.kind}: ${code}` });
    const answer = await this.#send(marked);
    assertRefused(answer, code, { realm: request.host, ...details, head: request.method === 'HEAD' });
  }

  /** One of what `outcomes` gives for the times at which the request was sent and answered: OK or codes. */
  async settled(request, expected, outcomes) {
    const [marked, id] = expecting(request, expected);
    const sent = Date.now();
    const answer = await this.#send(marked);
    const allowed = outcomes(sent, Date.now());
    const got = answer.status === 200 ? OK : answer.json?.code;
    assert.ok(allowed.includes(got), `${got} (${answer.status}), not ${allowed.join(' or ')}, after ${Date.now() - sent} ms`);
    if (got === OK) assertAccepted(answer, id);
    else assertRefused(answer, got);
  }

  /** workerd answers by itself, with this status, and the gate is not asked. */
  async barred(request, status) {
    const answer = await this.#send(expecting(request, { refused: this.kind })[0]);
    assert.equal(answer.status, status, answer.text);
    assert.doesNotMatch(answer.text, /"code"/, 'the gate was not asked');
  }

  /** Runs what may end without an answer: the gate has said no before all was sent, and closed the connection. */
  async orClosed(work) {
    try {
      await work();
    } catch (error) {
      if (!CLOSED.has(error.code)) throw error;
      this.count('closed');
    }
  }

  /** Begins a request that is left: `expected` where it may reach the origin, a word on why not otherwise. */
  begun(request, expected) {
    this.count('left');
    [this.last] = expecting(request, typeof expected === 'string' ? { refused: expected } : expected);
    return begin(this.gate.port, this.last);
  }

  count(status) {
    this.tally.count(this.kind, status);
  }

  async #send(request) {
    this.last = request;
    const answer = request.raw ? await rawExchange(this.gate.port, request.raw) : await send(this.gate.port, request);
    this.count(answer.status);
    return answer;
  }
}

/** The request with a header that says to the origin what to expect, and its id. Bytes stay as they are. */
function expecting(request, expected) {
  if (request.raw) return [request];
  lastId += 1;
  const { method = 'GET', path: url, host = 'gate.test', headers = [] } = request;
  // What follows a Host's name and port is no part of it.
  const seen = { 'x-forwarded-host': host?.split(/[/?#]/)[0], 'x-forwarded-proto': 'http' };
  const told = expected.refused ? expected : { id: lastId, method, url, ...expected, received: { ...seen, ...expected.received } };
  return [{ ...request, headers: [...headers, [EXPECT, JSON.stringify(told)]] }, lastId];
}

function assertAccepted(answer, id) {
  assert.equal(answer.status, 200, answer.text.slice(0, 1000));
  assert.equal(answer.header(ID), String(id), 'the answer is another request\'s');
}
