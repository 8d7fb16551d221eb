// Links to the workbench: what they hold, and above all what they do not.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { read, shared } from '../../site/src/link.js';
import { decode, tokenOf, withoutTokens } from '../../site/src/token.js';

const TOKEN = 'eyJhbGciOiJFUzM4NCJ9.eyJzdWIiOiJ1c2VyIn0.c2lnbmF0dXJl';
const STATE = { file: 'policy.toml', environment: '', policy: 'version = 1', method: 'GET', url: '/a', headers: '', caller: 'none', token: TOKEN, claims: '{}', tests: '' };
const held = async (changes) => read(await shared({ ...STATE, ...changes }));

test('policy, request and claims come back', async () => {
  const state = { policy: 'é 💡 {query.b}\n', url: '/a?b=c&d', headers: 'Host: api-gateway.yourcompany.com\nAccept-Language: en', caller: 'claims', claims: '{"sub":"x"}' };
  const { file, environment, method } = STATE;
  assert.deepEqual(await held(state), { file, environment, method, ...state });
});

for (const [name, changes, member, expected] of [
  ['a token as claims', { caller: 'claims', claims: TOKEN }, 'claims', undefined],
  ['a token within claims', { caller: 'claims', claims: `{"act":"${TOKEN}"}` }, 'claims', '{"act":""}'],
  ['a token in the policy', { policy: `# ${TOKEN}\nversion = 1` }, 'policy', '# \nversion = 1'],
  ['a token in the method', { method: TOKEN }, 'method', ''],
  ['a token in the path', { url: `/a/${TOKEN}/b` }, 'url', '/a//b'],
  ['a token in the query', { url: `/a?x=${TOKEN}` }, 'url', '/a?x='],
  ['its dots percent-encoded', { url: `/a?x=${TOKEN.replaceAll('.', '%2E')}` }, 'url', '/a?x='],
  ['an encrypted token', { url: `/a?x=eyJhbGciOiJkaXIifQ..QkJCQg.Q0NDQw.RERERA&y=1` }, 'url', '/a?x=&y='],
  ['an opaque token in the query', { url: '/a?access_token=Z6MkpTHR8VNs&page=2' }, 'url', '/a?access_token=&page='],
  ['a code', { url: '/callback?code=abc&state=1' }, 'url', '/callback?code=&state='],
  ['a token within a value', { url: `/a?redirect=https%3A%2F%2Fx%2F%3Ft%3D${TOKEN}&h=Bearer%20${TOKEN}` }, 'url', '/a?redirect=&h='],
  ['a token in the path, behind an escape', { url: `/a%20${TOKEN}` }, 'url', '/a%20'],
  ['dots encoded twice', { url: `/a/${TOKEN.replaceAll('.', '%252e')}` }, 'url', '/a/'],
  ['a token whose header has spaces', { url: `/a/${Buffer.from('{ "alg": "none" }').toString('base64url')}.${TOKEN.split('.')[1]}.x` }, 'url', '/a/'],
  ['the fragment', { url: '/cb#access_token=Z6Mk' }, 'url', '/cb'],
  ['an escaped name', { url: '/a?%74oken=Z6Mk' }, 'url', '/a?%74oken='],
  ['other separators', { url: '/a;jsessionid=Z6Mk/b?x=1;token=Z6Mk' }, 'url', '/a;jsessionid=/b?x='],
  ['user information after a space', { url: ' https://user:s3cret@h/a' }, 'url', 'https://h/a'],
  ['user information without a scheme', { url: '//user:s3cret@h/a' }, 'url', '//h/a'],
  ['a parameter that the policy reads, named like a credential', { policy: '{query.access_token}', url: '/a?access_token=Z6Mk' }, 'url', '/a?access_token='],
  ['user information', { url: 'https://user:s3cret@h.example.com/a' }, 'url', 'https://h.example.com/a'],
  ['headers with credentials', { headers: 'Authorization: Basic YTpi\nX-Serverless-Authorization: Bearer x\nDPoP: x\nCookie: a=b\nBearer Z6Mk\nX-Session-Id: 7' }, 'headers', ''],
  ['a header that the policy reads', { policy: 'audience = "urn:logto:organization:{header.x-org}"', headers: 'X-Org: acme\nX-Other: 1' }, 'headers', 'X-Org: acme'],
  ['a header with a part of such a name', { policy: '"{header.x-country-code}"', headers: 'X-Country-Code: de' }, 'headers', 'X-Country-Code: de'],
  ['the header of the token', { policy: 'token_header = "x-session"\naudience = "{header.x-session}"', headers: 'X-Session: abc' }, 'headers', ''],
]) {
  test(`without credentials: ${name}`, async () => {
    assert.equal((await held(changes))[member], expected);
    const text = JSON.stringify(await held(changes));
    for (const part of TOKEN.split('.')) assert.ok(!text.includes(part), text);
  });
}

test('what only looks like a token stays', () => {
  for (const text of ['https://api-gateway.yourcompany.com/api/products/7', '/files/quarterly.financials.pdf', 'Origin: https://dashboard.yourcompany.com']) {
    assert.equal(withoutTokens(text), text);
  }
  const started = performance.now();
  withoutTokens(`${'eyJ'.repeat(20_000)} ${'a'.repeat(100_000)}`);
  assert.ok(performance.now() - started < 1000, 'in a time that grows with the text');
});

test('a link gives texts of the state, and no other member', async () => {
  const fragment = async (value) => {
    const packed = new Blob([JSON.stringify(value)]).stream().pipeThrough(new CompressionStream('deflate-raw'));
    return `#state=${Buffer.from(await new Response(packed).arrayBuffer()).toString('base64url')}`;
  };
  assert.deepEqual(await read(await fragment({ policy: 'p', token: 't', __proto__: { x: 1 }, constructor: 'c', url: 7 })), { policy: 'p' });
  assert.deepEqual(await read(await fragment(null)), {});
  await assert.rejects(read(await fragment('x'.repeat(6_000_000))), /too much/);
  assert.deepEqual(await read('#explain=POST+/a%3Fb=c&header=x:+1&header=y:+2&as=A'), { method: 'POST', url: '/a?b=c', headers: 'x: 1\ny: 2', as: 'A' });
  assert.deepEqual(await read('#explain=nonsense'), {});
});

test('the token of a request', () => {
  const of = (changes) => tokenOf({ caller: 'none', token: '', headers: '', ...changes });
  assert.equal(of({ caller: 'token', token: ` Bearer ${TOKEN}\n` }), TOKEN);
  assert.equal(of({ headers: `x: 1\nAuthorization: bearer ${TOKEN}` }), TOKEN);
  assert.equal(of({ caller: 'token', token: `Authorization: Bearer ${TOKEN}` }), TOKEN);
  assert.equal(of({ headers: 'Authorization: Basic YTpi' }), '');
  assert.equal(of({ headers: `Cf-Access-Jwt-Assertion: ${TOKEN}` }), TOKEN);
  assert.equal(of({ caller: 'claims', headers: `Authorization: Bearer ${TOKEN}` }), '');
  assert.deepEqual(decode(TOKEN), { header: { alg: 'ES384' }, claims: { sub: 'user' } });
  for (const opaque of ['', 'abc', 'a.b.c', `${TOKEN}.x`, 'W10.W10.']) assert.equal(decode(opaque), null, opaque);
});
