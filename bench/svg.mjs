// A minimal SVG writer: colours for light and dark, text, lines.

const STYLE = `
  svg { --paper: #fff; --ink: #1f2328; --faint: #d1d9e0; --weak: #59636e;
    --proxy: #8c959f; --portcullis: #0969da; --full: #bf3989; --jose: #bc4c00; --jose-map: #eb9b56;
    --hono: #1a7f37; --hono-cached: #6fbf83; --workers-rs: #cf222e; --other: #8250df; }
  @media (prefers-color-scheme: dark) { svg { --paper: #0d1117; --ink: #f0f6fc; --faint: #3d444d; --weak: #9198a1;
    --proxy: #8b949e; --portcullis: #58a6ff; --full: #db61a2; --jose: #f0883e; --jose-map: #a5622c;
    --hono: #3fb950; --hono-cached: #1f7a35; --workers-rs: #f85149; --other: #bc8cff; } }
  text { font: 12px system-ui, sans-serif; fill: var(--ink); }
  .title { font-weight: 600; } .weak { fill: var(--weak); } .end { text-anchor: end; } .middle { text-anchor: middle; }
  .grid { stroke: var(--faint); } .range { stroke: var(--ink); }
  path { fill: none; stroke-width: 2; } .dashed { stroke-dasharray: 4 3; }`;

const COLOURS = ['proxy', 'portcullis', 'full', 'jose', 'jose-map', 'hono', 'hono-cached', 'workers-rs'];

export function colourOf(worker) {
  return `var(--${COLOURS.includes(worker) ? worker : 'other'})`;
}

/** A complete picture; `command` says how it was made. */
export function picture(width, height, title, command, parts) {
  const size = `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">`,
    `<title>${escaped(title)}</title><desc>Made by: ${escaped(command)}</desc><style>${STYLE}</style>`,
    `<rect width="${width}" height="${height}" style="fill: var(--paper)"/>`,
    ...parts.flat(Infinity),
    '</svg>\n',
  ].join('\n');
}

export function text(x, y, content, classes = '') {
  return `<text x="${round(x)}" y="${round(y)}" class="${classes}">${escaped(content)}</text>`;
}

export function line(x1, y1, x2, y2, classes) {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" class="${classes}"/>`;
}

export function bar(x, y, width, height, colour) {
  const size = `width="${round(width)}" height="${round(height)}"`;
  return `<rect x="${round(x)}" y="${round(y)}" ${size} style="fill: ${colour}"/>`;
}

export function path(points, colour, classes = '') {
  const steps = points.map(([x, y], i) => `${i ? 'L' : 'M'}${round(x)} ${round(y)}`).join('');
  return `<path d="${steps}" class="${classes}" style="stroke: ${colour}"/>`;
}

export function dot(x, y, colour) {
  return `<circle cx="${round(x)}" cy="${round(y)}" r="3" style="fill: ${colour}"/>`;
}

/** About `count` round numbers, from 0 to at least `most`. */
export function ticks(most, count = 4) {
  const raw = most / count;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = unit * [1, 2, 5, 10].find((factor) => factor * unit >= raw);
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, i) => i * step);
}

function round(value) {
  return Math.round(value * 10) / 10;
}

function escaped(value) {
  return String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
