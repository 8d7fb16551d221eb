// Requests that are refused, each with a token or a path of its own, and clients that leave in the middle.

import { setTimeout as sleep } from 'node:timers/promises';

import { claims, now } from '../edge/support/tokens.mjs';
import { INVALID, UNAVAILABLE } from './issuers.mjs';
import { API, ISSUER, MODELS, ORG, PLAIN, PUBLIC, anySigner, bearer, goodRequest, mint, unsignedToken } from './world.mjs';

const KIB = 1024;

let serial = 0;
/** A name that was not there before. */
const anyName = () => `h${(serial += 1)}`;
const plain = (token, more) => ({ path: PLAIN, headers: [bearer(token)], ...more });

/** Keys that never were: at an issuer whose keys are in the policy, and at one that is asked for them. */
export async function unknownKids(actor) {
  const { random, world } = actor;
  const issuer = random.of([ISSUER, world.issuers.rotating.issuer]);
  const header = { alg: random.of(['ES256', 'EdDSA']), kid: random.of([anyName(), `${anyName()}-${random.text(random.between(1, 2000))}`]) };
  await actor.refused(plain(unsignedToken(claims(issuer, { sub: anyName() }), header)), INVALID);
}

/** Tokens that were good, will be, or are no more. */
export async function expired(actor) {
  const { random } = actor;
  const past = now() - random.between(40, 1e6);
  const [changes, code] = random.of([
    [{ exp: past, iat: past - 600 }, 'auth.token_expired'],
    [{ nbf: now() + random.between(60, 1e6) }, 'auth.token_not_yet_valid'],
  ]);
  await actor.refused(plain(mint(anySigner(random), claims(ISSUER, { sub: anyName(), ...changes }))), code);
}

/** A token that is known, but for its signature. */
export async function tampered(actor) {
  const { random, world } = actor;
  const { request: { headers: [[name, value]], ...request } } = random.of(world.repeated);
  const start = value.lastIndexOf('.') + 1;
  const at = random.between(start, value.length - 1);
  const changed = value.slice(0, at) + (value[at] === 'A' ? 'B' : 'A') + value.slice(at + 1);
  await actor.refused({ ...request, headers: [[name, changed]] }, INVALID);
}

/** A token that is known, where another organization's is wanted. */
export async function elsewhere(actor) {
  const { random, world } = actor;
  const { request } = random.of(world.repeated.filter(({ expected }) => expected.identity['organization-id']));
  const path = request.path.replace(/again-\d+/, anyName());
  await actor.refused({ ...request, path }, 'auth.organization_mismatch');
}

/** Sound tokens for something else. */
export async function forbidden(actor) {
  const { random } = actor;
  const [name, other] = [anyName(), anyName()];
  const { missing } = MODELS[0](name);
  const [index, changes, code, scope] = random.of([
    ...MODELS.map((model, place) => [place, { scope: `x ${random.text(10)}` }, 'auth.insufficient_scope', model(name).missing]),
    [0, { scope: undefined }, 'auth.insufficient_scope', missing],
    [0, { aud: `${API}/${other}` }, 'auth.invalid_audience'],
    [0, { organization_id: other }, 'auth.organization_mismatch'],
    [1, { aud: API }, 'auth.invalid_audience'],
    [1, { aud: `${ORG}${other}` }, 'auth.organization_mismatch'],
    [2, { organization_id: other }, 'auth.organization_mismatch'],
    [2, { aud: other }, 'auth.invalid_audience'],
  ]);
  const { request } = goodRequest(MODELS[index], anySigner(random), name, changes);
  await actor.refused(request, code, { scope });
}

/** No token, no route, no way: none of it waits for anything. */
export async function lost(actor) {
  const { random } = actor;
  const word = random.text(8);
  const host = `${word}.hosts.test`;
  const [path, code, headers = []] = random.of([
    [PLAIN, 'auth.authorization_header_missing'],
    [PLAIN, 'auth.authorization_token_type_not_supported', [['Authorization', `Basic ${random.text(20)}`]]],
    [PLAIN, 'auth.authorization_token_invalid_format', [['Authorization', `Bearer ${word} ${word}`]]],
    [PLAIN, INVALID, [bearer(random.text(random.between(1, 2000)))]],
    [`/load/${word}/${anyName()}`, 'gate.no_route'],
    [`/load/old/${word}`, 'gate.denied'],
    [`${PUBLIC}/${word}/../${word}`, 'gate.bad_path'],
    [`${PUBLIC}/${word}%2f${word}`, 'gate.bad_path'],
  ]);
  await actor.refused({ path, host, headers }, code);
}

/** A large body for a request that is refused: nobody reads it. */
export async function refusedUpload(actor) {
  const { random } = actor;
  const request = { method: 'POST', path: PLAIN, body: Buffer.alloc(random.between(1, 1024) * KIB, 1), once: true };
  await actor.orClosed(() => actor.refused(request, 'auth.authorization_header_missing'));
}

/** An issuer that never answers: who stays is told so. */
export async function waiting(actor) {
  const { issuer, key } = actor.world.issuers.silent;
  await actor.refused(plain(mint(key, claims(issuer))), UNAVAILABLE);
}

/** Leaves while the request waits for keys, with 30 kB of headers: of an issuer that never answers, or does now and then. */
export async function leaveKeys(actor) {
  const { random, world } = actor;
  const { issuer } = random.of([world.issuers.silent, world.issuers.silent, world.issuers.unsteady]);
  const headers = Array.from({ length: 30 }, (_, index) => [`x-large-${index}`, random.text(1).repeat(KIB)]);
  headers.push(bearer(unsignedToken(claims(issuer), { alg: 'ES256', kid: anyName() })));
  const message = actor.begun({ path: PLAIN, headers }, 'its issuer has no such key');
  await leave(message, random, random.between(1, 150));
}

/** Leaves while the origin takes its time, or before the request gets there. */
export async function leaveOrigin(actor) {
  const { random } = actor;
  const { request, expected } = goodRequest(random.of(MODELS), anySigner(random), anyName());
  const message = actor.begun(request, { ...expected, wait: random.between(200, 2000) });
  await leave(message, random, random.between(1, random.of([5, 200])));
}

/** Leaves in the middle of the body: its own, or the one that comes back. */
export async function leaveBody(actor) {
  const { random } = actor;
  const length = random.between(1, 256) * KIB;
  const sent = random.chance(0.3) ? length : random.below(length);
  const body = (message) => {
    message.write(Buffer.alloc(sent, 2));
    if (sent === length) message.end();
  };
  const token = mint(anySigner(random), claims(ISSUER));
  const message = actor.begun(plain(token, { method: 'POST', body, headers: [bearer(token), ['Content-Length', String(length)]] }), { echo: true });
  await leave(message, random, random.between(1, 300));
}

/** With a reset, or with an ordinary end. */
async function leave(message, random, milliseconds) {
  await sleep(milliseconds);
  if (random.chance(0.5)) message.socket?.resetAndDestroy();
  message.destroy();
}

/** The operator's schedule. */
export async function cron(actor) {
  const { outcome } = await actor.gate.scheduled();
  if (outcome !== 'ok') throw new Error(`scheduled: ${outcome}`);
  actor.count('done');
  await sleep(3000);
}
