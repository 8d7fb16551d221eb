// The Worker's entry. Rust decides (`decide`); this file carries the request's head there and the decision out.

import { BROKEN, decide, refresh, refuse } from './instance.js';

export default {
  async fetch(request, env, context) {
    const decision = await decide(head(request), env, context);
    if (decision === BROKEN) return refusal('misconfigured', request.url);
    const lines = decision.split('\n');
    return lines[0] === 'allow' ? forward(lines, request, env) : answer(lines);
  },

  async scheduled(_event, env, context) {
    if ((await refresh(env, context)) === BROKEN) throw new Error('the keys were not refreshed');
  },
};

/** Method, URL and headers, a line each: one string is one crossing. */
function head(request) {
  let text = `${request.method}\n${request.url}`;
  for (const [name, value] of request.headers) text += `\n${name}\n${value}`;
  return text;
}

/** A refusal. */
function answer([, status, body, ...fields]) {
  const headers = new Headers();
  for (let i = 0; i < fields.length; i += 2) headers.append(fields[i], fields[i + 1]);
  return new Response(body, { status: Number(status), headers });
}

/** Sends an allowed request to its origin, with the changes that the decision names. */
async function forward([, url, service, timeout, route, removals, ...fields], request, env) {
  const origin = service === '' ? globalThis : env[service];
  if (typeof origin?.fetch !== 'function') {
    console.error(`route ${route}: no service is bound as ${service}`);
    return refusal('misconfigured', request.url);
  }
  try {
    // Of the ways to change headers this is the cheapest in workerd: a Request made first would be copied once more.
    const headers = new Headers(request.headers);
    let i = 0;
    while (i < Number(removals)) headers.delete(fields[i++]);
    for (; i < fields.length; i += 2) headers.set(fields[i], fields[i + 1]);
    const { method, body, cf } = request;
    const init = { method, headers, body, redirect: 'manual', cf: service === '' ? undefined : cf };
    const response = await inTime(origin.fetch(url, init), Number(timeout));
    return response === LATE ? refusal('timeout', request.url) : endToEnd(response);
  } catch (error) {
    // What a service throws is its own text, and could hold the token.
    console.error(`route ${route}: the origin cannot be reached: ${service === '' ? error.message : error.name}`);
    return refusal('unreachable', request.url);
  }
}

const LATE = Symbol('late');

/** What a promise gives, or LATE. The time ends with the response's headers; the body may take its own. */
async function inTime(promise, milliseconds) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds, LATE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

// workerd drops the other hop-by-hop headers itself.
const HOP_BY_HOP = ['proxy-authenticate', 'proxy-connection'];
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** Drops what was for this hop only (RFC 9110 §7.6.1). */
function endToEnd(response) {
  const connection = response.headers.get('connection') ?? '';
  const named = connection.split(',').map((name) => name.trim().toLowerCase());
  const dropped = [...HOP_BY_HOP, ...named].filter((name) => TOKEN.test(name) && response.headers.has(name));
  if (response.webSocket || dropped.every((name) => name === 'connection' || name === 'keep-alive')) return response;
  const copy = new Response(response.body, response);
  for (const name of dropped) copy.headers.delete(name);
  return copy;
}

const LAST_WORD = '{"error":"The gate is misconfigured","code":"gate.misconfigured"}';

/** The answer for what went wrong out here, even where no instance can be made. */
function refusal(failure, url) {
  const decision = refuse(failure, url);
  if (decision !== BROKEN) return answer(decision.split('\n'));
  return answer(['deny', '500', LAST_WORD, 'content-type', 'application/json', 'cache-control', 'no-store']);
}
