// Forwards allowed requests to their origin.

import { refusal } from './answer.js';
import { tellDecision } from './tell.js';

/**
 * Sends an allowed request to its origin, or to the app behind the gate (`app`, undefined if there is none). `target` is
 * what its route says: `service` (the binding), `timeout` (in milliseconds), `cache` (whether Cloudflare's cache may
 * respond), each '' if not, `route` (its name), and `told` (what operators are told once the origin has answered, '' if
 * nothing). `changes` is what differs from the request as received: `url`, `removed`
 * (names of headers) and `set` (names and values). `shared` are names and values of the headers that say which pages of
 * other origins may use the response; undefined if the policy has no say.
 */
export function forward(exchange, app, target, changes, shared) {
  const { service, timeout, route, told } = target;
  const origin = app ?? (service === '' ? globalThis : exchange.env[service]);
  let response;
  if (typeof origin?.fetch === 'function') {
    response = responseOf(origin, target, exchange, changes);
    if (timeout !== '') response = orTimeout(response, Number(timeout), exchange);
    // A client that leaves before the origin answers is told of too.
    if (told !== '') keepAlive(exchange, response);
  } else {
    console.error(`route ${route}: no service is bound as ${service}`);
    response = refusal('misconfigured', exchange);
  }
  return shared === undefined ? response : share(response, shared);
}

/** Keeps the request's context alive until the response is there. What is told of it must not change it. */
function keepAlive({ context }, response) {
  try {
    context.waitUntil(response);
  } catch {
    // The request goes on for as long as its client waits.
  }
}

/** The origin's response, or a refusal if there is none. */
async function responseOf(origin, { cache, route, told }, exchange, changes) {
  const { request } = exchange;
  const isNetwork = origin === globalThis;
  // Cloudflare's cache does not distinguish callers: one could get a response for another. A service binding bypasses
  // it.
  const mode = cache === '' && isNetwork ? 'no-store' : undefined;
  try {
    const response = endToEnd(await origin.fetch(changes.url, changed(request, changes, isNetwork, mode)));
    if (told !== '') tellDecision(exchange, told);
    return response;
  } catch (error) {
    // A client that disconnects in the middle of its body looks the same from here.
    const or = request.body === null ? '' : ' (or the client disconnected in the middle of its body)';
    // The message of a service's error is its own text, and could contain the token.
    console.error(`route ${route}: the origin cannot be reached: ${isNetwork ? error?.message : error?.name}${or}`);
    return refusal('unreachable', exchange);
  }
}

/** The response, or a refusal if its headers take longer. Its body may take longer. */
function orTimeout(response, milliseconds, exchange) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(refusal('timeout', exchange)), milliseconds);
    response.then((received) => {
      clearTimeout(timer);
      resolve(received);
    });
  });
}

/** The request with some headers removed and others set, for `fetch`. */
function changed(request, { removed, set }, isNetwork, cache) {
  // This is the cheapest way to change headers in workerd: a Request made first would be copied once more.
  const headers = new Headers(request.headers);
  for (let i = 0; i < removed.length; i += 1) headers.delete(removed[i]);
  for (let i = 0; i < set.length; i += 2) headers.set(set[i], set[i + 1]);
  const { method, body } = request;
  // The Fetch standard allows no body for GET and HEAD; one that was sent is still forwarded, in a copy of the request.
  if (body !== null && (method === 'GET' || method === 'HEAD')) return new Request(request, { headers, cache });
  const init = { method, headers, body, redirect: 'manual', cache };
  if (!isNetwork) init.cf = request.cf; // costs as much as all the rest, and means nothing to another server
  return init;
}

/** Adds the policy's headers to a response. They replace the origin's: browsers reject a response with both. */
async function share(late, fields) {
  const response = await late;
  if (response.webSocket) return response; // CORS does not apply to WebSockets
  const shared = copied(response);
  if (shared === undefined) return response;
  for (const name of [...shared.headers.keys()]) if (name.startsWith('access-control-')) shared.headers.delete(name);
  for (let i = 0; i < fields.length; i += 2) {
    const [name, value] = [fields[i], fields[i + 1]];
    if (name !== 'vary' || !names(shared.headers.get(name) ?? '').includes(value)) shared.headers.append(name, value);
  }
  return shared;
}

/** A copy whose headers can be changed; undefined if workerd lets nobody make it, as with the status 999. */
function copied(response) {
  try {
    return new Response(response.body, response);
  } catch {
    return undefined;
  }
}

// workerd drops the other hop-by-hop headers itself.
const HOP_BY_HOP = ['proxy-authenticate', 'proxy-connection'];
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** Removes hop-by-hop headers from a response (RFC 9110 §7.6.1). */
function endToEnd(response) {
  const { headers } = response;
  const connection = headers.get('connection');
  if (connection === null && !headers.has(HOP_BY_HOP[0]) && !headers.has(HOP_BY_HOP[1])) return response;
  const dropped = [...HOP_BY_HOP, ...connectionNames(connection ?? '')].filter((name) => headers.has(name));
  if (dropped.length === 0 || response.webSocket) return response;
  const copy = copied(response);
  for (const name of ['connection', ...dropped]) copy?.headers.delete(name);
  return copy ?? response;
}

/** The valid names in `Connection`, without `connection` and `keep-alive`. */
function connectionNames(connection) {
  return names(connection).filter((name) => TOKEN.test(name) && name !== 'connection' && name !== 'keep-alive');
}

/** The names in a list of header names, in lower case. */
function names(list) {
  return list.split(',').map((name) => name.trim().toLowerCase());
}
