// Where the gate is stricter than jose: it refuses these with 401, whatever jose says. Each has its reason, and a
// predicate over the token as it is sent (`view`) and the issuer's table. A disagreement elsewhere is a failure.

import { find } from './checker.mjs';

const MAX_TOKEN_BYTES = 8192;
const MAX_DEPTH = 32;
const MAX_DATE = 253_402_300_799;

export const STRICTER = {
  'a token over the limit': {
    reason: 'work is bounded before anything is decoded',
    applies: ({ token }) => token.length > MAX_TOKEN_BYTES,
  },
  'base64url that is not canonical': {
    reason: 'one token has one spelling (RFC 4648 section 3.5)',
    applies: ({ segments }) => segments.some((text) => Buffer.from(text, 'base64url').toString('base64url') !== text),
  },
  'a byte order mark': {
    reason: 'RFC 8259 section 8.1',
    applies: ({ bytes }) => bytes.some((part) => part.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]))),
  },
  'a repeated member': {
    reason: 'parsers take the first or the last (RFC 8725 section 2.4)',
    applies: ({ texts }) => texts.some(repeatsAMember),
  },
  'deep nesting': {
    reason: 'work is bounded, and another parser may give up',
    applies: ({ documents }) => documents.some((document) => depth(document) > MAX_DEPTH),
  },
  'a lone surrogate': {
    reason: 'no Unicode text, and other parsers replace it (RFC 8259 section 8.2)',
    applies: ({ documents }) => documents.some((document) => holds(document, isIllFormed)),
  },
  'a number that is not finite': {
    reason: 'JSON.parse makes Infinity of it',
    applies: ({ documents }) => documents.some((document) => holds(document, isInfinite)),
  },
  typ: {
    reason: 'a token of another kind is no access token (RFC 8725 section 3.11); jose checks one value, and only if asked',
    applies: ({ documents: [{ typ }] }, { types }) => {
      if (typ === undefined) return types !== undefined;
      const normal = (text) => text.toLowerCase().replace(/^application\//, '');
      return typeof typ !== 'string' || !(types ?? ['jwt', 'at+jwt']).map(normal).includes(normal(typ));
    },
  },
  crit: {
    reason: 'the gate has no extension; jose knows b64',
    applies: ({ documents: [header] }) => Object.hasOwn(header, 'crit'),
  },
  b64: {
    reason: 'a JWT has no unencoded payload (RFC 7797 section 7); jose looks at it under crit only',
    applies: ({ documents: [header] }) => Object.hasOwn(header, 'b64') && header.b64 !== true,
  },
  'the type of a claim': {
    reason: 'RFC 7519 section 4.1, RFC 9068 section 2.2; jose looks at the times only',
    applies: ({ documents: [, claims] }) => {
      const isWrong = (name) => claims[name] !== undefined && typeof claims[name] !== 'string';
      return ['sub', 'client_id', 'azp', 'jti', 'organization_id'].some(isWrong)
        || ![claims.aud ?? (claims.aud === null ? null : [])].flat().every((audience) => typeof audience === 'string');
    },
  },
  'the type of scopes': {
    reason: 'RFC 6749 section 3.3; jose does not know scopes',
    applies: ({ documents: [, claims] }, { scope_claim: path }) => {
      const values = path ? [find(claims, path)] : [claims.scope, claims.scp];
      const isText = (scope) => typeof scope === 'string';
      return values.some((value) => value !== undefined && !isText(value) && !(Array.isArray(value) && value.every(isText)));
    },
  },
  'a token that is bound to a key': {
    reason: 'RFC 7800 section 3.1: its bearer has to prove the key, which jose leaves to others',
    applies: ({ documents: [, claims] }, { bound_tokens: bound }) => claims.cnf !== undefined && bound !== 'ignore',
  },
  'a date that is none': {
    reason: 'before 1970 or after the year 9999 (RFC 3339)',
    applies: ({ documents: [, claims] }) => ['exp', 'nbf', 'iat'].some((name) => claims[name] < 0 || claims[name] > MAX_DATE),
  },
  'iat in the future': {
    reason: 'a clock is wrong or the token is forged; jose looks at it with maxTokenAge only',
    applies: ({ documents: [, claims], now }, { leeway = 30 }) => claims.iat > now + leeway,
  },
};

/** What the predicates see of a token; `undefined` for one that no reader takes apart. */
export function view(token, now) {
  const segments = token.split('.');
  if (segments.length !== 3) return undefined;
  const bytes = segments.slice(0, 2).map((text) => Buffer.from(text, 'base64url'));
  const texts = bytes.map((part) => part.toString('utf8').replace(/^\ufeff/, ''));
  try {
    const documents = texts.map((text) => JSON.parse(text));
    const areObjects = documents.every((document) => document && typeof document === 'object' && !Array.isArray(document));
    return areObjects ? { token, now, segments, bytes, texts, documents } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether an object of a valid JSON text has a name twice. */
function repeatsAMember(text) {
  const open = [];
  let last = '';
  for (const [lexeme] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]/g)) {
    if (lexeme === '{') open.push(new Set());
    else if (lexeme === '[') open.push(null);
    else if (lexeme === '}' || lexeme === ']') open.pop();
    else if (lexeme.startsWith('"') && open.at(-1) && (last === '{' || last === ',')) {
      const name = JSON.parse(lexeme);
      if (open.at(-1).has(name)) return true;
      open.at(-1).add(name);
    }
    last = lexeme;
  }
  return false;
}

function depth(value) {
  return value && typeof value === 'object' ? 1 + Math.max(0, ...Object.values(value).map(depth)) : 0;
}

function isIllFormed(value) {
  return typeof value === 'string' && !value.isWellFormed();
}

function isInfinite(value) {
  return typeof value === 'number' && !Number.isFinite(value);
}

/** Whether a value, or a name or value within it, is such. */
function holds(value, test) {
  if (!value || typeof value !== 'object') return test(value);
  return Object.entries(value).some(([name, member]) => test(name) || holds(member, test));
}
