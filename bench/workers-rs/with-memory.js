// Runs in workerd, as the entry of a Worker that also reports the size of its wasm memory in bytes.

import { memory } from './memory.js';
import gate from './index.js';

const asks = ({ url }) => url.endsWith('/memory');
const tell = () => new Response(String(memory.buffer.byteLength));

/** worker-build's entry is a class. */
class Telling extends (typeof gate === 'function' ? gate : Object) {
  fetch(request) {
    return asks(request) ? tell() : super.fetch(request);
  }
}

const telling = { ...gate, fetch: (request, ...rest) => (asks(request) ? tell() : gate.fetch(request, ...rest)) };

export default typeof gate === 'function' ? Telling : telling;
