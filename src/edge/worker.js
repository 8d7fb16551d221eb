// The Worker's entry. Rust decides (`decide`); this file carries the request's head there and the decision out. A request
// that is like one that was allowed before is forwarded by its grant (`granted`).

import { answer, refusal } from './answer.js';
import { names, send } from './forward.js';
import { granted, remember } from './grants.js';
import { BROKEN, checkPolicy, decide, generation, refresh, resultOf } from './instance.js';
import { isCheckDue, neededHeaders } from './policy.js';

export default {
  // Not async: one more promise costs as much as the lookup of a verified token.
  fetch(request, env, context) {
    const now = Date.now();
    if (isCheckDue(now)) {
      const checking = checkPolicy(env, context);
      return checking ? checking.then(() => respond(request, env, context)) : respond(request, env, context);
    }
    const forwarded = granted(request, now);
    return forwarded === undefined ? respond(request, env, context) : send(request, env, forwarded);
  },

  async scheduled(_event, env, context) {
    if ((await refresh(env, context)) === BROKEN) throw new Error('the keys were not refreshed');
  },
};

/** Nothing is awaited between the head and its decision, so both belong to one policy. */
function respond(request, env, context) {
  const by = generation;
  const decision = neededHeaders ? lines(decide(head(request), env, context)) : ['broken'];
  if (decision[0] !== 'wait') return act(decision, request, env, by);
  return resultOf(Number(decision[1])).then((late) => act(lines(late), request, env, by));
}

function lines(decision) {
  return decision === BROKEN ? ['broken'] : decision.split('\n');
}

/** Does what was decided `by` an instance. */
function act(decision, request, env, by) {
  if (decision[0] === 'allow') return forward(decision, request, env, by);
  if (decision[0] === 'share') return share(decision, request, env, by);
  return decision[0] === 'answer' ? answer(decision) : refusal('misconfigured', request.url);
}

/** Method, URL and the names of the headers, one per line, with the needed values: one call into wasm. */
function head({ method, url, headers }) {
  let text = `${method}\n${url}`;
  for (const name of headers.keys()) text += neededHeaders.has(name) ? `\n${name}:${headers.get(name)}` : `\n${name}`;
  return text;
}

/** Forwards an allowed request, and adds to the response which pages of other origins may use it. */
async function share([, count, ...decision], request, env, by) {
  const fields = decision.splice(0, Number(count));
  const response = await forward(decision, request, env, by);
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

const FIRST_FIELD = 8;

/** Forwards an allowed request to its origin, with the changes that the decision names. */
function forward(decision, request, env, by) {
  const [, url, service, timeout, cache, route, grant, count] = decision;
  const target = { service, timeout, cache, route };
  const firstSet = FIRST_FIELD + Number(count);
  // The numbers of another instance's grants mean nothing to this one.
  if (grant !== '' && by === generation) remember(request, grant, target, decision.slice(firstSet));
  // This is the cheapest way to change headers in workerd: a Request made first would be copied once more.
  const headers = new Headers(request.headers);
  for (let i = FIRST_FIELD; i < firstSet; i += 1) headers.delete(decision[i]);
  for (let i = firstSet; i < decision.length; i += 2) headers.set(decision[i], decision[i + 1]);
  return send(request, env, { ...target, url, headers });
}
