// What the benchmark computes from its measurements, and what its JavaScript Worker decides without the platform.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { targets } from '../../bench/targets.mjs';
import { generator, shuffled } from '../../bench/shuffle.mjs';
import { median, medianAndLeast, ratios } from '../../bench/statistics.mjs';
import { identityOf } from '../../bench/workers/full/identity.js';
import { isRemoved, removedFrom } from '../../bench/workers/full/names.js';
import { isUnambiguous } from '../../bench/workers/full/path.js';

test('medians of odd and even counts', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 10]), 3);
  assert.ok(Number.isNaN(median([])));
  assert.equal(medianAndLeast([1.3, 1.1, 1.2]), '1.20 (1.10)');
});

test('ratios are made within a round, and only where it has both', () => {
  const runs = [
    { round: 0, worker: 'a', cpu: 20, p99: 1 },
    { round: 1, worker: 'b', cpu: 100, p99: 2 },
    { round: 0, worker: 'b', cpu: 10, p99: 4 },
    { round: 1, worker: 'a', cpu: 300, p99: 1 },
    { round: 2, worker: 'a', cpu: 5, p99: 1 },
  ];
  assert.deepEqual(ratios(runs, { worker: 'a' }, { worker: 'b' }), [2, 3]);
  assert.deepEqual(ratios(runs, { worker: 'a' }, { worker: 'b' }, 'p99'), [0.25, 0.5]);
});

test('a shuffle keeps every item, and its seed repeats it', () => {
  const items = Array.from({ length: 20 }, (_, i) => i);
  const order = (seed) => shuffled(items, generator(seed));
  assert.deepEqual(order(1).sort((a, b) => a - b), items);
  assert.deepEqual(order(7), order(7));
  assert.notDeepEqual(order(7), order(8));
});

test('every order is as likely as the others, and no Worker always comes first', () => {
  const random = generator(42);
  const counts = {};
  for (let i = 0; i < 6000; i += 1) {
    const order = shuffled(['a', 'b', 'c'], random).join('');
    counts[order] = (counts[order] ?? 0) + 1;
  }
  assert.equal(Object.keys(counts).length, 6);
  for (const [order, count] of Object.entries(counts)) assert.ok(count > 850 && count < 1150, `${order}: ${count}`);
});

const ABOUT = { wasm: { portcullis: { gzip: 150_000 } } };

function rounds(marks, costs) {
  return Object.entries(costs).flatMap(([worker, values]) => (
    values.map((cpu, round) => ({ ...marks, worker, round, cpu, p99: cpu / 50 }))
  ));
}

function judged(results) {
  return Object.fromEntries(targets({ about: ABOUT, ...results }, 'portcullis').map(({ what, reached }) => [what, reached]));
}

test('targets are judged by the median, and a part that did not run has no verdict', () => {
  const known = { alg: 'ES256', mode: 'known' };
  const tokens = [
    ...rounds(known, { proxy: [100, 100, 100], full: [120, 110, 112], portcullis: [112, 111, 150] }),
    ...rounds({ alg: 'ES384', mode: 'new' }, { jose: [100, 100], portcullis: [99, 101] }),
    ...rounds({ alg: 'RS256', mode: 'new' }, { jose: [100, 100], portcullis: [96, 96] }),
  ];
  assert.deepEqual(judged({ tokens }), {
    'known tokens, ES256, × floor': true,
    'known tokens, ES256, × full JavaScript': false,
    'new tokens, RS256, × jose': false,
    'new tokens, ES384, × jose': true,
    "p99 of known tokens, ES256, × floor's": false,
    'wasm, gzipped': true,
  });
});

test('what has a timer has a limit of its own; paths and routes are compared with themselves', () => {
  const requests = [
    ...rounds({ scenario: 'timeout_ms' }, { proxy: [100], full: [118], portcullis: [118] }),
    ...rounds({ scenario: 'one path' }, { proxy: [50], portcullis: [100] }),
    ...rounds({ scenario: 'a thousand paths' }, { proxy: [200], portcullis: [104] }),
  ];
  const growth = [10, 10_000].flatMap((size) => rounds({ kind: 'routes', size }, { portcullis: [100 + size / 5000] }));
  const refusals = rounds({ scenario: 'no token' }, { proxy: [100], portcullis: [101] });
  assert.deepEqual(judged({ requests, growth, refusals }), {
    'known tokens with a timer, × floor': true,
    'known tokens with a timer, × full JavaScript': true,
    'varied paths, × one path': false,
    'refused for no token, × floor': false,
    '10,000 routes, × 10 routes': true,
    'wasm, gzipped': true,
  });
});

test('a cold start is judged by its distance from jose, memory by what a body adds', () => {
  const cold = [['jose', 40], ['portcullis', 52.5]].map(([worker, ms]) => ({ worker, ms }));
  const peaks = { proxy: [50e6, 51e6], portcullis: [60e6, 90e6] };
  const bodies = Object.entries(peaks).flatMap(([worker, own]) => (
    own.map((peak, i) => ({ mode: 'upload', worker, size: i * 100, peak }))
  ));
  const verdicts = judged({ cold, bodies });
  assert.equal(verdicts['cold start, keys in KV'], false);
  assert.equal(verdicts['memory for 100 MB, upload'], false);
});

test('the JavaScript Worker removes what only the gate may set, in every spelling', () => {
  for (const name of ['x-auth-subject', 'x_auth.any', 'x-forwarded_host', 'transfer.encoding', 'te', 'x-method-override']) {
    assert.ok(isRemoved(name), name);
  }
  for (const name of ['x-authority', 'xauth-subject', 'x-forwarded-for', 'accept']) assert.ok(!isRemoved(name), name);
});

test('it removes what Connection names, and keeps the upgrade to a WebSocket on GET', () => {
  const removed = (fields, method = 'GET') => removedFrom(new Headers(fields), method).sort();
  assert.deepEqual(removed({ accept: 'a', 'x-hop': '1', connection: 'close, X-Hop, x-absent' }), ['connection', 'x-hop']);
  const upgrade = { connection: 'Upgrade', upgrade: 'WebSocket' };
  assert.deepEqual(removed(upgrade), ['connection']);
  assert.deepEqual([...new Set(removed(upgrade, 'POST'))], ['connection', 'upgrade']);
  assert.deepEqual([...new Set(removed({ ...upgrade, upgrade: 'h2c' }))], ['connection', 'upgrade']);
});

test('it refuses paths and queries with more than one reading', () => {
  const is = (target) => isUnambiguous(`https://a.example${target}`, 'https://a.example'.length);
  const clear = ['/', '/a', '/a/', '/...', '/a.b?c=%2F', '/caf%C3%A9', '/é', '/a%20b?', '/a:b@c,d'];
  const paths = ['//', '/a//b', '/a/../b', '/.', '/a/..?b', '/a;b', '/a\\b'];
  const escapes = ['/%2e', '/a%2Fb', '/%25', '/%00', '/%', '/%4', '/%ff', '/%c2%85'];
  for (const target of clear) assert.ok(is(target), target);
  for (const target of [...paths, ...escapes, '/a?b#c', '/a?b\tc']) assert.ok(!is(target), target);
});

test('it tells the origin who calls, in characters that a header can carry', () => {
  const payload = { sub: ' Zoë%', azp: 'web', aud: ['urn:a,b', 'c'], scope: 'a b', iss: 'https://i.example' };
  assert.deepEqual(identityOf(payload), [
    'x-auth-subject', '%20Zo%C3%AB%25', 'x-auth-client-id', 'web', 'x-auth-scopes', 'a b', 'x-auth-audience', 'urn:a%2Cb,c',
    'x-auth-issuer', 'https://i.example',
  ]);
});
