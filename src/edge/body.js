// Bodies of requests to the gate's own paths. Anybody can send one, so time and memory are bounded for all of a path together;
// each path has its own bounds, so that nobody is kept out by what is sent to another one.

const MAX_BODIES = 300;
const FREE_BYTES = 8 * 1024; // of each body; the rest of all bodies of a path shares MAX_BYTES
const MAX_BYTES = 8 * 1024 * 1024;
const MAX_MILLISECONDS = 10_000;

const open = new Map(); // path → the bodies that are being read: until when, and how many bytes each has beyond FREE_BYTES

/** The body of a request, `large` if it is longer than `maxBytes`, or `busy` if too much is in memory. Rejects if it is late. */
export async function bytesOf({ url, headers, body }, maxBytes) {
  if (Number(headers.get('content-length')) > maxBytes) return 'large';
  const others = othersAt(new URL(url).pathname);
  if (others.size >= MAX_BODIES) return 'busy';
  if (body === null) return new Uint8Array();
  const own = { until: Date.now() + MAX_MILLISECONDS, shared: 0 };
  const reader = body.getReader();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    reader.cancel().catch(() => {});
  }, MAX_MILLISECONDS);
  others.add(own);
  try {
    // One buffer: each chunk has its own, which may be far larger than what is in it.
    let all = new Uint8Array(Math.min(FREE_BYTES, maxBytes));
    let length = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (isLate) throw new Error('late');
      if (done) return all.slice(0, length);
      if (length + value.byteLength > maxBytes) return 'large';
      if (length + value.byteLength > all.byteLength) {
        const larger = Math.min(Math.max(2 * all.byteLength, length + value.byteLength), maxBytes);
        own.shared = larger - FREE_BYTES;
        if ([...others].reduce((sum, { shared }) => sum + shared, 0) > MAX_BYTES) return 'busy';
        const former = all;
        all = new Uint8Array(larger);
        all.set(former.subarray(0, length));
      }
      all.set(value, length);
      length += value.byteLength;
    }
  } finally {
    clearTimeout(timer);
    others.delete(own);
    reader.cancel().catch(() => {});
  }
}

/** The other bodies of a path. workerd never goes on with a request that was reset, so those that are overdue are gone. */
function othersAt(path) {
  const others = open.get(path) ?? new Set();
  open.set(path, others);
  const now = Date.now();
  for (const other of others) if (other.until + 1000 < now || other.until - MAX_MILLISECONDS > now) others.delete(other);
  return others;
}
