// The wasm instance. Every call into it is made here, so that no failure goes unnoticed: Rust does not throw, so an
// exception is a panic or a trap, and the instance can no longer be trusted. Everything that waits for it gets BROKEN,
// and the next call makes a new instance.

import * as wasm from 'portcullis-wasm';

import { forgetInstance } from './policy.js';

/** The result of a call into an instance that broke. */
export const BROKEN = Symbol('broken');

const waiting = new Map(); // number of a task → resolve function of its result
const early = new Map(); // number of a task → its result, until it is asked for
/** The number of the instance. */
export let generation = 0;
let isBroken = false;

// An exchange is what there is of a request: `request`, `env`, `context`, whether operators were told of it (`isTold`).

/** Makes sure that the right policy is in force; returns a promise if a request must wait for that. */
export function checkPolicy(exchange) {
  const task = guarded(wasm.check_policy, exchange);
  return typeof task === 'number' ? resultOf(task) : undefined;
}

/** The decision on a request head, or the task to wait for. See src/edge/wire.rs. */
export function decide(head, exchange) {
  return guarded(wasm.decide, head, exchange);
}

/** Refreshes the policy and the keys of all issuers. */
export function refresh(exchange) {
  const task = guarded(wasm.refresh, exchange);
  return typeof task === 'number' ? resultOf(task) : task;
}

/** The response to a request that was allowed but could not be forwarded. Operators are told of it, once. */
export function refuse(failure, head, exchange) {
  const decision = guarded(wasm.refuse, failure, head, exchange, exchange.isTold);
  exchange.isTold = true;
  return decision;
}

/** A promise of a task's result. */
export function resultOf(task) {
  return new Promise((resolve) => {
    if (early.has(task)) resolve(early.get(task));
    else waiting.set(task, resolve);
    early.delete(task);
  });
}

/** Rust reports the result of a task. */
export function finished(task, result) {
  const resolve = waiting.get(task);
  if (resolve) resolve(result);
  else early.set(task, result);
  waiting.delete(task);
}

/** Rust has dropped a task. The request that waited is long gone; workerd warns if its promise is resolved now. */
export function forgotten(task) {
  waiting.delete(task);
}

/**
 * Does the work that Rust asked for under the number `call`, and passes its result to Rust. `hasBroken` is called if
 * that broke the instance.
 */
export async function perform(call, work, hasBroken) {
  const asked = generation;
  const resume = (value, hasFailed) => {
    // The numbers of another instance's calls mean nothing to this one.
    if (asked === generation && guarded(wasm.resume, call, value, hasFailed) === BROKEN) hasBroken?.();
  };
  let outcome;
  try {
    outcome = [await work(), false];
  } catch (error) {
    outcome = [error instanceof Error ? error.message : 'unknown error', true];
    await undefined; // it may have been thrown synchronously, inside the call from Rust
  }
  resume(...outcome);
}

/** The number of a grant that holds for the request in the buffer, or -1: see src/edge/grants.rs. */
export function repeat(caller, hasAuthorization, length, now) {
  try {
    return wasm.repeat(caller, hasAuthorization, length, now); // without the arrays that `guarded` needs
  } catch (error) {
    broke(error);
    return -1;
  }
}

/** What a header means for such a request. */
export function headerRule(name) {
  return guarded(wasm.header_rule, name);
}

let buffer;

/** The buffer for requests; undefined if the instance broke. */
export function input() {
  if (isBroken) return undefined;
  // The memory has moved if it grew, and another instance has another one.
  if (buffer === undefined || buffer.byteLength === 0) buffer = guarded(newBuffer);
  return buffer === BROKEN ? undefined : buffer;
}

function newBuffer() {
  return new Uint8Array(wasm.own_memory().buffer, wasm.input(), wasm.input_bytes());
}

function guarded(call, ...args) {
  try {
    if (isBroken) renew();
    return call(...args);
  } catch (error) {
    return broke(error);
  }
}

function broke(error) {
  if (!isBroken) console.error(`internal error: ${error.name}`);
  isBroken = true;
  forgetInstance();
  buffer = undefined;
  generation += 1;
  for (const resolve of waiting.values()) resolve(BROKEN);
  waiting.clear();
  early.clear();
  return BROKEN;
}

function renew() {
  wasm.__wbg_reset_state();
  isBroken = false;
}
