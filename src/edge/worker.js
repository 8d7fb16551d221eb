// The Worker's entry point. Rust decides (`decide`); this file passes in the request head and carries out the decision.

import { BROKEN, checkPolicy, decide, refresh, refuse, resultOf } from './instance.js';
import { neededHeaders, isCheckDue } from './policy.js';

export default {
  // Not async: one more promise costs as much as the lookup of a verified token.
  fetch(request, env, context) {
    const checking = isCheckDue() ? checkPolicy(env, context) : undefined;
    return checking ? checking.then(() => respond(request, env, context)) : respond(request, env, context);
  },

  async scheduled(_event, env, context) {
    if ((await refresh(env, context)) === BROKEN) throw new Error('the keys were not refreshed');
  },
};

/** Nothing is awaited between the head and its decision, so both belong to one policy. */
function respond(request, env, context) {
  const decision = neededHeaders ? lines(decide(head(request), env, context)) : ['broken'];
  if (decision[0] !== 'wait') return act(decision, request, env);
  return resultOf(Number(decision[1])).then((late) => act(lines(late), request, env));
}

function lines(decision) {
  return decision === BROKEN ? ['broken'] : decision.split('\n');
}

function act(decision, request, env) {
  if (decision[0] === 'allow') return forward(decision, request, env);
  if (decision[0] === 'share') return share(decision, request, env);
  return decision[0] === 'answer' ? answer(decision) : refusal('misconfigured', request.url);
}

/** Method, URL and the names of the headers, one per line, with the needed values: one call into wasm. */
function head({ method, url, headers }) {
  let text = `${method}\n${url}`;
  for (const name of headers.keys()) text += neededHeaders.has(name) ? `\n${name}:${headers.get(name)}` : `\n${name}`;
  return text;
}

/** A response of the gate's own. */
function answer([, status, body, ...fields]) {
  const headers = new Headers();
  for (let i = 0; i < fields.length; i += 2) headers.append(fields[i], fields[i + 1]);
  return new Response(body === '' ? null : body, { status: Number(status), headers });
}

/** Forwards an allowed request, and adds to the response which pages of other origins may use it. */
async function share([, count, ...decision], request, env) {
  const fields = decision.splice(0, Number(count));
  const response = await forward(decision, request, env);
  if (response.webSocket) return response; // CORS does not apply to WebSockets
  const shared = copied(response) ?? refusal('unreachable', request.url);
  // The policy replaces the origin's headers: browsers reject a response with both.
  for (const name of [...shared.headers.keys()]) if (name.startsWith('access-control-')) shared.headers.delete(name);
  for (let i = 0; i < fields.length; i += 2) {
    const [name, value] = [fields[i], fields[i + 1]];
    if (name !== 'vary' || !names(shared.headers.get(name) ?? '').includes(value)) shared.headers.append(name, value);
  }
  return shared;
}

/** A copy whose headers can be changed; undefined if workerd cannot make it, as with the status 999. */
function copied(response) {
  try {
    return new Response(response.body, response);
  } catch (error) {
    console.error(`a response of the origin cannot be returned: ${error.name}`);
    return undefined;
  }
}

const FIRST_FIELD = 7;

/** Forwards an allowed request to its origin, with the changes that the decision names. */
function forward(decision, request, env) {
  const [, url, service, timeout, cache, route] = decision;
  const origin = service === '' ? globalThis : env[service];
  if (typeof origin?.fetch !== 'function') {
    console.error(`route ${route}: no service is bound as ${service}`);
    return refusal('misconfigured', request.url);
  }
  // Cloudflare's cache does not distinguish callers: one could get a response for another. A service binding bypasses
  // it.
  const mode = cache === '' && service === '' ? 'no-store' : undefined;
  const send = () => origin.fetch(url, changed(request, decision, service, mode));
  // The timeout ends with the response's headers; the body may take longer.
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(refusal('timeout', request.url)), Number(timeout));
    promised(send).then((response) => {
      clearTimeout(timer);
      resolve(endToEnd(response));
    }).catch((error) => {
      clearTimeout(timer);
      // A client that disconnects in the middle of its body looks the same from here.
      const or = request.body === null ? '' : ' (or the client disconnected in the middle of its body)';
      // The message of a service's error is its own text, and could contain the token.
      console.error(`route ${route}: the origin cannot be reached: ${service === '' ? error?.message : error?.name}${or}`);
      resolve(refusal('unreachable', request.url));
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

/** The request with some headers removed and others set, for `fetch`. */
function changed(request, decision, service, cache) {
  // This is the cheapest way to change headers in workerd: a Request made first would be copied once more.
  const headers = new Headers(request.headers);
  let i = FIRST_FIELD;
  for (const end = i + Number(decision[i - 1]); i < end; i += 1) headers.delete(decision[i]);
  for (; i < decision.length; i += 2) headers.set(decision[i], decision[i + 1]);
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

function names(list) {
  return list.split(',').map((name) => name.trim().toLowerCase());
}

const FALLBACK_BODY = '{"error":"The gate is misconfigured","code":"gate.misconfigured"}';

/** The response to a failure out here, even if no instance can be made. */
function refusal(failure, url) {
  const decision = refuse(failure, url);
  if (decision !== BROKEN) return answer(decision.split('\n'));
  return answer(['answer', '500', FALLBACK_BODY, 'content-type', 'application/json', 'cache-control', 'no-store']);
}
