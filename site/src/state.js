// What the page begins with: the fixture beside it, and what the link says.

import { read } from './link.js';

const EMPTY = {
  file: 'policy.toml', environment: '', policy: '', tests: '', method: 'GET', url: '/', headers: '', now: '', example: '',
  caller: 'none', token: '', claims: '{}', keys: '', texts: 0, editions: 0, policyTab: 'findings', requestTab: 'decision',
};
/** What a request begins with: nobody sends it, and now. */
const NOBODY = { caller: 'none', token: '', claims: '{}', now: '' };
const TEXTS = ['file', 'environment', 'policy', 'tests', 'keys'];

/** The fixture that whoever serves the page gives: texts, `requests` and `tokens`, all of it optional. */
export async function loadFixture() {
  const response = await fetch('workbench.json', { cache: 'no-store' });
  // Some servers answer with a page of their own for what they do not have.
  const given = (response.ok && (await response.json().catch(() => null))) || {};
  const texts = TEXTS.filter((name) => typeof given[name] === 'string').map((name) => [name, inLines(given[name])]);
  const requests = Array.isArray(given.requests) ? given.requests.filter(isRequest) : [];
  const tokens = Object.entries(given.tokens ?? {}).filter(([, token]) => typeof token === 'string');
  return { texts: Object.fromEntries(texts), requests, tokens: new Map(tokens) };
}

function isRequest(request) {
  const { title, url, method = '', headers = [], as = '' } = request ?? {};
  const isText = (value) => typeof value === 'string';
  return [title, url, method, as].every(isText) && Array.isArray(headers) && headers.every(isText);
}

/** The lines as the editor has them. */
function inLines(text) {
  return text.replace(/\r\n?/g, '\n');
}

/** The state at the beginning, by the fixture and the fragment of the address. */
export async function initialState(fixture, fragment) {
  const linked = await read(fragment);
  if (linked.policy !== undefined) return { ...EMPTY, ...linked, policy: inLines(linked.policy) };
  const first = fixture.requests.length > 0 ? withExample(fixture, '0') : {};
  return { ...EMPTY, ...fixture.texts, ...first, ...withRequest(fixture, linked) };
}

/** The changes of the state that a link to a request makes. */
export function withRequest({ tokens }, { url, as, ...request }, texts = 0) {
  if (url === undefined) return {};
  const token = tokens.get(as);
  return { example: '', texts: texts + 1, url, ...request, ...NOBODY, ...(token !== undefined && { caller: 'token', token }) };
}

/** The changes of the state that an example of the fixture makes; `texts` counts them, for editors that begin anew. */
export function withExample({ requests, tokens }, example, texts = 0) {
  const request = requests[Number(example)];
  if (example === '' || request === undefined) return { example: '' };
  const { method = 'GET', url, headers = [], claims, as } = request;
  const caller = claims !== undefined && claims !== null ? { caller: 'claims', claims: JSON.stringify(claims, null, 2) } : as !== undefined ? { caller: 'token', token: tokens.get(as) ?? '' } : {};
  return { example, texts: texts + 1, method, url, headers: headers.join('\n'), ...NOBODY, ...caller };
}
