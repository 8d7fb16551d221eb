// The callers of verified tokens: a bounded Map by the value of `Authorization`, from which the oldest is evicted first.

import { env } from 'cloudflare:workers';

import { verify } from '../verify.js';
import { identityOf, scopesOf } from './identity.js';

const MOST = 10_000;
const LEEWAY = 30; // seconds
const BEARER = /^bearer +([\w\-.~+/]+=*)$/i;

const callers = new Map();

/** The caller of a token that was verified before and has not expired since. */
export function known(authorization) {
  const caller = callers.get(authorization);
  if (caller === undefined || caller.until > Date.now()) return caller;
  callers.delete(authorization);
}

/** Verifies a token; undefined if it is not valid. */
export async function verified(authorization) {
  const [, token] = BEARER.exec(authorization) ?? [];
  const payload = token && (await verify(token).catch(() => undefined));
  if (!payload || typeof payload.exp !== 'number') return undefined;
  const caller = {
    until: (payload.exp + LEEWAY) * 1000,
    isAllowed: scopesOf(payload).includes(env.SCOPE) && payload.organization_id === undefined,
    headers: identityOf(payload),
  };
  if (callers.size >= MOST) callers.delete(callers.keys().next().value);
  callers.set(authorization, caller);
  return caller;
}
