// Medians and spreads. A ratio compares two runs of one round, which ran at nearly the same time.

export function median(values) {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Ratios of CPU per request between two Workers, one per round. */
export function ratios(runs, worker, base) {
  const rounds = Object.values(Object.groupBy(runs, ({ round }) => round));
  return rounds.flatMap((round) => {
    const [top, bottom] = [worker, base].map((name) => round.find((run) => run.worker === name));
    return top && bottom ? [top.cpu / bottom.cpu] : [];
  });
}

/** The median, with minimum and maximum. */
export function spread(values, digits = 2) {
  if (values.length === 0) return '';
  const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(digits));
  return `${median(values).toFixed(digits)} (${least}–${most})`;
}
