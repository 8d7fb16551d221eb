// What may be done to a request so that two readers could read it differently.

const SEPARATORS = [..."!#$%&'*+-.^_`|~"];
const VALUES = ['victim', 'victim', 'mine', '', 'mine&x=1', 'victim%00', '%76ictim'];
const ROUTES = ['query', 'query-id', 'header', 'orgs', 'open', 'maybe', 'docs', 'admin'];
const METHODS = [
  'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'LOCK', 'PURGE', 'SEARCH', 'QUERY', 'get', 'FOO',
];
const IDENTITY = ['subject', 'client-id', 'organization-id', 'scopes', 'audience', 'issuer', 'claims', 'item', 'assertion', 'secret', 'anything'];
const ODD = [
  '\\', '%5c', '%2f', '%2F', '%00', '%0a', '%09', '%7f', '%25', '%', '%zz', '%3b', ';', ';x=1', '%20', '+', '%2B', ':', '@', '~', '|', "'", '"', '<', '{',
  '*', ',', '=', '!', '$', '(', '[', ']', '^', '`', '\xc3\xa9', '%C3%A9', '%e2%82%ac', '%c0%af', '%ff', '\xff', '\t', '\x01', '#', '%23', '%3F', '.', '..', '%2e',
];
const TAILS = ['/', '/', '/', '//', '/.', '/..', '/%2e', '/;', '/?', '/.json', '.json', '.', ' '];

/** By name, what it does to a draft of requests.mjs. */
export const TWISTS = {
  'method': (draft, random) => {
    draft.method = random.pick(METHODS);
  },
  'method in a header': (draft, random) => {
    const name = random.pick(['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', 'Method', '_method']);
    draft.headers.push([name, random.pick(METHODS)]);
  },

  'escapes in the path': (draft, random) => changeSegment(draft, random, (segment) => escaped(segment, random)),
  'case in the path': (draft, random) => changeSegment(draft, random, (segment) => recased(segment, random)),
  'another route in the path': (draft, random) => {
    draft.segments[0] = recased(random.pick(ROUTES), random);
  },
  'a character in the path': (draft, random) => changeSegment(draft, random, (segment) => inserted(segment, random.pick(ODD), random)),
  'a segment in the path': (draft, random) => {
    const segment = random.pick(['', '.', '..', '%2e%2e', '..;', 'victim', 'admin', 'x', '*', '{*rest}']);
    draft.segments.splice(random.below(draft.segments.length + 1), 0, segment);
  },
  'a segment less': (draft, random) => {
    draft.segments.splice(random.below(draft.segments.length), 1);
  },
  'an end of the path': (draft, random) => {
    draft.tail += random.pick(TAILS);
  },
  'another value in the path': (draft, random) => changeSegment(draft, random, () => random.pick(['victim', 'mine', 'i-1', 'i-2'])),

  'a parameter again': (draft, random) => {
    insert(draft.query, `${looseParameter(draft, random)}=${random.pick(VALUES)}`, random);
  },
  'a parameter without a value': (draft, random) => insert(draft.query, looseParameter(draft, random), random),
  'a parameter\'s spelling': (draft, random) => changeQuery(draft, random, (text) => {
    const [name, ...value] = text.split('=');
    return [random.oneIn(2) ? escaped(name, random) : recased(name, random), ...value].join('=');
  }),
  'a parameter\'s value': (draft, random) => changeQuery(draft, random, (text) => {
    const value = random.pick(['%6Dine', 'min%65', 'mine%20', '+mine', 'mine%00', 'mine%00x', 'mine,victim', 'mine;org=victim', 'victim', '', '%', 'MINE', 'mine%26org=victim', '%u006Dine']);
    return `${text.split('=')[0]}=${value}`;
  }),
  'a character in the query': (draft, random) => changeQuery(draft, random, (text) => inserted(text, random.pick(ODD), random)),
  'a thousand parameters in front': (draft) => draft.query.unshift(...Array(1000).fill('a')),
  'other parameters': (draft, random) => insert(draft.query, random.pick([
    'a[b]=c', 'a.b=c', 'a[]=1', 'x=%00', '%', '=', '=org', '&', '', '?', '?org=victim', 'a=;org=victim', 'organization=victim', 'org1=victim', 'x[org]=victim',
    '__proto__[org]=victim', 'constructor[prototype][org]=victim', '_method=DELETE', '%25org=victim', 'a=1&b=2&c=3', 'a=%ff', '%ff=1', 'a=[org]=victim', 'a="&org=victim&"',
  ]), random),
  'another separator': (draft, random) => {
    draft.joiner = random.pick([';', '&;', '&&', '&amp;', '?', '&+', '&%20', '&?']);
    if (draft.query.length < 2) draft.query.push('y=1');
  },

  'a header again': (draft, random) => insert(draft.headers, [looseHeader('x-org', random), random.pick(['victim', 'mine', ''])], random),
  'a header\'s value': (draft, random) => {
    const value = random.pick(['victim', '', ' mine', 'mine \t', 'mine, victim', 'mine,', 'MINE', '"mine"', 'mine;victim', 'mine\xa0', 'm\tine', '%6Dine', 'mine#']);
    draft.headers = draft.headers.map(([name, old]) => [name, name === 'X-Org' ? value : old]);
  },
  'Connection': (draft, random) => draft.headers.push(['Connection', random.pick([
    'close', 'keep-alive', 'x-org', 'X-Org, close', 'close, x-auth-subject', 'authorization', 'host', 'x-auth-secret, x-auth-assertion', 'x-forwarded-host', 'x_org', 'upgrade', 'content-length',
  ])]),
  'Upgrade': (draft, random) => {
    draft.headers.push(['Upgrade', random.pick(['websocket', 'websocket', 'WebSocket', 'h2c', 'websocket, h2c', 'h2c, websocket', 'TLS/1.0'])]);
    if (random.oneIn(2)) draft.headers.push(['Connection', 'Upgrade']);
    if (random.oneIn(3)) draft.headers.push(['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='], ['Sec-WebSocket-Version', '13']);
  },
  'identity': (draft, random) => {
    for (const name of random.some(IDENTITY, 4)) insert(draft.headers, [looseHeader(`x-auth-${name}`, random), 'victim'], random);
  },
  'forwarded': (draft, random) => {
    for (const name of random.some(['host', 'proto', 'prefix'])) insert(draft.headers, [looseHeader(`x-forwarded-${name}`, random), 'victim.test'], random);
  },
  'another URL in a header': (draft, random) => {
    draft.headers.push([random.pick(['X-Original-URL', 'X-Rewrite-URL', 'X-Original-URI', 'X-Forwarded-Uri', 'X-Forwarded-Path', 'X-Script-Name', 'Script-Name', 'Path-Info', 'Query-String', 'Request-Method']), random.pick(['/admin/x', '/query/x?org=victim', 'org=victim', 'DELETE'])]);
  },
  'other headers': (draft, random) => draft.headers.push(random.pick([
    ['TE', 'trailers'], ['Expect', ''], ['Cookie', 'org=victim'], ['Accept', '*/*'], ['Proxy-Authorization', 'Basic x'], ['Proxy', 'http://victim.test'], ['X-Empty', ''],
    ['Content-Type', 'application/x-www-form-urlencoded'], ['Forwarded', 'host=victim.test'], ['X-Org-Id', 'victim'], ['X-Orga', 'victim'], ['Org', 'victim'], ['X', 'org'],
  ])),
  'a body': (draft, random) => {
    draft.body = random.pick(['org=victim', 'org=victim&org_id=victim&_method=DELETE', '{"org":"victim"}', 'x']);
    draft.headers.push(['Content-Type', random.pick(['application/x-www-form-urlencoded', 'application/json', 'text/plain'])]);
    if (draft.method === 'GET') draft.method = random.pick(['POST', 'PUT']);
  },

  'the host\'s spelling': (draft, random) => {
    draft.host = random.pick([draft.host.toUpperCase(), `${draft.host}.`, `${draft.host}:80`, `${draft.host}:8443`, recased(draft.host, random), `${draft.host}.:080`]);
  },
  'what the host holds': (draft, random) => {
    draft.host += random.pick(['/', '/x', '?', '?org=mine&x=', '/query/x?org=mine&o\trg=victim&', '#', '/query/x?org=mine#', '@victim.test', '\\', '\t', ' ', ':', ':x', ':99999', ',victim.test', '%2f', '\xff', '\x01', '..']);
  },
  'the host is another': (draft, random) => {
    draft.host = random.pick(['gate.test', 'service.test', 'passthrough.test', 'victim.test', 'admin@gate.test', '127.1', '[::1]', '', 'admin.origin.test']);
  },
  'a second Host': (draft, random) => insert(draft.headers, ['Host', random.pick(['victim.test', draft.host, ''])], random),
  'the target\'s form': (draft, random) => {
    draft.form = random.pick(['http://gate.test', 'http://victim.test', 'http://user@gate.test:80', 'https://gate.test', 'HTTP://GATE.TEST', 'http:', '//gate.test']);
  },
  'the version': (draft) => {
    draft.version = 'HTTP/1.0';
  },

  'the token': (draft, random) => {
    draft.token = random.pick([null, 'mine', 'narrow', 'other', 'nobody']);
  },
};

function changeSegment(draft, random, change) {
  if (draft.segments.length === 0) return;
  const index = random.below(draft.segments.length);
  draft.segments[index] = change(draft.segments[index]);
}

function changeQuery(draft, random, change) {
  if (draft.query.length === 0) draft.query.push('y=1');
  const index = random.below(draft.query.length);
  draft.query[index] = change(draft.query[index]);
}

function insert(list, element, random) {
  list.splice(random.below(list.length + 1), 0, element);
}

/** One character of it percent-encoded, or all. */
function escaped(text, random) {
  const chosen = random.oneIn(4) ? -1 : random.below(text.length || 1);
  const hex = (letter) => `%${letter.charCodeAt(0).toString(16).padStart(2, '0')}`;
  return [...text].map((letter, index) => (chosen === -1 || index === chosen ? cased(hex(letter), random) : letter)).join('');
}

function cased(text, random) {
  return random.oneIn(2) ? text.toUpperCase() : text;
}

function recased(text, random) {
  if (random.oneIn(2)) return random.oneIn(2) ? text.toUpperCase() : text.slice(0, 1).toUpperCase() + text.slice(1);
  return [...text].map((letter) => cased(letter, random)).join('');
}

function inserted(text, part, random) {
  const index = random.below(text.length + 1);
  return text.slice(0, index) + part + text.slice(index);
}

/** A name that some reader takes for the parameter, or nearly. */
function looseParameter({ parameter = 'org' }, random) {
  let name = parameter;
  if (random.oneIn(2)) name = name.replace('_', random.pick(['.', '[', '+', '%20', '-', '%5B', ']', '~', ':', '%2E', '__', '']));
  if (random.oneIn(5)) name = recased(name, random);
  if (random.oneIn(2)) name = random.pick(['+', '%20', '%09', '%0A', '[', '%5B', '[[', ']', '%00', '++', '.', '_', '%EF%BB%BF', '%C2%A0']) + name;
  if (random.oneIn(2)) name += random.pick(['[]', '[0]', '[x]', '[', ']', '%00', '%00x', '%5B%5D', '.', '+', '%20', '[][]', '[x][y]', '.x', '%0A']);
  if (random.oneIn(6)) name = escaped(name.replaceAll(/%..|\+/g, ''), random);
  return name;
}

function looseHeader(name, random) {
  const joined = name.split('-').reduce((left, right) => `${left}${random.oneIn(3) ? '-' : random.pick(SEPARATORS)}${right}`);
  return recased(joined, random);
}
