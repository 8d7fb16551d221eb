// The Worker's entry point. Rust decides (`decide`); this file passes in the request head and carries out the decision.

import { answer, refusal } from './answer.js';
import { forward, share } from './forward.js';
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
