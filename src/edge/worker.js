// The Worker's entry point. Rust decides (`decide`); this file passes in the request head and carries out the decision. A
// request like one that was allowed before is forwarded by its grant.

import { answer, refusal } from './answer.js';
import { forward } from './forward.js';
import { forwardAgain, remember } from './grants.js';
import { BROKEN, checkPolicy, decide, generation, refresh, resultOf } from './instance.js';
import { isCheckDue, neededHeaders } from './policy.js';

export default {
  // Not async: one more promise costs as much as the lookup of a verified token.
  fetch(request, env, context) {
    const now = Date.now();
    const checking = isCheckDue(now) ? checkPolicy(env, context) : undefined;
    if (checking) return checking.then(() => respond(request, env, context));
    return forwardAgain(request, env, now) ?? respond(request, env, context);
  },

  async scheduled(_event, env, context) {
    if ((await refresh(env, context)) === BROKEN) throw new Error('the keys were not refreshed');
  },
};

/** Nothing is awaited between the head and its decision, so both belong to one policy. */
function respond(request, env, context) {
  const decision = neededHeaders ? lines(decide(head(request), env, context)) : ['broken'];
  if (decision[0] !== 'wait') return act(decision, request, env, generation);
  const instance = generation;
  return resultOf(Number(decision[1])).then((late) => act(lines(late), request, env, instance));
}

function lines(decision) {
  return decision === BROKEN ? ['broken'] : decision.split('\n');
}

/** Carries out the decision of an instance. */
function act(decision, request, env, instance) {
  if (decision[0] === 'allow') return allow(decision, request, env, instance);
  return decision[0] === 'answer' ? answer(decision) : refusal('misconfigured', request.url);
}

/** Method, URL and the names of the headers, one per line, with the needed values: one call into wasm. */
function head({ method, url, headers }) {
  let text = `${method}\n${url}`;
  for (const name of headers.keys()) text += neededHeaders.has(name) ? `\n${name}:${headers.get(name)}` : `\n${name}`;
  return text;
}

const FIRST_FIELD = 8;

/** Forwards a request with the changes that its decision names, and remembers them for its grant. */
function allow(decision, request, env, instance) {
  const [, url, service, timeout, cache, route, grant, counts] = decision;
  const [shareLines, removals] = counts.split(' ').map(Number);
  const target = { service, timeout, cache, route };
  const removed = decision.slice(FIRST_FIELD + shareLines, FIRST_FIELD + shareLines + removals);
  const set = decision.slice(FIRST_FIELD + shareLines + removals);
  const shared = shareLines === 0 ? undefined : decision.slice(FIRST_FIELD, FIRST_FIELD + shareLines);
  // The numbers of another instance's grants mean nothing to this one.
  if (grant !== '' && instance === generation) remember(request, grant, target, set, shared);
  return forward(request, env, target, { url, removed, set }, shared);
}
