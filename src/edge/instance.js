// The wasm instance. Every call into it is made here, so that nothing that goes wrong in it passes unseen: Rust does not
// throw, so what looks like it is a panic or a trap, and such an instance is not to be relied on. Everything that waits
// for it is answered BROKEN, and the next call makes a new one.

import * as wasm from 'portcullis-wasm';

import { forgetInstance } from './policy.js';

/** The result of a call into an instance that broke. */
export const BROKEN = Symbol('broken');

const waiting = new Map(); // number of a task → what takes its result
const early = new Map(); // number of a task → its result, until somebody asks for it
let generation = 0;
let isBroken = false;

/** Sees to it that the right policy is in force; gives a promise where a request has to wait for that. */
export function checkPolicy(env, context) {
  const task = guarded(wasm.check_policy, env, context);
  return typeof task === 'number' ? resultOf(task) : undefined;
}

/** The decision on a request's head, or what is to be waited for. See src/wire.rs. */
export function decide(head, env, context) {
  return guarded(wasm.decide, head, env, context);
}

/** Refreshes the policy and the keys of all issuers. */
export function refresh(env, context) {
  const task = guarded(wasm.refresh, env, context);
  return typeof task === 'number' ? resultOf(task) : task;
}

/** The decision on a request that was allowed and could not be forwarded. */
export function refuse(failure, url) {
  return guarded(wasm.refuse, failure, url);
}

/** What comes of a task. */
export function resultOf(task) {
  return new Promise((resolve) => {
    if (early.has(task)) resolve(early.get(task));
    else waiting.set(task, resolve);
    early.delete(task);
  });
}

/** Rust says what came of a task. */
export function finished(task, result) {
  const resolve = waiting.get(task);
  if (resolve) resolve(result);
  else early.set(task, result);
  waiting.delete(task);
}

/** Rust has given a task up: who waited for it is long gone, and workerd warns of promises that are kept too late. */
export function forgotten(task) {
  waiting.delete(task);
}

/** Does what Rust asked for under the number `call`, and says what came of it. `hasBroken` hears if that broke the instance. */
export async function answer(call, work, hasBroken) {
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
    await undefined; // it may have been thrown at once, while Rust is still asking
  }
  resume(...outcome);
}

function guarded(call, ...args) {
  try {
    if (isBroken) renew();
    return call(...args);
  } catch (error) {
    if (!isBroken) console.error(`internal error: ${error.name}`);
    isBroken = true;
    forgetInstance();
    generation += 1;
    for (const resolve of waiting.values()) resolve(BROKEN);
    waiting.clear();
    early.clear();
    return BROKEN;
  }
}

function renew() {
  wasm.__wbg_reset_state();
  isBroken = false;
}
