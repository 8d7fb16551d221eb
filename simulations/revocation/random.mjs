// Seeded random numbers: the same seed gives the same run.

/** A generator of numbers between 0 and 1, which it never returns (sfc32). Each stream of a seed is independent of the others. */
export function stream(seed, number) {
  let [a, b, c, counter] = [seed >>> 0, number >>> 0, 0x9e3779b9, 1];
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return ((sum >>> 0) + 0.5) / 2 ** 32;
  };
  for (let i = 0; i < 16; i += 1) next(); // mixes the seed into all of the state
  return next;
}

/** A draw from the exponential distribution of this mean; infinite if the mean is. */
export function exponential(random, mean) {
  return -Math.log(random()) * mean;
}

/** The numbers below `count` in random order (Fisher and Yates). */
export function permutation(random, count) {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let i = count - 1; i > 0; i -= 1) {
    const other = Math.floor(random() * (i + 1));
    [order[i], order[other]] = [order[other], order[i]];
  }
  return order;
}
