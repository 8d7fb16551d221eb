// The head of a request, for Rust.

import { neededHeaders } from './policy.js';

/** Method, URL and the names of the headers, one per line, with the needed values. See src/edge/wire.rs. */
export function head({ method, url, headers }) {
  let text = `${method}\n${url}`;
  for (const name of headers.keys()) text += neededHeaders?.has(name) ? `\n${name}:${headers.get(name)}` : `\n${name}`;
  return text;
}
