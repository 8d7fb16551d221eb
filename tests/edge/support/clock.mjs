// Gates with a clock that the test controls.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** The `entry` of such gates. */
export const WITH_CLOCK = readFileSync(new URL('with-clock.js', import.meta.url), 'utf8');

/** Changes the environment of a gate: `ahead` is how many milliseconds its clock is ahead, `fault` a fault of POLICY_KV. */
export async function setWorld(gate, change) {
  const answer = await gate.request('/', { headers: [['x-world', JSON.stringify(change)]] });
  assert.equal(answer.status, 204);
}

/** Sets a gate's clock ahead by the given seconds, or behind. */
export const setAhead = (gate, seconds) => setWorld(gate, { ahead: seconds * 1000 });
