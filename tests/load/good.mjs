// Requests that are to go through, or mostly: of every model and algorithm, with bodies, with whatever a client may send.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { claims, now } from '../edge/support/tokens.mjs';
import { INVALID, LATE, OK } from './issuers.mjs';
import { ISSUER, MODELS, PLAIN, PUBLIC, anySigner, bearer, goodRequest, identityOf, mint, unsignedToken } from './world.mjs';

const SECOND = 1000;
const MIB = 1024 * 1024;
const EXPIRED = 'auth.token_expired';
/** The policy's own, in seconds. */
const LEEWAY = 30;
/** Bodies are cut out of this. */
const BYTES = Buffer.from(Array.from({ length: MIB }, (_, index) => (index * 31 + (index >> 8) * 17) & 0xff));
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];

let serial = 0;
/** A name that was not there before. */
const anyName = () => `n${(serial += 1)}`;

/** 64 tokens, over and over. */
export async function repeated(actor) {
  const { request, expected } = actor.random.of(actor.world.repeated);
  await actor.accepted(request, expected);
}

/** A token that was never sent before, of any model and algorithm. */
export async function fresh(actor) {
  const { request, expected } = goodRequest(actor.random.of(MODELS), anySigner(actor.random), anyName());
  await actor.accepted({ ...request, headers: [...forged(actor.random), ...request.headers] }, expected);
}

/** What the origin would believe, now and then. */
function forged(random) {
  const name = random.of(['X-Auth-Subject', 'x-auth-scopes', 'X_Auth_Organization_Id', 'x-auth-anything']);
  return random.chance(0.2) ? [[name, 'root']] : [];
}

/** A token at the upper end of what fits, or beyond it. */
export async function huge(actor) {
  const { random } = actor;
  const padded = (bytes) => goodRequest(MODELS[0], anySigner(random), anyName(), { pad: random.text(1).repeat(bytes * 3 / 4) });
  const { request, expected } = padded(random.between(50_000, 60_000));
  if (random.chance(0.5)) return actor.accepted(request, expected);
  const long = random.of([`a${'.'.repeat(60_000)}`, random.text(1).repeat(65_000), null]);
  const headers = long ? [bearer(long)] : padded(65_536).request.headers;
  return actor.refused({ ...request, headers }, INVALID);
}

/** Paths, hosts, methods and header names that were never there before. */
export async function variety(actor) {
  const { random } = actor;
  const words = Array.from({ length: random.between(1, 8) }, () => anyText(random));
  const own = Array.from({ length: random.between(0, 24) }, () => [`x-${random.text(12)}`, random.text(random.between(1, 200))]);
  const request = {
    method: random.of(METHODS),
    path: `${PUBLIC}/${words.join('/')}?${random.text(5)}=${anyText(random)}`,
    host: `${random.text(10)}.load.test${random.of(['', `:${random.between(1024, 65535)}`])}`,
    headers: [...own, ...forged(random)],
  };
  await actor.accepted(request, { identity: {}, received: Object.fromEntries(own) });
}

/** A host of its own for each organization. */
export async function tenants(actor) {
  const name = anyName();
  const payload = claims(ISSUER, { organization_id: name, sub: name });
  const token = mint(anySigner(actor.random), payload);
  const request = { path: `/load/tenant/${anyText(actor.random)}`, host: `${name}.load.test`, headers: [bearer(token)] };
  await actor.accepted(request, { identity: { ...identityOf(payload), 'organization-id': name } });
}

function anyText(random) {
  return random.of([random.text(6), `${random.text(2)}%20${random.text(2)}`, `%C3%A${random.below(10)}`, `${random.text(3)}%41`]);
}

/** Up to 1 MB goes to the origin and comes back. */
export async function bodies(actor) {
  const { random } = actor;
  const length = random.of([0, random.below(1000), random.below(1000), random.below(64 * 1024), random.below(64 * 1024), random.below(MIB + 1)]);
  const start = random.below(MIB - length + 1);
  const body = BYTES.subarray(start, start + length);
  const inChunks = (message) => {
    for (let at = 0; at < length; at += 16_384) message.write(body.subarray(at, at + 16_384));
    message.end();
  };
  await echoed(actor, { body: random.of([body, inChunks]) }, body);
}

/** Many small pieces, each after a while. */
export async function slowBody(actor) {
  const { random } = actor;
  const body = BYTES.subarray(0, random.between(100, 4000));
  const piece = Math.ceil(body.length / random.between(4, 20));
  const slowly = async (message) => {
    for (let at = 0; at < body.length; at += piece) {
      message.write(body.subarray(at, at + piece));
      await sleep(random.between(20, 150));
    }
    message.end();
  };
  const length = random.of([[], [['Content-Length', String(body.length)]]]);
  await echoed(actor, { headers: length, body: slowly }, body);
}

async function echoed(actor, { headers = [], body }, expected) {
  const payload = claims(ISSUER, { sub: anyName() });
  const token = bearer(mint(anySigner(actor.random), payload));
  const request = { method: 'POST', path: PLAIN, headers: [token, ...headers], body };
  const answer = await actor.accepted(request, { identity: identityOf(payload), echo: true });
  assert.ok(answer.body.equals(expected), `sent ${expected.length} bytes, got ${answer.body.length}, or others`);
}

/** Keys that are published, were, or have just been. */
export async function rotating(actor) {
  const { issuer, pick } = actor.world.issuers.rotating;
  const { key, kept, outcomes } = pick(actor.random);
  const { token, payload } = newOrKept(actor.random, kept, issuer, key);
  await actor.settled(plain(token), { identity: identityOf(payload) }, outcomes);
}

/** An issuer that is down now and then: its own tokens, and those of a key that it never had. */
export async function unsteady(actor) {
  const { issuer, key, kept, outcomes } = actor.world.issuers.unsteady;
  if (actor.random.chance(0.2)) {
    const token = unsignedToken(claims(issuer), { alg: 'ES256', kid: anyName() });
    return actor.settled(plain(token), {}, (sent, answered) => outcomes(INVALID, sent, answered));
  }
  const { token, payload } = newOrKept(actor.random, kept, issuer, key);
  return actor.settled(plain(token), { identity: identityOf(payload) }, (sent, answered) => outcomes(OK, sent, answered));
}

/** A token that was never sent before, or one that was: what a gate remembers of it must not outlive its key. */
function newOrKept(random, kept, issuer, key) {
  const make = () => {
    const payload = claims(issuer, { sub: anyName(), exp: now() + 86_400 });
    return { payload, token: mint(key, payload) };
  };
  return random.chance(0.5) ? (kept.token ??= make()) : make();
}

/** Tokens that are sent again and again until they expire, and after. */
const ageing = [];

export async function expiring(actor) {
  const { random } = actor;
  const index = random.below(16);
  if (!(ageing[index]?.until > Date.now() - 5 * SECOND)) ageing[index] = expiringSoon(random);
  const { token, payload, until } = ageing[index];
  const outcomes = (sent, answered) => (
    answered < until - LATE ? [OK] : sent > until + LATE ? [EXPIRED] : [OK, EXPIRED]
  );
  await actor.settled(plain(token), { identity: identityOf(payload) }, outcomes);
}

/** By its own word it is over; the leeway lets it pass for a few seconds. */
function expiringSoon(random) {
  const exp = now() - LEEWAY + random.between(3, 12);
  const payload = claims(ISSUER, { sub: anyName(), exp });
  return { payload, token: mint(anySigner(random), payload), until: (exp + LEEWAY) * SECOND };
}

const plain = (token) => ({ path: PLAIN, headers: [bearer(token)] });
