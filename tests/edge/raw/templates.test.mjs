// What a template reads is the only value that an origin can take for it: a name that some origin reads as the same counts
// as given twice, and what `Connection` names is not there.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertRefused } from '../support/expect.mjs';
import { WAYS, eachWay, rawWorld, taken } from './world.mjs';

const world = await rawWorld({
  routes: eachWay([
    taken({ path: '/query/org', organization: '{query.org}' }),
    taken({ path: '/query/org_id', organization: '{query.org_id}' }),
    taken({ path: '/query/audience', audience: 'urn:{query.org}' }),
    taken({ path: '/query/claim', organization: '*', claims: { tenant: '{query.org}' } }),
    taken({ path: '/header/x-org', organization: '{header.x-org}' }),
    taken({ path: '/header/x-org-id', organization: '{header.x-org-id}' }),
    taken({ path: '/header/audience', audience: 'urn:{header.x-org}' }),
    taken({ path: '/header/claim', organization: '*', claims: { tenant: '{header.x-org}' } }),
  ]),
});

/** Spellings that some origin reads as the parameter. */
const LOOSE_QUERY = {
  org: [
    'org', '%6Frg', 'o%72g', '%6f%72%67', 'Org', 'ORG', 'oRg', '%4Frg', '+org', '++org', '%20org', '%20+%20org', '%09org', '%0Aorg', '%0D%0Aorg',
    '%0Borg', '%0Corg', 'org%00', 'org%00x', 'org%00[]', '+ORG%00x', 'org[]', 'org[0]', 'org[x]', 'org[', 'org[x', 'org[][x]', 'org%5B%5D', 'org%5b0%5d',
    'org]', 'org%5D', 'a;org', ';org', 'a=1;+Org', 'a;org[]', 'a;b;org]',
    '?org', '%3Forg', '??org', '%u006Frg', 'o%U0072g', '%u004fRG',
    '[org]', '[org', '[[org', '%5Borg%5D', '%5Borg', ']org', '+[org]', '[+org]', '[]org', '[Org][]',
  ],
  org_id: [
    'org_id', 'org.id', 'org%2Eid', 'org+id', 'org%20id', 'org-id', 'org[id', 'org%5Bid', 'ORG_ID', 'Org.Id', 'org_id[]', 'org.id[]', 'org_id%00',
    'org.id%00x', '+org.id', '[org_id]', '[org.id', 'org~id', 'org!id', 'org:id', 'org/id', 'org%2Fid', 'org$id', 'org%5Did', 'org%22id', 'org%23id', 'org*id',
    'org%3Bid', 'org%25id', 'org|id', 'org,id', 'org@id',
  ],
};
/** Names that are others to every origin. */
const OTHER_QUERY = {
  org: ['orga', 'aorg', 'org1', 'o-rg', 'x.org', 'x[org]', 'organization', 'or', '%25org', 'o%00rg'],
  org_id: ['org', 'orgid', 'org_ids', 'org__id', 'x_org_id', 'id', 'org_id_'],
};

const SEPARATORS = [..."!#$%&'*+-.^_`|~"];
const LOOSE_HEADER = {
  'x-org': SEPARATORS.flatMap((separator) => [`x${separator}org`, `X${separator}Org`, `X${separator}ORG`]),
  'x-org-id': SEPARATORS.flatMap((separator) => [`x${separator}org-id`, `X-Org${separator}Id`, `x${separator}org${separator}id`, `X_Org${separator}ID`]),
};
const OTHER_HEADER = { 'x-org': ['x-orga', 'xorg', 'x-org-', '-x-org', 'x--org', 'x-org-id'], 'x-org-id': ['x-org', 'x-orgid', 'x-org-id-', 'org-id'] };

const TOKENS = { organization_id: 'mine' };
const ways = Object.keys(WAYS);
const bearer = (changes = TOKENS) => world.bearer(changes);
/** Each by one kind of origin, in turn: what a template reads does not depend on it. */
const asked = (requests) => world.exchange(requests.map((make, index) => make(ways[index % ways.length])));
const queried = (name, query) => (way) => ({ target: `/${way}/query/${name}?${query}`, headers: [bearer()] });
const headed = (name, headers) => (way) => ({ target: `/${way}/header/${name}`, headers: [...headers, bearer()] });

for (const name of Object.keys(LOOSE_QUERY)) {
  describe(`{query.${name}}`, () => {
    test('alone it is the value', async () => {
      const spelled = [name, name.replace('o', '%6f')].flatMap((one) => [`${one}=mine`, `${one}=%6Dine`, `a=1&${one}=mine&b=2`, `&&${one}=mine&`]);
      assertPassed(await asked(spelled.map((query) => queried(name, query))));
    });
    test('another value is refused', async () => {
      assertMismatch(await asked(['victim', '', 'mine,victim', 'MINE', '+mine', 'mine%00', 'mine;x', 'mine;', 'm%ffine', '*', '{org}'].map((value) => queried(name, `${name}=${value}`))));
    });
    test('beside one that an origin could take for it: refused, in either order', async () => {
      assertMismatch(await asked(LOOSE_QUERY[name].flatMap((loose) => [
        queried(name, `${name}=mine&${loose}=victim`), queried(name, `${loose}=victim&${name}=mine`), queried(name, `a=1&${loose}=victim&b&${name}=mine`),
      ])));
    });
    test('also where both say the same, or the other says nothing', async () => {
      assertMismatch(await asked(LOOSE_QUERY[name].flatMap((loose) => [
        queried(name, `${name}=mine&${loose}=mine`), queried(name, `${name}=mine&${loose}`), queried(name, `${loose}=&${name}=mine`),
      ])));
    });
    test('a loose spelling alone is no value', async () => {
      const loose = LOOSE_QUERY[name].filter((one) => !new URLSearchParams(`${one}=1`).has(name));
      assertMismatch(await asked(loose.map((one) => queried(name, `${one}=mine`))));
    });
    test('control: beside another name it is the value', async () => {
      assertPassed(await asked(OTHER_QUERY[name].flatMap((other) => [
        queried(name, `${name}=mine&${other}=victim`), queried(name, `${other}=victim&${name}=mine`),
      ])));
    });
  });
}

for (const name of Object.keys(LOOSE_HEADER)) {
  describe(`{header.${name}}`, () => {
    test('alone it is the value, in any case', async () => {
      const arrived = assertPassed(await asked([name, name.toUpperCase(), 'X-oRG-iD'.slice(0, name.length)].map((one) => headed(name, [[one, 'mine']]))));
      for (const record of arrived) assert.deepEqual(record.headers(name), ['mine']);
    });
    test('another value is refused', async () => {
      assertMismatch(await asked(['victim', '', 'mine,victim', 'mine, mine', 'MINE', 'm\xefne', '*'].map((value) => headed(name, [[name, value]]))));
    });
    test('twice is refused', async () => {
      assertMismatch(await asked([['mine', 'victim'], ['victim', 'mine'], ['mine', 'mine'], ['mine', '']].map((values) => (
        headed(name, values.map((value) => [name, value]))
      ))));
    });
    test('beside one that an origin could take for it: refused, in either order', async () => {
      assertMismatch(await asked(LOOSE_HEADER[name].flatMap((loose) => [
        headed(name, [[name, 'mine'], [loose, 'victim']]), headed(name, [[loose, 'victim'], [name, 'mine']]), headed(name, [[name, 'mine'], [loose, 'mine']]),
      ])));
    });
    test('a loose spelling alone is no value', async () => {
      const loose = LOOSE_HEADER[name].filter((one) => one.toLowerCase() !== name);
      assertMismatch(await asked(loose.map((one) => headed(name, [[one, 'mine']]))));
    });
    test('control: beside another name it is the value', async () => {
      assertPassed(await asked(OTHER_HEADER[name].map((other) => headed(name, [[name, 'mine'], [other, 'victim']]))));
    });
    test('one that Connection names is not there', async () => {
      const connections = [name, name.toUpperCase(), `close, ${name}`, `${name}, close`, `keep-alive,${name}`, ` \t${name}\t `, `,,${name},`];
      assertMismatch(await asked(connections.map((value) => headed(name, [['Connection', value], [name, 'mine']]))));
      assertMismatch(await asked(connections.map((value) => headed(name, [[name, 'mine'], ['connection', value]]))));
      assertMismatch(await asked([headed(name, [['Connection', 'keep-alive'], [name, 'mine'], ['Connection', name]])]));
    });
    test('control: of one that Connection does not name', async () => {
      assertPassed(await asked([headed(name, [['Connection', 'keep-alive, x-other'], [name, 'mine']])]));
    });
  });
}

describe('characters that origins read differently', () => {
  test('a header beyond ASCII, a parameter that is no UTF-8: neither is a value, whatever the token says', async () => {
    const claims = (tenant) => bearer({ aud: ['https://api.yourapp.com', 'urn:mine'], tenant });
    assertRefusals(await asked([
      (way) => ({ target: `/${way}/header/claim`, headers: [['X-Org', '\xe9\xe8'], claims('\ufffd\ufffd')] }),
      (way) => ({ target: `/${way}/header/claim`, headers: [['X-Org', 'm\xc3\xa9'], claims('m\u00e9')] }),
      (way) => ({ target: `/${way}/query/claim?org=%e9%e8`, headers: [claims('\ufffd\ufffd')] }),
    ]), 'auth.claim_mismatch');
    assertPassed(await asked([(way) => ({ target: `/${way}/query/claim?org=m%C3%A9`, headers: [claims('m\u00e9')] })]));
  });
});

describe('in other places of the policy', () => {
  const tenant = { aud: ['https://api.yourapp.com', 'urn:mine'], tenant: 'mine' };
  for (const [place, code, changes] of [['audience', 'auth.invalid_audience', { aud: 'urn:mine' }], ['claim', 'auth.claim_mismatch', tenant]]) {
    test(place, async () => {
      const query = (text) => (way) => ({ target: `/${way}/query/${place}?${text}`, headers: [bearer(changes)] });
      const header = (...headers) => (way) => ({ target: `/${way}/header/${place}`, headers: [...headers, bearer(changes)] });
      assertPassed(await asked(ways.flatMap(() => [query('org=mine'), header(['X-Org', 'mine'])])));
      assertRefusals(await asked(LOOSE_QUERY.org.map((loose) => query(`org=mine&${loose}=victim`))), code);
      assertRefusals(await asked(LOOSE_HEADER['x-org'].map((loose) => header(['x-org', 'mine'], [loose, 'victim']))), code);
      assertRefusals(await asked([header(['Connection', 'x-org'], ['X-Org', 'mine'])]), code);
    });
  }
});

function assertMismatch(exchanged) {
  assertRefusals(exchanged, 'auth.organization_mismatch');
}

function assertRefusals(exchanged, code) {
  const wrong = exchanged.filter(({ answer, arrived }) => answer.json?.code !== code || arrived.length > 0);
  assert.deepEqual(wrong.map(told).slice(0, 12), [], `${wrong.length} of ${exchanged.length} are not refused with ${code}`);
  for (const { answer } of exchanged) assertRefused(answer, code);
}

/** What arrived. */
function assertPassed(exchanged) {
  const wrong = exchanged.filter(({ answer, arrived }) => answer.status !== 200 || arrived.length !== 1);
  assert.deepEqual(wrong.map(told).slice(0, 12), [], `${wrong.length} of ${exchanged.length} do not pass`);
  return exchanged.map(({ arrived: [record] }) => record);
}

function told({ target, headers, answer, arrived }) {
  const sent = headers.filter(([name]) => name !== 'Authorization').map((header) => header.join(': '));
  return `${target} ${JSON.stringify(sent)}: ${answer.status}, arrived: ${arrived.map(({ line }) => line)}`;
}
