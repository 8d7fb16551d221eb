// The headers that the gate sets are the gate's in every spelling: CGI, PHP and WSGI read each character that is no letter
// or digit as one and the same.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { signingKey } from '../../../demo/provider.mjs';
import { WAYS, eachWay, rawWorld, taken } from './world.mjs';

/** What RFC 9110 §5.6.2 allows in a name beside letters and digits. */
const SEPARATORS = [..."!#$%&'*+-.^_`|~"];
const IDENTITY = ['subject', 'client-id', 'organization-id', 'scopes', 'audience', 'issuer', 'claims', 'assertion', 'secret', 'tenant-plan'];
const FORWARDED = ['x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-prefix'];
const NAMES = [...IDENTITY, 'anything', 'client-id-of-the-other'].map((name) => `x-auth-${name}`).concat(FORWARDED);
const FORGED = 'forged';

const identity = {
  payload_header: true,
  claims: { 'x-auth-tenant-plan': 'plan' },
  secret: { binding: 'SHARED' },
  assertion: { issuer: 'https://gate.test', keys: ['KEY'] },
};
const world = await rawWorld({
  policy: { identity },
  secrets: { SHARED: 's3cret', KEY: JSON.stringify(signingKey('ES256')) },
  routes: eachWay([
    { path: '/public/{*rest}', access: 'public' },
    taken({ path: '/token/{*rest}', organization: '*' }),
    taken({ path: '/optional/{*rest}', access: 'optional' }),
    { path: '/stripped/{*rest}', access: 'public', strip_prefix: '/stripped' },
  ]).map(({ strip_prefix: prefix, ...route }) => {
    const [, way] = route.path.split('/');
    // The secret goes to no host that the caller chooses.
    return { ...route, ...(way === 'passthrough' ? { hosts: ['gate.test'] } : {}), ...(prefix ? { strip_prefix: `/${way}${prefix}` } : {}) };
  }),
});

const FULL = { organization_id: 'acme', scope: 'read write', plan: 'gold' };
const NARROW = { sub: undefined, client_id: undefined };
const names = (...list) => list.map((name) => `x-auth-${name}`);

/** Requests that differ in what of the gate's own arrives. */
const REQUESTS = {
  'a public route': { path: '/public/x', own: names('secret') },
  'a public route, a token beside': { path: '/public/x', token: FULL, own: names('secret') },
  'a token that says all': { path: '/token/x', token: FULL, own: names(...IDENTITY) },
  'a token that says little': { path: '/token/x', token: NARROW, own: names('audience', 'issuer', 'claims', 'assertion', 'secret') },
  'an optional route, nobody': { path: '/optional/x', own: names('secret') },
  'an optional route, a token': { path: '/optional/x', token: NARROW, own: names('audience', 'issuer', 'claims', 'assertion', 'secret') },
  'a prefix that is stripped': { path: '/stripped/x', own: names('secret') },
};

for (const way of Object.keys(WAYS)) {
  describe(`identity headers, ${way}`, () => {
    for (const [what, { path, token, own }] of Object.entries(REQUESTS)) {
      test(what, async () => {
        const exchanged = await world.exchange(NAMES.map((name) => ({
          name, target: `/${way}${path}`, headers: [...spellings(name).map((one) => [one, FORGED]), ...(token ? [world.bearer(token)] : [])],
        })));
        for (const { name, answer, arrived: [record, ...more] } of exchanged) {
          assert.deepEqual([answer.status, more.length], [200, 0], answer.text);
          assert.deepEqual(forgedIn(record), [], `spellings of ${name} that arrived`);
          assert.deepEqual(record.names('x-auth-'), [...own].sort(), name);
          assert.deepEqual(record.names('x-forwarded-').filter((one) => !FORWARDED.includes(one)), [], name);
          assert.deepEqual(record.headers('x-forwarded-host'), ['gate.test'], name);
          assert.deepEqual(record.headers('x-forwarded-proto'), ['http'], name);
          if (own.includes('x-auth-subject')) assert.deepEqual(record.headers('x-auth-subject'), ['user-1'], name);
        }
      });
    }
  });
}

test('headers behind the body arrive nowhere', async () => {
  const body = `5\r\nhello\r\n0\r\n${NAMES.map((name) => `${name}: ${FORGED}\r\n`).join('')}\r\n`;
  const headers = [['Trailer', NAMES.join()], ['Transfer-Encoding', 'chunked']];
  for (const { arrived } of await world.exchange(Object.keys(WAYS).map((way) => ({ method: 'POST', target: `/${way}/public/x`, headers, body })))) {
    assert.deepEqual(arrived.map(({ bytes }) => [bytes.includes('hello'), bytes.includes(FORGED)]), [[true, false]]);
  }
});

describe('another prefix', async () => {
  const other = await rawWorld({
    policy: { identity: { prefix: 'id-1-', claims: { 'id-1-tenant-plan': 'plan' } } },
    routes: eachWay([{ path: '/public/{*rest}', access: 'public' }, taken({ path: '/token/{*rest}' })]),
  });
  test('its spellings do not arrive either', async () => {
    const spelled = ['id-1-subject', 'id-1-tenant-plan', 'id-1-'].flatMap(spellings).map((name) => [name, FORGED]);
    const targets = Object.keys(WAYS).flatMap((way) => [[`/${way}/public/x`, false], [`/${way}/token/x`, true]]);
    const exchanged = await other.exchange(targets.map(([target, hasToken]) => ({
      target, hasToken, headers: [...spelled, ...(hasToken ? [other.bearer(NARROW)] : [])],
    })));
    for (const { target, hasToken, arrived: [record] } of exchanged) {
      assert.deepEqual(forgedIn(record), [], target);
      assert.deepEqual(record.names('id-1-'), hasToken ? ['id-1-audience', 'id-1-issuer'] : [], target);
    }
  });
  test('control: what is not reserved arrives as it was sent', async () => {
    const kept = ['x-auth-subject', 'id1-subject', 'id-2-subject', 'xid-1-subject', 'x-forwarded-for', 'x-forwarded', 'x-forwarded-host-2'];
    const [{ arrived: [record] }] = await other.exchange([{ target: '/url/public/x', headers: kept.map((name) => [name, 'kept']) }]);
    for (const name of kept) assert.deepEqual(record.headers(name), ['kept'], name);
  });
});

function forgedIn({ rawHeaders }) {
  return rawHeaders.filter((_, index) => index % 2 === 0 && rawHeaders[index + 1].includes(FORGED));
}

/** Every separator everywhere, each at each place, and some mixtures; in lower, upper and mixed case. */
function spellings(name) {
  const words = name.split('-');
  const places = words.length - 1;
  const joined = (separatorAt) => words.map((word, index) => (index === 0 ? word : separatorAt(index - 1) + word)).join('');
  const plain = SEPARATORS.flatMap((separator, turn) => [
    joined(() => separator),
    joined((place) => SEPARATORS[(turn + 7 * place + 1) % SEPARATORS.length]),
    ...Array.from({ length: places }, (_, changed) => joined((place) => (place === changed ? separator : '-'))),
  ]);
  const cased = plain.flatMap((one, index) => [one, index % 2 ? one.toUpperCase() : one.replace(/[a-z]+/g, capitalised)]);
  return [...new Set(cased)];
}

function capitalised(word) {
  return word[0].toUpperCase() + word.slice(1);
}
