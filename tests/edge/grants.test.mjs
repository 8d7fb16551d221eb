// Requests that are forwarded by grants are answered and forwarded, to the byte, as if each was decided in full: random
// traffic with other policies, keys, times and instances in between.
//
// GRANTS_SEED repeats a run but for its keys, GRANTS_CASES sets its length.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { Random } from './differential/random.mjs';
import { trafficOf } from './grants/traffic.mjs';
import { startWorld } from './grants/world.mjs';

const SEED = Number(process.env.GRANTS_SEED ?? Math.floor(Math.random() * 2 ** 32));
const CASES = Number(process.env.GRANTS_CASES ?? 2000);
const EVENT_EVERY = 100;
const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000];

const random = new Random(SEED);
const traffic = trafficOf(random);
const { world, put, setTime, send, close } = await startWorld(traffic.policies[0]);
world.keys = traffic.rotations[0];
const start = world.at;
after(close);

const EVENTS = {
  'another policy': async () => {
    await put(random.pick(traffic.policies));
    await setTime(world.at + MINUTE + SECOND);
  },
  'other keys': async () => {
    world.keys = random.pick(traffic.rotations);
    await setTime(world.at + 11 * MINUTE);
  },
  'time passes': () => setTime(world.at + random.pick([SECOND, MINUTE, 10 * MINUTE])),
  'no, some or all tokens have expired': () => setTime(start + random.pick([0, 0, 0, 0, 12, 25, 21 * 24]) * HOUR),
  'the clock is set back': () => setTime(world.at - random.pick([SECOND, MINUTE, HOUR])),
  'an instance breaks': async () => {
    await compared({ ...traffic.touches[0], headers: [['x-fault', random.pick(['panic', 'memory', 'stack'])]] });
  },
  'an instance breaks at a request that has a grant': async () => {
    for (let i = 0; i < 4; i += 1) {
      const [byGrant, full] = await send({ ...traffic.touches[0], path: '/any?x-fault' });
      if (byGrant.answer.startsWith('HTTP/1.1 500 ')) {
        assert.deepEqual(byGrant.arrived, []);
        break;
      }
      assert.deepEqual(byGrant, full, `seed ${SEED}`);
    }
    // Both begin anew.
    await EVENTS['an instance breaks']();
  },
};

/** What both gates do, which must be the same. */
async function compared(request) {
  const [byGrant, full] = await send(request);
  assert.deepEqual(byGrant, full, `seed ${SEED}: ${JSON.stringify(request)}`);
  return byGrant;
}

/** Lets what is done behind responses come to its end, which is at different times for the two gates. */
async function settle() {
  for (let round = 0; round < 2; round += 1) {
    for (const touch of traffic.touches) await send(touch);
    await sleep(40);
  }
}

const GET = { ...traffic.touches[0], path: '/any' };

/** As a client sends it that does not encode: in UTF-8. */
const CAFE = Buffer.from('/café/中/').toString('latin1');

/** A request, and what makes it one that is decided or forwarded otherwise. */
const CHANGES = [
  [{ path: '/v1/cut' }, { path: '/v2/cut' }],
  [{ path: '/v2/cut' }, { path: '/v1/cut' }],
  [{ path: '/stripped/a' }, { path: `/stripped/${'a'.repeat(4100)}%2f` }],
  [{ path: '/through/a' }, { host: 'gate.test:81' }],
  [{}, { host: 'x@gate.test' }],
  [{}, { host: 'gate.test/any?' }],
  [{}, { host: 'gate.test:81' }],
  [{}, { headers: [['x-scheme', 'https']] }],
  [{}, { headers: [['connection', 'keep-alive, x-org']] }],
  [{}, { headers: [['upgrade', 'h2c']] }],
  [{ path: CAFE }, { path: `${CAFE}@other.test/d` }],
  [{ path: `${CAFE}x` }, { path: '/caf%C3%A9/%E4%B8%AD/x' }],
  [{}, { headers: [['x-auth-subject', 'admin']] }],
  [{}, { headers: [[`x-auth-${'long-'.repeat(20)}`, 'admin']] }],
  [{}, { authorization: undefined }],
  [{}, { authorization: `${GET.authorization}x` }],
  [{}, { method: 'OPTIONS', headers: [['origin', 'https://page.test'], ['access-control-request-method', 'GET']] }],
  [{ path: '/scoped/1' }, { method: 'POST' }],
  [{ path: '/optional', authorization: undefined }, { authorization: 'Basic Zm9v' }],
  [{ path: '/optional', authorization: undefined }, { authorization: GET.authorization }],
  [{ path: '/optional', headers: [['origin', 'https://page.test']] }, { headers: [['origin', 'https://evil.test']] }],
  [{ path: '/tools', headers: [['origin', 'https://page.test']] }, { headers: [['origin', 'https://evil.test']] }],
];

test('a request that differs in one thing from one that is forwarded by a grant', async () => {
  await settle();
  for (const [request, change] of CHANGES) {
    const one = { ...GET, ...request };
    const other = { ...one, ...change };
    for (const each of [one, one, one, other, other, other, one, other]) await compared(each);
  }
});

test(`${CASES} requests of seed ${SEED}`, async (t) => {
  const seen = { forwarded: 0, answered: 0 };
  const texts = [0, 0];
  await settle();
  await setTime(world.at);
  for (let i = 1; i <= CASES; i += 1) {
    const { arrived } = await compared(traffic.request());
    seen[arrived.length > 0 ? 'forwarded' : 'answered'] += 1;
    if (i % EVENT_EVERY > 0) continue;
    (await setTime(world.at)).forEach((count, index) => (texts[index] += count));
    if (Math.abs(world.at - start) > 3 * HOUR) await setTime(start);
    await EVENTS[random.pick(Object.keys(EVENTS))]();
    await settle();
    await setTime(world.at);
  }
  t.diagnostic(`${JSON.stringify(seen)}; JavaScript took ${texts.join(' and ')} texts from wasm`);
  assert.ok(seen.forwarded > CASES / 20 && seen.answered > CASES / 20, 'both are common');
  assert.ok(texts[0] < texts[1] - seen.forwarded / 10, 'many requests are forwarded by a grant');
});
