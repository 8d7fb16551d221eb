// Sends allowed requests to their origin.

import { refusal } from './answer.js';

/** Sends the request with these headers to the URL. Its response, or a refusal: nothing rejects. */
export function send(request, env, { url, service, timeout, cache, route, headers }) {
  const origin = service === '' ? globalThis : env[service];
  if (typeof origin?.fetch !== 'function') {
    console.error(`route ${route}: no service is bound as ${service}`);
    return refusal('misconfigured', request.url);
  }
  // Cloudflare's cache does not distinguish callers: one could get a response for another. A service binding bypasses
  // it.
  const mode = cache === '' && service === '' ? 'no-store' : undefined;
  const response = promised(() => origin.fetch(url, outbound(request, headers, service, mode))).then(endToEnd).catch((error) => {
    // A client that disconnects in the middle of its body looks the same from here.
    const or = request.body === null ? '' : ' (or the client disconnected in the middle of its body)';
    // The message of a service's error is its own text, and could contain the token.
    console.error(`route ${route}: the origin cannot be reached: ${service === '' ? error?.message : error?.name}${or}`);
    return refusal('unreachable', request.url);
  });
  return timeout === '' ? response : inTime(response, Number(timeout), request.url);
}

/** The response, or a refusal if its headers take longer. Its body may. */
function inTime(response, milliseconds, url) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(refusal('timeout', url)), milliseconds);
    response.then((answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

/** A promise of a call's result, which rejects if the call throws. */
function promised(call) {
  try {
    return Promise.resolve(call());
  } catch (error) {
    return Promise.reject(error);
  }
}

/** The request with other headers, for `fetch`. */
function outbound(request, headers, service, cache) {
  const { method, body } = request;
  // The Fetch standard allows no body for GET and HEAD; one that was sent is still forwarded, in a copy of the request.
  if (body !== null && (method === 'GET' || method === 'HEAD')) return new Request(request, { headers, cache });
  const init = { method, headers, body, redirect: 'manual', cache };
  if (service !== '') init.cf = request.cf; // costs as much as all the rest, and means nothing to another server
  return init;
}

// workerd drops the other hop-by-hop headers itself.
const HOP_BY_HOP = ['proxy-authenticate', 'proxy-connection'];
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** Removes hop-by-hop headers from a response (RFC 9110 §7.6.1). */
function endToEnd(response) {
  const { headers } = response;
  const named = headers.get('connection');
  let dropped = HOP_BY_HOP.filter((name) => headers.has(name));
  if (named !== null) dropped = dropped.concat(connectionNames(named).filter((name) => headers.has(name)));
  if (dropped.length === 0 || response.webSocket) return response;
  const copy = new Response(response.body, response);
  for (const name of ['connection', ...dropped]) copy.headers.delete(name);
  return copy;
}

/** The valid names in `Connection`, without `connection` and `keep-alive`. */
function connectionNames(connection) {
  return names(connection).filter((name) => TOKEN.test(name) && name !== 'connection' && name !== 'keep-alive');
}

export function names(list) {
  return list.split(',').map((name) => name.trim().toLowerCase());
}
