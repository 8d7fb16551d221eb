// The SQL of docs/operations.md and the dashboard beside it: they agree with each other, and with the data points that the gate
// writes.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { tellDecision } from '../../src/edge/tell.js';

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const page = read('docs/operations.md');
const dashboard = JSON.parse(read('docs/grafana/portcullis.json'));
const documented = [...page.matchAll(/```sql\n([\s\S]*?)\n```/g)].map(([, sql]) => sql);
const targets = dashboard.panels.flatMap(({ targets: own }) => own);
const queries = [...new Set(targets.map(({ query }) => query))];

/** Macros of the data source plugin → what the page has in their place. */
const MACROS = { $timeFilter: "timestamp > now() - INTERVAL '1' HOUR", $timeSeries: 'intDiv(toUInt32(timestamp), 60) * 60', $interval: '60' };
const expanded = (query) => Object.entries(MACROS).reduce((text, [macro, sql]) => text.replaceAll(macro, sql), query);

/** What Analytics Engine adds to a point. */
const ADDED = ['timestamp', '_sample_interval'];

/** Column → its content in a point whose values are their own names. */
function columnsOfPoint() {
  const point = { binding: 'DECISIONS', index: 'route', blobs: ['code', 'reason', 'issuer', 'client'], kind: 'kind', status: 'status' };
  let written;
  const env = { DECISIONS: { writeDataPoint(given) { written = given; } } };
  tellDecision({ env, request: new Request('https://host/', { method: 'GET' }) }, JSON.stringify({ point }));
  const named = (name, values) => values.map((value, index) => [`${name}${index + 1}`, value]);
  const { indexes, blobs, doubles } = written;
  return new Map([...named('index', indexes), ...named('blob', blobs), ...named('double', doubles)]);
}

const columnsIn = (sql) => [...sql.matchAll(/\b(?:timestamp|_sample_interval|(?:index|blob|double)\d+)\b/g)].map(([column]) => column);

test('the page and the dashboard have the same five queries', () => {
  assert.equal(documented.length, 5);
  assert.deepEqual(queries.map(expanded).sort(), [...documented].sort());
});

test('every column that a query reads is in the data point, and is what the query calls it', () => {
  const columns = columnsOfPoint();
  for (const sql of documented) {
    assert.match(sql, /\nFROM portcullis_decisions\n/);
    for (const column of columnsIn(sql)) assert.ok(columns.has(column) || ADDED.includes(column), `${column} in\n${sql}`);
    for (const [, column, name] of sql.matchAll(/\b((?:index|blob)\d+) AS (\w+)/g)) assert.equal(columns.get(column), name, sql);
  }
});

test('the page describes every column of the data point', () => {
  const [, table] = /\n\| column \|[^\n]*\n\|[-|]+\|\n((?:\|[^\n]*\n)+)/.exec(page);
  const described = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, column]) => column);
  assert.deepEqual(described.sort(), [...columnsOfPoint().keys(), ...ADDED].sort());
});

test('counts are weighed, and decisions are counted without candidates', () => {
  for (const sql of documented) {
    assert.ok(!/\bcount\w*\(/i.test(sql), sql);
    assert.match(sql, /sum(?:If)?\(_sample_interval/);
    assert.match(sql, /blob7 (?:= '(?:enforced|shadow|candidate)'|!= 'candidate')/);
  }
});

test('the dashboard takes its data source from the variable, and gives the macros their column', () => {
  const source = { type: 'vertamedia-clickhouse-datasource', uid: '${datasource}' };
  const [variable] = dashboard.templating.list.filter(({ type }) => type === 'datasource');
  assert.deepEqual([variable.name, variable.query], ['datasource', source.type]);
  for (const panel of dashboard.panels) assert.deepEqual(panel.datasource, source, panel.title);
  for (const target of targets) {
    assert.deepEqual([target.datasource, target.dateTimeColDataType, target.dateTimeType], [source, 'timestamp', 'DATETIME']);
    assert.equal(target.format === 'time_series', target.query.includes('$timeSeries'));
  }
  assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
});

test('the dashboard shows fields that its queries return, and links to sections that exist', () => {
  const anchors = [...page.matchAll(/^#{2,3} (.+)$/gm)].map(([, title]) => title.toLowerCase().replaceAll(' ', '-').replace(/[^\w-]/g, ''));
  for (const { title, targets: [{ query }], options, fieldConfig, links, transformations } of dashboard.panels) {
    const returned = [...query.matchAll(/ AS (\w+)/g)].map(([, name]) => name);
    const shown = [
      ...(options.reduceOptions ? [options.reduceOptions.fields.replace(/^\/\^|\$\/$/g, '')] : []),
      ...(options.sortBy ?? []).map(({ displayName }) => displayName),
      ...fieldConfig.overrides.map(({ matcher }) => matcher.options),
      ...transformations.flatMap(({ options: { filters } }) => filters.map(({ fieldName }) => fieldName)),
    ];
    for (const name of shown) assert.ok(returned.includes(name), `${name} in ${title}`);
    for (const { url } of links) assert.ok(anchors.includes(url.replace('${docs}#', '')), `${url} in ${title}`);
  }
});
