// What this side must know of the policy in force: Rust tells it (src/edge/policies.rs), in the call that changes it.

/** The names of the headers whose values a head is to have; undefined before an instance has said so. */
export let neededHeaders;

let lookAt = 0; // milliseconds since 1970; Infinity where the policy stays the same
let toldAt = 0; // when Rust said so
let kept;

/** Whether Rust is to be asked to look for a policy, before a request's head is made: also where the clock went back. */
export function isCheckDue() {
  if (lookAt === Infinity) return false;
  const now = Date.now();
  return lookAt <= now || now < toldAt;
}

/** The instance broke: another one will say anew what it asks for. */
export function forgetInstance() {
  neededHeaders = undefined;
  lookAt = 0;
}

export function needHeaders(names) {
  neededHeaders = new Set(names.split('\n'));
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
