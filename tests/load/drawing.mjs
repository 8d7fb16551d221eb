// The course of memory as a picture.

const [WIDTH, HEIGHT] = [720, 320];
const FRAME = { left: 56, right: 112, top: 24, bottom: 40 };
const CURVES = [
  ['rss', 'process (RSS)', '#1f6feb'],
  ['heap', 'heap', '#bf8700'],
  ['wasm', 'wasm', '#cf222e'],
];

/** An SVG of the samples; what the warm-up is is grey. */
export function drawing({ samples, minutes, answers }) {
  const seconds = samples.at(-1).seconds;
  const most = ceiling(Math.max(...samples.map(({ rss }) => rss)));
  const x = (second) => round(FRAME.left + (WIDTH - FRAME.left - FRAME.right) * second / seconds);
  const y = (mib) => round(HEIGHT - FRAME.bottom - (HEIGHT - FRAME.top - FRAME.bottom) * mib / most);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<rect x="${x(0)}" y="${FRAME.top}" width="${round(x(seconds / 3) - x(0))}" height="${y(0) - FRAME.top}" fill="#f0f0f0"/>`,
    `<text x="${x(0) + 6}" y="${FRAME.top + 14}" fill="#777">warm-up</text>`,
    ...fractions(4).flatMap((part) => axis(x(0), x(seconds), y(most * part), `${round(most * part)} MiB`)),
    ...fractions(5).map((part) => (
      `<text x="${x(seconds * part)}" y="${HEIGHT - FRAME.bottom + 16}" text-anchor="middle" fill="#555">${round(seconds * part)} s</text>`
    )),
    ...CURVES.flatMap(([name, label, colour]) => curve(samples, name, label, colour, x, y)),
    `<text x="${x(0)}" y="${HEIGHT - 6}" fill="#555">Memory of the gate over ${minutes} minutes and ${answers} answers</text>`,
    '</svg>',
    '',
  ].join('\n');
}

function axis(left, right, y, label) {
  return [
    `<line x1="${left}" y1="${y}" x2="${right}" y2="${y}" stroke="#ddd"/>`,
    `<text x="${left - 6}" y="${y + 4}" text-anchor="end" fill="#555">${label}</text>`,
  ];
}

function curve(samples, name, label, colour, x, y) {
  const known = samples.filter((sample) => sample[name] !== undefined);
  const points = known.map((sample) => `${x(sample.seconds)},${y(sample[name])}`).join(' ');
  const last = known.at(-1);
  return [
    `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="1.5"/>`,
    `<text x="${x(last.seconds) + 6}" y="${y(last[name]) + 4}" fill="${colour}">${label}</text>`,
  ];
}

const fractions = (count) => Array.from({ length: count + 1 }, (_, index) => index / count);
const round = (number) => Math.round(number * 10) / 10;

/** A round number at or above this one. */
function ceiling(number) {
  const step = 10 ** Math.floor(Math.log10(number)) / 2;
  return Math.ceil(number / step) * step;
}
