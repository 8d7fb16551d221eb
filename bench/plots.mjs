// The plots: cost of each Worker, and growth.

import { inOrder, titleOf } from './roster.mjs';
import { bar, colourOf, dot, line, path, picture, text, ticks } from './svg.mjs';
import { median, of } from './statistics.mjs';

const COMMAND = 'npm run bench';

/** Plots of the measurements, by file name. */
export function plots({ tokens = [], growth = [], bodies = [] }) {
  return {
    ...(tokens.length > 0 && { 'cost.svg': cost(tokens) }),
    ...(growth.length + bodies.length > 0 && { 'growth.svg': growthPlot([...growth, ...bodies]) }),
  };
}

const BAR = 13;
const GROUP_GAP = 14;

/** Bars: for each algorithm one row per Worker, known tokens next to new ones. */
function cost(runs) {
  const algorithms = grouped(runs);
  const height = 66 + algorithms.reduce((sum, { workers }) => sum + heightOf(workers), 0) + 46;
  const most = Math.max(...runs.map(({ cpu }) => cpu));
  const modes = [['known', 'Known tokens (64 clients)', 60], ['new', 'New tokens', 490]];
  const panels = modes.map(([mode, title, x]) => {
    const groups = algorithms.map(({ alg, workers, own, y }) => (
      group(of(own, { mode }), workers, { x, y: 66 + y, alg, scale: 330 / most })
    ));
    return [text(x, 54, title, 'title'), groups];
  });
  const note = 'µs of CPU of workerd per request: the median of the rounds, and the least and the most';
  return picture(900, height, 'Cost of a request', COMMAND, [
    text(10, 20, note, 'weak'), panels, legend(inOrder(runs.map(({ worker }) => worker)), height - 16),
  ]);
}

/** The runs of each algorithm, and how far down its bars start: not all have the same Workers. */
function grouped(runs) {
  let below = 0;
  return Object.entries(Object.groupBy(runs, ({ alg }) => alg)).map(([alg, own]) => {
    const workers = inOrder(own.map(({ worker }) => worker));
    const y = below;
    below += heightOf(workers);
    return { alg, workers, own, y };
  });
}

function heightOf(workers) {
  return workers.length * BAR + GROUP_GAP;
}

function group(runs, workers, { x, y, alg, scale }) {
  const bars = workers.map((worker, i) => {
    const values = runs.filter((run) => run.worker === worker).map(({ cpu }) => cpu);
    if (values.length === 0) return [];
    const [top, end] = [y + i * BAR, x + median(values) * scale];
    const [least, most] = [x + Math.min(...values) * scale, x + Math.max(...values) * scale];
    const label = text(Math.max(most, end) + 5, top + BAR - 3, median(values).toFixed(0), 'weak');
    const range = line(least, top + BAR / 2 - 1, most, top + BAR / 2 - 1, 'range');
    return [bar(x, top, end - x, BAR - 2, colourOf(worker)), range, label];
  });
  return [text(x - 6, y + (workers.length * BAR) / 2 + 3, alg, 'end'), bars];
}

const PANELS = [
  { kind: 'routes', title: 'CPU µs, by routes in the policy' },
  { kind: 'issuers', title: 'CPU µs, by issuers in the policy' },
  { kind: 'keys', title: 'CPU µs, by keys in the key set' },
  { kind: 'token bytes', title: 'CPU µs, by bytes of the token' },
  { kind: 'body', mode: 'upload', title: 'Memory MiB, by MB uploaded', value: memory },
  { kind: 'body', mode: 'download', title: 'Memory MiB, by MB downloaded', value: memory },
];
const [WIDE, HIGH] = [290, 200];
const NOTE = 'CPU of workerd per request, and the most memory that it held; known tokens solid, new ones dashed';

/** Curves: a panel for each quantity that grows. */
function growthPlot(runs) {
  const panels = PANELS.map((panel, i) => {
    const own = runs.filter(({ kind, mode }) => kind === panel.kind && (panel.mode ?? mode) === mode);
    return curves(own, panel, 14 + (i % 3) * WIDE, 40 + Math.floor(i / 3) * (HIGH + 20));
  });
  const height = 40 + 2 * (HIGH + 20) + 20;
  const workers = inOrder(runs.map(({ worker }) => worker));
  const parts = [text(10, 20, NOTE, 'weak'), panels, legend(workers, height - 12)];
  return picture(900, height, 'Growth', COMMAND, parts);
}

function memory({ peak }) {
  return peak / 1024 / 1024;
}

function curves(runs, { title, value = ({ cpu }) => cpu }, left, top) {
  if (runs.length === 0) return [];
  const sizes = [...new Set(runs.map(({ size }) => size))].sort((a, b) => a - b);
  const scale = ticks(Math.max(...runs.map(value)));
  const [x0, x1, y0, y1] = [left + 34, left + WIDE - 24, top + HIGH - 30, top + 14];
  const x = (size) => x0 + 12 + ((x1 - x0 - 24) * sizes.indexOf(size)) / Math.max(1, sizes.length - 1);
  const y = (amount) => y0 + ((y1 - y0) * amount) / scale.at(-1);
  const grid = scale.map((tick) => [line(x0, y(tick), x1, y(tick), 'grid'), text(x0 - 5, y(tick) + 4, tick, 'weak end')]);
  const names = sizes.map((size) => text(x(size), y0 + 15, size.toLocaleString('en'), 'weak middle'));
  const lines = Object.values(Object.groupBy(runs, ({ worker, mode }) => `${worker} ${mode}`)).map((own) => {
    const points = sizes.map((size) => {
      const values = own.filter((run) => run.size === size).map(value);
      return { x: x(size), y: y(median(values)), least: y(Math.min(...values)), most: y(Math.max(...values)) };
    });
    return curve(points, own[0]);
  });
  return [text(left, top, title, 'title'), grid, names, lines];
}

function curve(points, { worker, mode }) {
  const colour = colourOf(worker);
  return [
    path(points.map((point) => [point.x, point.y]), colour, mode === 'new' ? 'dashed' : ''),
    points.map((point) => line(point.x, point.least, point.x, point.most, 'range')),
    points.map((point) => dot(point.x, point.y, colour)),
  ];
}

/** As wide as the titles are, or closer if there are many. */
function legend(workers, y) {
  const widths = workers.map((worker) => 30 + titleOf(worker).length * 6.3);
  const scale = Math.min(1, 880 / widths.reduce((sum, width) => sum + width, 0));
  let x = 10;
  return workers.map((worker, i) => {
    const parts = [bar(x, y - 9, 10, 10, colourOf(worker)), text(x + 14, y, titleOf(worker))];
    x += widths[i] * scale;
    return parts;
  });
}
