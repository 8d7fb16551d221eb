// Where Portcullis and the check that the guides describe differ. The test holds all cases to these lists, and the
// lists to the cases: an entry that decides nothing fails it.

import { STRICTER as STRICTER_THAN_JOSE } from '../../edge/differential/stricter.mjs';

const DATES = ['exp', 'nbf', 'iat'];

/** What the guides' check takes or answers otherwise: `status` is the gate's answer, whatever the guides' is. */
export const STRICTER = {
  ...shared([
    'a token over the limit', 'base64url that is not canonical', 'a byte order mark', 'a repeated member', 'deep nesting',
    'a lone surrogate', 'typ', 'crit', 'b64', 'the type of a claim', 'the type of scopes', 'a token that is bound to a key',
    'a date that is none',
  ]),
  'no exp': {
    status: 401,
    reason: 'a token that never ends cannot be withdrawn (RFC 9068 section 2.2); PyJWT looks at exp only if it is there',
    applies: ({ claims }) => claims !== undefined && claims.exp === undefined,
  },
  'a date that is no number': {
    status: 401,
    reason: 'RFC 7519 section 2, NumericDate; PyJWT reads text as a number',
    applies: ({ claims }) => claims !== undefined && DATES.some((name) => claims[name] !== undefined && typeof claims[name] !== 'number'),
  },
  'JSON in another encoding than UTF-8': {
    status: 401,
    reason: 'RFC 8259 section 8.1; Python finds out by itself which one it is',
    applies: ({ bytes }) => bytes.some((part) => part.includes(0)),
  },
  'a number that JSON does not have': {
    status: 401,
    reason: 'RFC 8259 section 6; Python reads NaN, Infinity, and numbers that are too large',
    applies: ({ bytes }) => bytes.some((part) => /:\[?(NaN|-?Infinity|-?1e(400|999))/.test(part.toString())),
  },
  'an organization where none is expected': {
    status: 403,
    reason: 'a token for one organization is not one for all; the guides say that the claim is absent and do not check it',
    applies: ({ claims, route }) => route.organization === undefined && claims?.organization_id !== undefined,
  },
};

/** What only the gate takes, by the names of reference.py's rules. */
export const WIDER = {
  scheme: 'a scheme is case-insensitive, and one space or more follows it (RFC 9110 section 11.1, RFC 6750 section 2.1)',
  kid: '`kid` is optional (RFC 7515 section 4.1.4): one key that fits is the key',
  scopes: 'other providers send scopes as a list, or call them `scp`',
  leeway: 'clocks differ by some seconds: `leeway` of the policy, 30 by default',
};

/** Entries of the other list, by name. */
function shared(names) {
  return Object.fromEntries(names.map((name) => {
    const { reason, applies } = STRICTER_THAN_JOSE[name];
    return [name, { status: 401, reason, applies: ({ seen }) => seen !== undefined && applies(seen, {}) }];
  }));
}
