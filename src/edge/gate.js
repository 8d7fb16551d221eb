// The handlers. Rust decides (`decide`); this file passes in the request head and carries out the decision. A request like
// one that was allowed before is forwarded by its grant.

import { answer, refusal } from './answer.js';
import { forward } from './forward.js';
import { forwardAgain, remember } from './grants.js';
import { head } from './head.js';
import { BROKEN, checkPolicy, decide, generation, refresh, resultOf } from './instance.js';
import { hasSpans, isCheckDue, neededHeaders } from './policy.js';
import { beginSpan, endSpan } from './tell.js';

/** The handlers of an app that have nothing to do with requests from outside. */
const OTHER_HANDLERS = ['queue', 'email', 'tail', 'tailStream', 'trace'];

/**
 * The handlers of a Worker with the gate. What it allows goes to its route's origin or, if there is an app, always to that.
 */
export function gate(app) {
  if (arguments.length > 0 && typeof app?.fetch !== 'function') throw new TypeError('gate(app): the app has no fetch function');
  const handlers = {
    // Not async: one more promise costs as much as the lookup of a verified token.
    fetch(request, env, context) {
      const now = Date.now();
      const inner = app && callable(app, env, context);
      const exchange = { request, env, context, isTold: false, span: undefined };
      const checking = isCheckDue(now) ? checkPolicy(exchange) : undefined;
      if (checking) return checking.then(() => respond(exchange, inner));
      return forwardAgain(exchange, inner, now) ?? respond(exchange, inner);
    },

    async scheduled(event, env, context) {
      const refreshed = await refresh({ env, context });
      await app?.scheduled?.(event, env, context);
      if (refreshed === BROKEN) throw new Error('the keys were not refreshed');
    },
  };
  for (const name of OTHER_HANDLERS) {
    if (typeof app?.[name] === 'function') handlers[name] = (...args) => app[name](...args);
  }
  return handlers;
}

/** The app in the place of an origin, for one request. */
function callable(app, env, context) {
  const call = async (url, init) => {
    try {
      return await app.fetch(new Request(url, init), env, context);
    } catch (error) {
      console.error(error); // as the runtime would, without a gate
      throw error;
    }
  };
  return { fetch: call };
}

/** Nothing is awaited between the head and its decision, so both belong to one policy. */
function respond(exchange, inner) {
  if (hasSpans) beginSpan(exchange);
  const decision = neededHeaders ? lines(decide(head(exchange.request), exchange)) : ['broken'];
  if (decision[0] !== 'wait') return act(decision, exchange, inner, generation);
  const instance = generation;
  return resultOf(Number(decision[1])).then((late) => act(lines(late), exchange, inner, instance));
}

function lines(decision) {
  return decision === BROKEN ? ['broken'] : decision.split('\n');
}

/** Carries out the decision of an instance. */
function act(decision, exchange, inner, instance) {
  if (decision[0] === 'allow') return allow(decision, exchange, inner, instance);
  return decision[0] === 'answer' ? answer(decision) : refusal('misconfigured', exchange);
}

const FIRST_FIELD = 9;

/** Forwards a request with the changes that its decision names, and remembers them for its grant. */
function allow(decision, exchange, inner, instance) {
  const [, url, service, timeout, cache, route, grant, told, counts] = decision;
  const [shareLines, removals] = counts.split(' ').map(Number);
  const target = { service, timeout, cache, route, told };
  const removed = decision.slice(FIRST_FIELD + shareLines, FIRST_FIELD + shareLines + removals);
  const set = decision.slice(FIRST_FIELD + shareLines + removals);
  const shared = shareLines === 0 ? undefined : decision.slice(FIRST_FIELD, FIRST_FIELD + shareLines);
  if (told !== '' && hasSpans) endSpan(exchange, JSON.parse(told).span);
  // The numbers of another instance's grants mean nothing to this one.
  if (grant !== '' && instance === generation) remember(exchange.request, grant, target, set, shared);
  return forward(exchange, inner, target, { url, removed, set }, shared);
}
