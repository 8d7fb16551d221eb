// What a gate costs without being one: a Worker that proxies, and does with headers what forwarding asks of every gate. It
// looks at each name, copies the headers and sets as many as Portcullis sets for a verified token, keeps the response out of
// Cloudflare's cache, and looks for hop-by-hop headers in the response. Tokens mean nothing to it.

import { env } from 'cloudflare:workers';

const SET = [
  'x-some-subject', 'user-1', 'x-some-client-id', 'client-1', 'x-some-scopes', 'read:products', 'x-some-audience',
  'https://api.yourapp.com', 'x-some-issuer', 'https://tenant.logto.app/oidc', 'x-forwarded-host', 'api.yourapp.com',
  'x-forwarded-proto', 'http',
];
const REMOVED = new Set(['connection', 'te', 'upgrade', 'proxy-authorization']);

export default {
  fetch(request) {
    const { url, method, body } = request;
    const headers = new Headers(request.headers);
    for (const name of request.headers.keys()) if (REMOVED.has(name)) headers.delete(name);
    for (let i = 0; i < SET.length; i += 2) headers.set(SET[i], SET[i + 1]);
    const init = { method, headers, body, redirect: 'manual', cache: 'no-store' };
    return fetch(env.ORIGIN + url.slice(url.indexOf('/', 8)), init).then(endToEnd);
  },
};

function endToEnd(response) {
  const { headers } = response;
  if (headers.get('connection') === null && !headers.has('proxy-authenticate') && !headers.has('proxy-connection')) return response;
  const copy = new Response(response.body, response);
  for (const name of ['connection', 'proxy-authenticate', 'proxy-connection']) copy.headers.delete(name);
  return copy;
}
