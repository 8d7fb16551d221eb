// Responses of the gate's own.

import { head } from './head.js';
import { BROKEN, refuse } from './instance.js';

/** A response of the gate's own. */
export function answer([, status, body, ...fields]) {
  const headers = new Headers();
  for (let i = 0; i < fields.length; i += 2) headers.append(fields[i], fields[i + 1]);
  return new Response(body === '' ? null : body, { status: Number(status), headers });
}

const FALLBACK_BODY = '{"error":"The gate is misconfigured","code":"gate.misconfigured"}';

/** The response to a failure out here, even if no instance can be made. */
export function refusal(failure, exchange) {
  const decision = refuse(failure, head(exchange.request), exchange);
  if (decision !== BROKEN) return answer(decision.split('\n'));
  return answer(['answer', '500', FALLBACK_BODY, 'content-type', 'application/json', 'cache-control', 'no-store']);
}
