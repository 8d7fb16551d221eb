// Medians and spreads. A ratio is made of two runs of one round, which had the machine at nearly the same time.

export function median(values) {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Of CPU per request, a Worker to another, one of each round. */
export function ratios(runs, worker, base) {
  const rounds = Object.values(Object.groupBy(runs, ({ round }) => round));
  return rounds.flatMap((round) => {
    const [top, bottom] = [worker, base].map((name) => round.find((run) => run.worker === name));
    return top && bottom ? [top.cpu / bottom.cpu] : [];
  });
}

/** The median, and the least and the most. */
export function spread(values, digits = 2) {
  if (values.length === 0) return '';
  const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(digits));
  return `${median(values).toFixed(digits)} (${least}–${most})`;
}
