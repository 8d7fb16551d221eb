// Whether a path and query have one reading only: what servers read differently is refused.

// A path without escapes and without empty or dot segments, and a query without control characters and `#`: one pass over
// nearly every URL.
const PLAIN = /(?:\/(?!\.{1,2}(?:[/?]|$))[\w\-.~!$&'()*+,=:@]+)*\/?(?:\?[^\x00-\x1f\x7f#]*)?$/y;

/** `start` is where the path starts in the URL. */
export function isUnambiguous(url, start) {
  PLAIN.lastIndex = start;
  return PLAIN.test(url) || isUnambiguousEscaped(url.slice(start));
}

function isUnambiguousEscaped(target) {
  const [, path, query] = /^([^?]*)\??([^]*)$/.exec(target);
  if (/[\x00-\x1f\x7f#]/.test(query)) return false;
  const segments = path.replace(/\/$/, '').split('/').slice(1);
  return path === '/' || segments.every(isClear);
}

function isClear(segment) {
  if (/^\.{0,2}$|[\\;#\p{Cc}]|%(?![0-9a-f]{2})|%(?:2[5ef]|5c|3b|[01].|7f)/iu.test(segment)) return false;
  try {
    return !/\p{Cc}/u.test(decodeURIComponent(segment));
  } catch {
    return false; // no UTF-8
  }
}
