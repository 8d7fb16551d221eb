// What a gate tells operators, by request: each one that a test sends has a ray of its own.

let serial = 0;

/** A header that gives a request a ray. */
export function newRay() {
  serial += 1;
  const ray = `ray-${process.pid}-${serial}`;
  return { ray, header: ['cf-ray', ray] };
}

/** All lines that were told since, once the log is quiet. */
export async function told(gate, since = 0) {
  return (await gate.logText(since)).split('\n').flatMap((line) => {
    try {
      const parsed = JSON.parse(line);
      return typeof parsed?.event === 'string' ? [parsed] : [];
    } catch {
      return [];
    }
  });
}
