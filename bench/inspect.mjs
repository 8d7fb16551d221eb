// What a Worker must refuse, and the identity that must not pass: one that checks less is not comparable.

import { entries, expiredSet, foreignSet, knownSet, narrowSet } from './sets.mjs';

export async function inspect(port, ends) {
  const [{ token, path, told }] = entries(knownSet('ES256'));
  const ask = async (credentials, due, headers = {}) => {
    const authorization = credentials && { authorization: `Bearer ${credentials}` };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { ...headers, ...authorization } });
    const body = await response.text();
    if (!due.includes(response.status)) throw new Error(`${due} was due, not ${response.status} ${body}`);
    return body;
  };
  await ask(undefined, [401]);
  await ask(forged(token), [401]);
  await ask(entries(expiredSet())[0].token, [401]);
  await ask(entries(foreignSet())[0].token, [401, 403]); // for another audience; gates differ in the status
  await ask(entries(narrowSet())[0].token, [403]);
  const body = await ask(token, [200], { 'x-auth-subject': 'intruder', 'x-auth-scopes': 'all' });
  if (body !== told + ends) throw new Error(`the origin was told ${body}, not ${told}${ends}`);
}

/** The token with a different signature of the same length. */
function forged(token) {
  const [head, payload, signature] = token.split('.');
  return [head, payload, signature.replace(/^.{4}/, (start) => (start === 'AAAA' ? 'BBBB' : 'AAAA'))].join('.');
}
