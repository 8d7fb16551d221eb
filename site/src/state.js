// What the page begins with: the fixture beside it, and what the link says.

import { read } from './link.js';

const EMPTY = {
  file: 'policy.toml', policy: '', tests: '', method: 'GET', url: '/', headers: '', now: '', example: '',
  caller: 'none', token: '', claims: '{}', keys: '', texts: 0, policyTab: 'findings', requestTab: 'decision',
};

/** The fixture that whoever serves the page gives: `{ file, policy, tests, keys, requests, tokens }`, all of it optional. */
export async function loadFixture() {
  const response = await fetch('workbench.json', { cache: 'no-store' });
  const fixture = response.ok ? await response.json() : {};
  return { requests: [], tokens: {}, ...fixture };
}

/** The state at the beginning, by the fixture and the fragment of the address. */
export async function initialState(fixture, fragment) {
  const { file, policy, tests, keys } = fixture;
  const given = Object.fromEntries(Object.entries({ file, policy, tests, keys }).filter(([, value]) => value !== undefined));
  const first = fixture.requests.length > 0 ? withExample(fixture, '0') : {};
  const { as, ...linked } = await read(fragment);
  if (linked.policy !== undefined) return { ...EMPTY, ...linked };
  const state = { ...EMPTY, ...given, ...first };
  if (linked.url === undefined) return state;
  return { ...state, ...NOBODY, example: '', ...linked, ...(fixture.tokens[as] && { caller: 'token', token: fixture.tokens[as] }) };
}

const NOBODY = { caller: 'none', token: '', claims: '{}' };

/** The changes of the state that an example of the fixture makes; `texts` counts them, for editors that begin anew. */
export function withExample({ requests, tokens }, example, texts = 0) {
  const request = requests[Number(example)];
  if (example === '' || request === undefined) return { example: '' };
  const { method = 'GET', url, headers = [], claims, as } = request;
  const caller = claims !== undefined ? { caller: 'claims', claims: JSON.stringify(claims, null, 2) } : as !== undefined ? { caller: 'token', token: tokens[as] ?? '' } : {};
  return { example, texts: texts + 1, method, url, headers: headers.join('\n'), ...NOBODY, ...caller };
}
