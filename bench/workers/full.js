// A gate that does all that Portcullis does to forward a request, in JavaScript written by hand for the benchmark's policy:
// how cheap it can be in a language that the platform runs directly. It has one rule for each kind of route and no policy to
// read, and leaves out what is not forwarding: logs, key sets in KV, CORS, assertions.

import { env } from 'cloudflare:workers';

import { refuse } from './forward.js';
import { known, verified } from './full/callers.js';
import { removedFrom } from './full/names.js';
import { isUnambiguous } from './full/path.js';

const { ORIGIN } = env;
const TIMEOUT_MS = Number(env.TIMEOUT_MS ?? 0); // no timer without it
const NOBODY = { headers: [] };

export default {
  // Not async: a known token needs no promise but that of the origin's response.
  fetch(request) {
    const { url, headers } = request;
    const start = url.indexOf('/', 8);
    const host = url.slice(url.indexOf('/') + 2, start);
    if (headers.get('host') !== host || !isUnambiguous(url, start)) return refuse(400, 'ambiguous');
    if (url.startsWith('/catalogue/', start)) return forward(request, start, host, NOBODY, undefined);
    const authorization = headers.get('authorization') || null;
    if (authorization === null) {
      const isOptional = url.startsWith('/articles/', start);
      return isOptional ? forward(request, start, host, NOBODY, 'no-store') : refuse(401, 'no token');
    }
    const caller = known(authorization);
    if (caller !== undefined) return admit(request, start, host, caller);
    return verified(authorization).then((late) => (
      late ? admit(request, start, host, late) : refuse(401, 'invalid token')
    ));
  },
};

function admit(request, start, host, caller) {
  return caller.isAllowed ? forward(request, start, host, caller, 'no-store') : refuse(403, 'forbidden');
}

function forward(request, start, host, caller, cache) {
  const { url, method, body } = request;
  const headers = new Headers(request.headers);
  for (const name of removedFrom(request.headers, method)) headers.delete(name);
  headers.set('x-forwarded-host', host);
  headers.set('x-forwarded-proto', url.startsWith('https:') ? 'https' : 'http');
  for (let i = 0; i < caller.headers.length; i += 2) headers.set(caller.headers[i], caller.headers[i + 1]);
  // The Fetch standard allows no body for GET and HEAD; one that was sent is forwarded in a copy of the request.
  const isOdd = body !== null && (method === 'GET' || method === 'HEAD');
  const init = isOdd ? new Request(request, { headers, cache }) : { method, headers, body, redirect: 'manual', cache };
  const response = fetch(ORIGIN + url.slice(start), init).then(endToEnd, unreachable);
  return TIMEOUT_MS > 0 ? inTime(response) : response;
}

function inTime(response) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(refuse(504, 'the origin takes too long')), TIMEOUT_MS);
    response.then((received) => {
      clearTimeout(timer);
      resolve(received);
    });
  });
}

function unreachable() {
  return refuse(502, 'the origin cannot be reached');
}

// workerd drops the other hop-by-hop headers itself.
const HOP_BY_HOP = ['proxy-authenticate', 'proxy-connection'];
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;

/** Removes hop-by-hop headers from a response. */
function endToEnd(response) {
  const { headers } = response;
  const connection = headers.get('connection');
  if (connection === null && !HOP_BY_HOP.some((name) => headers.has(name))) return response;
  if (response.webSocket) return response;
  const copy = new Response(response.body, response);
  const named = (connection ?? '').split(',').map((name) => name.trim()).filter((name) => TOKEN.test(name));
  for (const name of ['connection', ...HOP_BY_HOP, ...named]) copy.headers.delete(name);
  return copy;
}
