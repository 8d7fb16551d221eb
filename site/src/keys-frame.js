// Fetches one document for the page: in a frame of its own, which knows an address and nothing else, and may connect to that
// address only. The page itself may connect nowhere.

const MOST_BYTES = 1_000_000;
const TIMEOUT_MS = 10_000;

// Within another page's frame it would read for that page what only this server's own pages may read.
if (self.origin !== 'null') throw new Error('this belongs in a sandboxed frame');

const { url, accept } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const narrowed = document.createElement('meta');
narrowed.httpEquiv = 'content-security-policy';
narrowed.content = `connect-src ${source(url)}`;
document.head.append(narrowed);
get().then(
  (answer) => parent.postMessage(answer, '*'),
  (error) => parent.postMessage({ problem: String(error.message) }, '*'),
);

/** The address as a source of a Content-Security-Policy, whose delimiters it must not contain (CSP Level 3 §2.3.1). */
function source(address) {
  const { origin, pathname } = new URL(address);
  return `${origin}${pathname.replace(/[;,\s]/g, (character) => encodeURIComponent(character))}`;
}

/** The document, as the gate asks for it: without following redirects, and not for ever. */
async function get() {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(url, {
    headers: { accept }, redirect: 'error', credentials: 'omit', referrerPolicy: 'no-referrer', cache: 'no-store', signal,
  });
  if (response.status !== 200) throw new Error(`status ${response.status}`);
  const chunks = [];
  let length = 0;
  for (const reader = response.body.getReader(); length <= MOST_BYTES; ) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    length += value.length;
  }
  if (length > MOST_BYTES) throw new Error(`over ${MOST_BYTES} bytes`);
  const body = new Uint8Array(await new Blob(chunks).arrayBuffer());
  return { body };
}
