// Medians and ratios. A ratio compares two slices of one round, which ran within seconds of each other.

export function median(values) {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The runs that have all of these properties. */
export function of(runs, marks) {
  return runs.filter((run) => Object.entries(marks).every(([name, value]) => run[name] === value));
}

/** Ratios of one run to another, each chosen by its properties, for each round that has both; of CPU per request. */
export function ratios(runs, top, bottom, key = 'cpu') {
  const rounds = Object.values(Object.groupBy(runs, ({ round }) => round));
  return rounds.flatMap((round) => {
    const [[one], [other]] = [of(round, top), of(round, bottom)];
    return one && other ? [one[key] / other[key]] : [];
  });
}

/** The median of ratios, and the least: noise mostly adds, so the least is nearest to a machine without any. */
export function medianAndLeast(values, digits = 2) {
  if (values.length === 0) return '';
  return `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)})`;
}

/** The median, with minimum and maximum. */
export function spread(values, digits = 2) {
  if (values.length === 0) return '';
  const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(digits));
  return `${median(values).toFixed(digits)} (${least}–${most})`;
}

export function mebibytes(bytes) {
  return (bytes / 1024 / 1024).toFixed(0);
}
