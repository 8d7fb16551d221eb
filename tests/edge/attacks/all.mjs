// All attack tables, and the requests of their rows.

import algorithm from './algorithm.mjs';
import claims from './claims.mjs';
import context from './context.mjs';
import encoding from './encoding.mjs';
import header from './header.mjs';
import request from './request.mjs';
import signature from './signature.mjs';

export const FAMILIES = [algorithm, header, signature, encoding, claims, context, request];

/** The first requests of every row, as far as they reach the Worker. */
export function attacks(perRow) {
  const rows = FAMILIES.flatMap((family) => family.rows).filter(({ answer }) => !answer.workerd);
  return rows.flatMap((row) => requestsOf(row).slice(0, perRow));
}

/** The requests of a row. */
export function requestsOf({ token: tokens, request: requests, path = '/a', headers = [] }) {
  if (requests) return listOf(requests);
  return listOf(tokens).map((compact) => ({ path, headers: [...headers, ['Authorization', `Bearer ${compact}`]] }));
}

/** What a row gives: a value, a list, or a function that makes one of them. */
export function listOf(given) {
  return [typeof given === 'function' ? given() : given].flat();
}
