// The Worker's entry point. Rust decides (`decide`); this file passes in the request head and carries out the decision.

import { answer, refusal } from './answer.js';
import { names, send } from './forward.js';
import { BROKEN, checkPolicy, decide, refresh, resultOf } from './instance.js';
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
  // This is the cheapest way to change headers in workerd: a Request made first would be copied once more.
  const headers = new Headers(request.headers);
  let i = FIRST_FIELD;
  for (const end = i + Number(decision[i - 1]); i < end; i += 1) headers.delete(decision[i]);
  for (; i < decision.length; i += 2) headers.set(decision[i], decision[i + 1]);
  return send(request, env, { url, service, timeout, cache, route, headers });
}
