// Which of a caller's headers the origin receives, remembered by name.

const HOP_BY_HOP = [
  'connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer',
  'transfer-encoding', 'upgrade',
];
const SET_HERE = ['x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-prefix'];
const METHODS = ['x-http-method', 'x-http-method-override', 'x-method-override'];
const REMOVED = new Set([...HOP_BY_HOP, ...SET_HERE, ...METHODS]);
const IDENTITY = 'x-auth-';

const MOST = 1000; // names; a caller can invent them
const known = new Map();

/** The names of the headers that the origin does not receive. */
export function removedFrom(headers, method) {
  let removed = NONE;
  for (const name of headers.keys()) {
    if (!(known.get(name) ?? learned(name))) continue;
    if (name === 'upgrade' && isWebSocket(headers, method)) continue;
    removed = removed === NONE ? [] : removed;
    removed.push(name);
    if (name === 'connection') removed.push(...namedBy(headers, method));
  }
  return removed;
}

const NONE = [];

function learned(name) {
  if (known.size >= MOST) known.clear();
  const removed = isRemoved(name);
  known.set(name, removed);
  return removed;
}

/** Servers that turn names into variables read every character but letters and digits alike. */
export function isRemoved(name) {
  const read = name.replaceAll(/[^a-z0-9]/g, '-');
  return read.startsWith(IDENTITY) || REMOVED.has(read);
}

/** What `Connection` names is for this hop only (RFC 9110 §7.6.1). */
function namedBy(headers, method) {
  const connection = headers.get('connection');
  if (connection === 'keep-alive' || connection === 'close') return NONE;
  const names = connection.split(',').map((name) => name.trim().toLowerCase());
  return names.filter((name) => headers.has(name) && !(name === 'upgrade' && isWebSocket(headers, method)));
}

/** The only upgrade that is forwarded; with another method the origin would receive a GET that was not checked. */
function isWebSocket(headers, method) {
  return method === 'GET' && headers.get('upgrade')?.toLowerCase() === 'websocket';
}
