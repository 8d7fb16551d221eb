// Runs in workerd, as the entry of a gate whose clock the test stops: the header `x-world` says at what time, in milliseconds
// since 1970. The response says how many texts JavaScript took from wasm since: a request that is forwarded by a grant needs
// none. The header `x-scheme` changes that of the URL.

import gate from './index.js';

let at = Date.now();
Date.now = () => at;

let texts = 0;
const { decode } = TextDecoder.prototype;
TextDecoder.prototype.decode = function (...args) {
  texts += 1;
  return decode.apply(this, args);
};

export default {
  fetch(request, env, context) {
    const time = request.headers.get('x-world');
    if (time === null) return gate.fetch(withScheme(request), env, context);
    at = Number(time);
    const seen = texts;
    texts = 0;
    return Response.json({ texts: seen });
  },
  scheduled: gate.scheduled,
};

function withScheme(request) {
  const scheme = request.headers.get('x-scheme');
  return scheme === null ? request : new Request(request.url.replace(/^http:/, `${scheme}:`), request);
}
