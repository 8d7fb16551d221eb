// Assertions on whole responses. A refusal is always checked completely: status, code, sentence, headers, and that nothing
// reached the origin.

import assert from 'node:assert/strict';

import { HOST } from './gate.mjs';

/** Code → status, sentence (if clients rely on it) and WWW-Authenticate. */
export const REFUSALS = {
  'gate.bad_path': { status: 400 },
  'auth.authorization_header_missing': { status: 401, error: 'Authorization header is missing', challenge: 'bare' },
  'auth.authorization_token_type_not_supported': {
    status: 401,
    error: 'Authorization header must start with "Bearer "',
    challenge: 'bare',
  },
  'auth.authorization_token_invalid_format': { status: 401, challenge: 'invalid_request' },
  'auth.invalid_token': { status: 401, error: 'Invalid token', challenge: 'invalid_token' },
  'auth.token_expired': { status: 401, challenge: 'invalid_token' },
  'auth.token_not_yet_valid': { status: 401, challenge: 'invalid_token' },
  'auth.token_too_old': { status: 401, challenge: 'invalid_token' },
  'auth.token_revoked': { status: 401, error: 'The token was revoked', challenge: 'invalid_token' },
  'auth.invalid_audience': { status: 403, error: 'Invalid audience', challenge: 'insufficient_scope' },
  'auth.organization_mismatch': { status: 403, error: 'Organization ID mismatch', challenge: 'insufficient_scope' },
  'auth.insufficient_scope': { status: 403, error: 'Insufficient scope', challenge: 'insufficient_scope' },
  'auth.claim_mismatch': { status: 403, challenge: 'insufficient_scope' },
  'gate.denied': { status: 403 },
  'gate.preflight_denied': { status: 403 },
  'gate.origin_denied': { status: 403 },
  'gate.no_route': { status: 404 },
  'gate.method_not_allowed': { status: 405 },
  'gate.misconfigured': { status: 500 },
  'gate.origin_unreachable': { status: 502 },
  'gate.keys_unavailable': { status: 503 },
  'gate.origin_timeout': { status: 504 },
  'gate.revocations_unavailable': { status: 503 },
  'gate.bad_request': { status: 400 },
  'gate.bad_signature': { status: 401 },
  'gate.too_large': { status: 413 },
};

/**
 * The response is the refusal `code`, checked completely.
 *
 * - `origin`: the recording origin, which must have received nothing
 * - `allow`: the methods that `Allow` lists (405)
 * - `scope`: the scopes that the challenge names (insufficient scope)
 * - `realm`: the host, if it is not the usual one
 * - `secret`: text that the response must not contain
 * - `head`: the request was HEAD, so there is no body
 */
export function assertRefused(answer, code, { origin, allow, scope, realm = HOST, secret, head = false } = {}) {
  const expected = REFUSALS[code];
  const what = `${answer.status} ${answer.text}`;
  if (head) {
    assert.equal(answer.text, '', 'an answer to HEAD has no body');
  } else {
    assert.equal(answer.json?.code, code, what);
    assert.deepEqual(Object.keys(answer.json).sort(), ['code', 'error'], what);
    assert.equal(typeof answer.json.error, 'string', what);
    assert.notEqual(answer.json.error, '', what);
    if (expected.error) assert.equal(answer.json.error, expected.error);
  }
  assert.equal(answer.status, expected.status, what);
  assert.equal(answer.header('content-type'), 'application/json');
  assert.equal(answer.header('cache-control'), 'no-store');
  assertChallenge(answer, code === 'auth.insufficient_scope' ? 'scope' : expected.challenge, realm, scope);
  assertAllow(answer, allow);
  if (expected.status === 503) assert.match(answer.header('retry-after') ?? '', /^[1-9]\d*$/, 'Retry-After');
  else assert.equal(answer.header('retry-after'), null);
  if (secret) assert.ok(!answer.text.includes(secret), 'the answer must not hold token content');
  if (origin) assertNothingForwarded(origin);
}

function assertChallenge(answer, challenge, realm, scope) {
  const value = answer.header('www-authenticate');
  const bearer = `Bearer realm="${realm}"`;
  switch (challenge) {
    case undefined:
      return assert.equal(value, null, 'no WWW-Authenticate');
    case 'bare':
      return assert.equal(value, bearer);
    case 'insufficient_scope':
      return assert.equal(value, `${bearer}, error="insufficient_scope"`);
    case 'scope':
      assert.ok(scope, 'the test names the scopes that the challenge lists');
      return assert.equal(value, `${bearer}, error="insufficient_scope", scope="${scope}"`);
    default: {
      const start = `${bearer}, error="${challenge}", error_description="`;
      assert.ok(value?.startsWith(start), `WWW-Authenticate is ${value}`);
      // RFC 6750 section 3: the characters that error_description may contain.
      return assert.match(value.slice(start.length), /^[\x20-\x21\x23-\x5b\x5d-\x7e]+"$/);
    }
  }
}

function assertAllow(answer, allow) {
  const value = answer.header('allow');
  if (!allow) return assert.equal(value, null, 'Allow belongs to 405');
  return assert.deepEqual((value ?? '').split(/,\s*/).sort(), [...allow].sort());
}

/** The origin received one request since the last check, and the response is its own. */
export function assertForwarded(answer, origin, { status = 200 } = {}) {
  assert.equal(answer.status, status, `${answer.status} ${answer.text}`);
  const records = origin.take();
  assert.equal(records.length, 1, `the origin received ${records.length} requests`);
  return records[0];
}

export function assertNothingForwarded(origin) {
  const records = origin.take();
  assert.deepEqual(records.map(({ method, url }) => `${method} ${url}`), [], 'the origin must receive nothing');
}

/** The identity headers are exactly these, in any order. */
export function assertIdentity(record, expected, prefix = 'x-auth-') {
  const wanted = Object.entries(expected).map(([name, value]) => [`${prefix}${name}`, value]);
  const got = record.names(prefix).map((name) => [name, record.header(name)]);
  assert.deepEqual(Object.fromEntries(got), Object.fromEntries(wanted));
  assert.deepEqual(record.names(prefix), wanted.map(([name]) => name).sort());
}
