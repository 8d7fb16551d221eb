// What the built Worker tells of a candidate is what two policies decide otherwise: ten thousand random requests to pairs of
// random policies, decided natively as well, one policy after the other.
//
// DIFFERENCES_SEED repeats a run but for its keys, DIFFERENCES_PAIRS sets its length.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { generator } from './differences/pairs.mjs';
import { Random } from './differential/random.mjs';
import { explain } from './parity/compare.mjs';
import { startGate } from './support/gate.mjs';
import { now } from './support/tokens.mjs';
import { buildTool, run } from './support/tool.mjs';

const SEED = Number(process.env.DIFFERENCES_SEED ?? Math.floor(Math.random() * 2 ** 32));
const PAIRS = Number(process.env.DIFFERENCES_PAIRS ?? 250);
const REQUESTS = 40;
/** What the tool says of a request besides: the Worker asks `fetch` to leave caches alone, which sets these. */
const OF_FETCH = ['cache-control', 'pragma'];
/** The tool is started anew for each of these. */
const EXPLAINED = 40;
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SECRETS = { A: 'secret-a-of-the-gate', B: 'secret-b-of-the-gate' };

const random = new Random(SEED);
const { pair, request } = generator(random);
const pairs = Array.from({ length: PAIRS }, (_, index) => ({
  ...pair(), requests: Array.from({ length: REQUESTS }, (_, number) => ({ ...request(), ray: `r${index}-${number}` })),
}));
const texts = pairs.map(({ live, candidate, requests }) => ({ live: JSON.stringify(live), candidate: JSON.stringify(candidate), requests }));
const gate = await startGate({ entry: readFileSync(new URL('differences/entry.js', import.meta.url), 'utf8'), bindings: SECRETS, kv: null });
after(() => gate.close());

test(`seed ${SEED}`, { timeout: 115_000 }, async (t) => {
  const decided = await decideNatively();
  let differences = 0;
  const kinds = new Set();
  for (const [index, text] of texts.entries()) {
    const { json: { lines, points, statuses } } = await gate.request('/', { method: 'POST', body: JSON.stringify(text) });
    const told = lines.filter(({ event }) => event === 'candidate');
    assert.deepEqual(lines.filter(({ suppressed }) => suppressed), []);
    const expected = text.requests.flatMap(({ ray }, number) => expectedLine(pairs[index], decided[index][number], ray) ?? []);
    const byRay = (one, two) => (one.ray < two.ray ? -1 : 1);
    assert.deepEqual(told.map(plain).sort(byRay), expected.sort(byRay), `seed ${SEED}, pair ${index}`);
    const asPoints = points.filter(({ blobs }) => blobs[6] === 'candidate').map(({ indexes: [route], blobs: [, code, reason], doubles: [status] }) => [route, code, reason, status]);
    const wanted = expected.map(({ candidate, reason }) => [candidate.route ?? '', candidate.code ?? 'allowed', reason ?? '', candidate.status]);
    assert.deepEqual(asPoints.sort(), wanted.sort());
    // Nothing of it reaches clients: what is refused is what the policy in force refuses.
    assert.deepEqual(statuses, decided[index].map(([live]) => (live.kind === 'allow' ? statusOf(pairs[index].live, live) : live.status)));
    differences += expected.length;
    for (const { live, candidate, headers } of expected) kinds.add(`${live.code ?? 'allow'} ${candidate.code ?? 'allow'} ${headers.length > 0}`);
  }
  t.diagnostic(`${PAIRS * REQUESTS} requests, ${differences} differences of ${kinds.size} kinds`);
  assert.ok(differences > PAIRS * REQUESTS / 20, `${differences} differences`);
  assert.ok(kinds.size > 40, `${kinds.size} kinds`);
});

test('portcullis explain says the same of some of them', { timeout: 60_000 }, async (t) => {
  const tool = buildTool();
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-differences-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const decided = await decideNatively();
  for (let i = 0; i < EXPLAINED; i += 1) {
    const [index, number] = [random.below(PAIRS), random.below(REQUESTS)];
    const { method, url, headers } = pairs[index].requests[number];
    const [, host, path] = /^http:\/\/([^/]+)(.*)$/.exec(url);
    for (const [side, policy] of [texts[index].live, texts[index].candidate].entries()) {
      const file = join(folder, 'policy.json');
      writeFileSync(file, policy);
      const { decision, effect } = await explain(tool, file, { method, host, path, headers });
      const { kind, status, set } = decided[index][number][side];
      // Secrets are not at hand there, so what they are needed for is not refused.
      if (status === 500) continue;
      assert.equal(decision, kind, JSON.stringify({ method, url }));
      if (kind !== 'allow') assert.equal(effect.status, status);
      else assert.deepEqual(effect.set.map(({ name }) => name).filter((name) => !OF_FETCH.includes(name)).sort(), Object.keys(set).sort());
    }
  }
});

/** The decisions of the core, of both policies on each request. */
async function decideNatively() {
  const args = ['build', '--locked', '--example', 'judge', '--message-format=json'];
  const out = execFileSync('cargo', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1e9 });
  const { executable } = out.trim().split('\n').map((line) => JSON.parse(line)).findLast(({ target, executable: file }) => target?.name === 'judge' && file);
  const judged = await run(executable, [], { input: JSON.stringify({ now: now(), secrets: SECRETS, pairs: texts }), env: { RUST_BACKTRACE: '0' } });
  assert.equal(judged.code, 0, judged.err);
  return JSON.parse(judged.out);
}

/** The status of a request that the policy allows: its service may not be bound, all else answers. */
const statusOf = (policy, { route }) => (routeOf(policy, route) ? 200 : 500);

const routeOf = (policy, name) => policy.routes.find((route) => route.name === name);

/** The line about a request, without what all lines have; undefined if the policies agree. */
function expectedLine({ live, candidate }, [one, other], ray) {
  if (one.own || other.reason === 'keys_unavailable') return undefined;
  const [was, would] = [outcome(live, one), outcome(candidate, other)];
  const headers = one.set && other.set ? differing(one.set, other.set) : [];
  if (JSON.stringify(was) === JSON.stringify(would) && Boolean(one.set) === Boolean(other.set) && headers.length === 0) return undefined;
  return { ...(would.route ? { route: would.route } : {}), ...(other.reason ? { reason: other.reason } : {}), live: was, candidate: would, headers, ray };
}

function outcome(policy, { kind, status, code, route }) {
  const own = route ? routeOf(policy, route) : undefined;
  const isForwarded = kind === 'allow';
  return {
    status,
    ...(code ? { code } : {}),
    ...(route ? { route } : {}),
    ...(isForwarded ? { origin: own.origin ?? policy.origin } : {}),
    // What is refused all the same is enforced.
    enforced: isForwarded ? own.enforce !== false : true,
  };
}

function differing(one, other) {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].filter((name) => one[name] !== other[name]).sort();
}

function plain({ route, reason, live, candidate, headers, ray }) {
  return { ...(route ? { route } : {}), ...(reason ? { reason } : {}), live, candidate, headers: headers.sort(), ray };
}
