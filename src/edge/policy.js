// What JavaScript must know about the policy in force. Rust sets it (src/edge/policies.rs), in the call that changes
// it.

import { forgetGrants } from './grants.js';

/** The names of the headers whose values a request head must contain; undefined until an instance has set them. */
export let neededHeaders;

/** Whether each decision is a span of the runtime's traces. */
export let hasSpans = false;

let lookAt = 0; // milliseconds since 1970; Infinity if the policy never changes
let toldAt = 0; // when Rust set it
let kept;

/** Whether Rust must check for a policy before a request head is made: also if the clock was set back. */
export function isCheckDue(now) {
  if (lookAt === Infinity) return false;
  return lookAt <= now || now < toldAt;
}

/** The instance broke: the next one sets again what it needs. */
export function forgetInstance() {
  neededHeaders = undefined;
  lookAt = 0;
}

export function enforce(names, spans) {
  neededHeaders = new Set(names.split('\n'));
  hasSpans = spans;
  forgetGrants();
}

export function checkAgainAt(time) {
  lookAt = time;
  toldAt = Date.now();
}

export function keepPolicy(text) {
  kept = text;
}

export function keptPolicy() {
  return kept;
}
