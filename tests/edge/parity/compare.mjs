// What `portcullis explain` says of a request, and what the gate made of it.

import assert from 'node:assert/strict';

import { run } from '../support/tool.mjs';

/** Headers that say something of one connection only, or that workerd adds by itself. */
const TRANSPORT = ['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive', 'date', 'accept-encoding', 'cf-worker'];

/** The decision of the tool. */
export async function explain(tool, policy, { method = 'GET', host, path, headers }) {
  const lines = [['Host', host], ...headers].map(([name, value]) => `--header=${name}: ${value}`);
  const args = ['explain', '--policy', policy, '--format', 'json', ...lines, '--', method, `http://${host}${path}`];
  const { code, out, err } = await run(tool, args);
  assert.equal(code, 0, err);
  return JSON.parse(out);
}

/** Fails unless the gate's answer, and what the origin received, are what the tool said. */
export function compare({ decision, effect }, answer, records, { method = 'GET', headers }) {
  if (decision === 'allow') return compareForwarded(effect, answer, records, headers);
  assert.deepEqual(records.map(({ url }) => url), [], 'the origin receives nothing');
  assert.equal(answer.status, effect.status, answer.text);
  assert.equal(answer.text, method === 'HEAD' ? '' : effect.body);
  return assert.deepEqual(table(pairs(answer.rawHeaders)), table(effect.headers.map(({ name, value }) => [name, value])));
}

function compareForwarded({ method, url, set, removed, added }, answer, records, headers) {
  assert.equal(answer.status, 200, answer.text);
  const shared = pairs(answer.rawHeaders).filter(([name]) => /^(vary|access-control-.*)$/i.test(name));
  assert.deepEqual(table(shared), table(added.map(({ name, value }) => [name, value])), 'what the gate adds to the answer');
  assert.equal(records.length, 1, `the origin received ${records.length} requests`);
  const [record] = records;
  assert.equal(record.method, method);
  assert.equal(`http://${record.header('host')}${record.url}`, url);
  const changed = new Set([...removed, ...set.map(({ name }) => name)]);
  // workerd sends no empty `Authorization` on.
  const kept = headers.filter(([name, value]) => !changed.has(name.toLowerCase()) && (name !== 'Authorization' || value !== ''));
  assert.deepEqual(table(pairs(record.rawHeaders)), table([...kept, ...set.map(({ name, value }) => [name, value])]));
}

/** Lower-case name → value; several of one name are one value. */
function table(lines) {
  const found = {};
  for (const [name, value] of lines) {
    const key = name.toLowerCase();
    if (!TRANSPORT.includes(key)) found[key] = key in found ? `${found[key]}, ${value.trim()}` : value.trim();
  }
  return found;
}

function pairs(rawHeaders) {
  return Array.from({ length: rawHeaders.length / 2 }, (_, i) => [rawHeaders[2 * i], rawHeaders[2 * i + 1]]);
}
