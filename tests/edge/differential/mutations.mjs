// What is done to a sound request. Most of these break it, some do not: the checker says which.

import { withLooseBits } from '../support/tokens.mjs';
import { scopesOf } from './checker.mjs';
import { API, ORGANIZATION, kind } from './world.mjs';

/** Name → what it does to a draft of cases.mjs. */
export const MUTATIONS = {
  // Header
  'alg': (draft, random) => {
    draft.header.alg = random.pick([
      'none', 'None', 'HS256', 'ES256', 'RS256', 'PS256', 'EdDSA', 'Ed25519', 'es256', '', null, 7, undefined,
    ]);
  },
  'alg of the same key': (draft, random) => {
    if (kind(draft.signer.alg) !== 'RSA') return;
    draft.header.alg = random.pick(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']);
    if (random.oneIn(2)) draft.signer = { ...draft.signer, alg: draft.header.alg };
  },
  'kid': (draft, random, { issuers }) => {
    const others = issuers.flatMap(({ signers }) => signers).map(({ kid }) => kid);
    draft.header.kid = random.pick([
      undefined, undefined, random.pick(others), 'unknown', '', null, 7, ['a'], `${draft.header.kid} `,
    ]);
  },
  'typ': (draft, random) => {
    draft.header.typ = random.pick([
      undefined, 'JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt', 'APPLICATION/JWT', 'dpop+jwt', 'JWT ', '',
      null, 7, 'vnd.test+JWT', 'application/application/jwt',
    ]);
  },
  'crit': (draft, random) => {
    draft.header.crit = random.pick([['b64'], ['exp'], [], null, 'b64', ['b64', 'b64']]);
    if (random.oneIn(2)) draft.header.b64 = true;
  },
  'b64': (draft, random) => {
    draft.header.b64 = random.pick([true, false, null, 'true', 1]);
  },
  'a key in the header': (draft, random, { strangers }) => {
    const stranger = { ...strangers[kind(draft.signer.alg)], alg: draft.signer.alg };
    Object.assign(draft.header, random.pick([
      { jwk: stranger.jwk }, { jku: 'https://evil.test/jwks' }, { x5c: ['AAAA'] }, { jwk: 7, x5u: null },
    ]));
    if (random.oneIn(2)) draft.signer = stranger;
  },
  'more header members': (draft, random) => {
    Object.assign(draft.header, random.pick([
      { cty: 'x' }, { zip: 'DEF' }, { enc: 'A128GCM' }, { alg2: 'none' }, { '': 1 },
    ]));
  },

  // Keys
  'a stranger\'s key': (draft, _random, { strangers }) => {
    draft.signer = { ...strangers[kind(draft.signer.alg)], alg: draft.signer.alg };
  },
  'another key': (draft, random, { issuers }) => {
    draft.signer = random.pick(issuers.flatMap(({ signers }) => signers));
    Object.assign(draft.header, { alg: draft.signer.alg, kid: draft.signer.kid });
  },
  'another issuer': (draft, random, { issuers }) => {
    draft.claims.iss = random.pick(issuers).table.issuer;
  },
  'iss': (draft, random) => {
    const iss = String(draft.claims.iss);
    draft.claims.iss = random.pick([
      undefined, null, 7, [iss], `${iss}/`, iss.toUpperCase(), '', iss.slice(0, -1), 'https://evil.test',
    ]);
  },

  // Times: a minute from every limit, so that the clock does not decide
  'exp': (draft, random) => {
    draft.claims.exp = random.pick([
      ...around(draft, -leeway(draft)), undefined, null, '2000000000', -1, 0, 253402300799, 253402300800, 1e308,
    ]);
  },
  'nbf': (draft, random) => {
    draft.claims.nbf = random.pick([...around(draft, leeway(draft)), 0, -1, 0.5, null, 'now', 253402300800]);
  },
  'iat': (draft, random) => {
    draft.claims.iat = random.pick([...around(draft, leeway(draft)), undefined, 0, -1, null, '0', [1], 253402300800]);
  },
  'age': (draft, random) => {
    draft.claims.iat = random.pick(around(draft, -leeway(draft) - (draft.issuer.table.max_age ?? 400)));
  },

  // Types of claims
  'the type of a claim': (draft, random) => {
    const name = random.pick(['sub', 'client_id', 'azp', 'jti', 'organization_id', 'aud', 'scope', 'scp']);
    draft.claims[name] = random.pick([null, 7, true, {}, [], [7], ['a', null], [['a']], 'a']);
  },
  'the type of scopes': (draft, random) => {
    draft.claims[draft.issuer.table.scope_claim ?? random.pick(['scope', 'scp'])] = random.pick([
      null, 7, {}, ['read:data plan:pro'], ['read:data', 7], ['read:data\t'], '',
    ]);
  },

  'cnf': (draft, random) => {
    draft.claims.cnf = random.pick([{ jkt: 'x' }, { 'x5t#S256': 'x' }, {}, [], '', null, false]);
  },

  // What the route asks
  'aud': (draft, random) => {
    const one = String([draft.claims.aud].flat().at(-1));
    draft.claims.aud = random.pick([
      undefined, '', [], `${one}/`, one.slice(0, -1), one.toUpperCase(), [one, 'x'], API, `${ORGANIZATION}acme`,
      `${ORGANIZATION}globex`, `${ORGANIZATION}`, ['a', `${ORGANIZATION}acme`], '*', `${one} ${one}`, ['{org}'],
    ]);
  },
  'organization_id': (draft, random) => {
    draft.claims.organization_id = random.pick([
      undefined, 'acme', 'globex', 'ACME', '', '*', 'acme-acme', '{org}', 'acme ',
    ]);
  },
  'scopes': (draft, random) => {
    const has = scopesOf(draft.claims, draft.issuer.table).map(String);
    const less = has.filter(() => !random.oneIn(2));
    const changed = random.pick([
      less, has.map((scope) => scope.toUpperCase()), has.map((scope) => scope.slice(0, -1)), [...has, 'x'], [],
    ]);
    for (const name of ['scope', 'scp', 'permissions', 'realm.scopes']) delete draft.claims[name];
    delete draft.claims.realm?.scopes;
    const separator = random.pick([' ', '  ', '\t', ',', '\u2003']);
    draft.claims[draft.issuer.table.scope_claim ?? random.pick(['scope', 'scp'])] = random.pick([
      changed, changed.join(separator),
    ]);
  },
  'scope beside scp': (draft, random) => {
    draft.claims[random.pick(['scope', 'scp'])] = random.pick(['', 'read:data', ['read:data', 'plan:pro'], []]);
  },
  'a claim': (draft, random) => {
    const path = random.pick([
      'role', 'roles', 'realm', 'realm.level', 'flag', 'tenant', 'https://x.test/role', 'a', 'a.b', 'a.b.c', 'level',
      draft.tenant,
    ]);
    draft.claims[path] = random.pick([
      undefined, 'admin', 'Admin', 'administrator', ['admin'], 'user admin', 'admin\tuser', 3, 3.0, '3', 1.5, 7, true,
      'true', false, null, { level: 3 }, { 'b.c': 'deep' }, { c: 'deep' }, 'acme', 'globex', '', {},
      [3], ['admin', 'acme', 'globex', 1], '1', 1, [1.0], [[1]], { acme: { level: 1 }, globex: { level: ['1'] } },
      { acme: { acme: 1 }, globex: { acme: null } }, { roles: 'admin 3 1' }, { roles: ['admin', 3, 1] }, { acme: null },
    ]);
  },

  // Request
  'org': (draft, random) => {
    draft.org = random.pick(['acme', 'globex', 'ACME', '*', 'a{org}', '\u00fc']);
    const escape = (c) => `%${c.charCodeAt(0).toString(16)}`;
    delete draft.rawOrg; // that of a former one
    if (/^[a-z]+$/.test(draft.org) && random.oneIn(2)) draft.rawOrg = [...draft.org].map(escape).join('');
  },
  'tenant': (draft, random) => {
    const twice = [['X-Tenant', draft.tenant], ['x-tenant', draft.tenant]];
    draft.headers = random.pick([
      [], [['X-Tenant', '']], twice, [['X-Tenant', `${draft.tenant}, other`]], [['x-TENANT', 'globex']],
      [['X-Tenant', '*']], [['X_Tenant', draft.tenant]],
    ]);
  },
  'query': (draft, random) => {
    draft.query = random.pick([
      '', 't=', 't=acme&t=acme', 't=acme&%74=globex', 'T=acme', 't=%61cme', 't=acme+', 't', 'u=1&t=globex', 't=*',
    ]);
  },
  'authorization': (draft, random) => {
    const value = random.pick([
      () => [], (token) => [['Authorization', `bearer ${token}`]], (token) => [['AUTHORIZATION', `BEARER   ${token}`]],
      (token) => [['Authorization', `Basic ${token}`]], (token) => [['Authorization', token]],
      () => [['Authorization', 'Bearer']],
      () => [['Authorization', '']], (token) => [['Authorization', `Bearer\t${token}`]],
      (token) => [['Authorization', `Bearer ${token} x`]],
      (token) => [['Authorization', `Bearer ${token}`], ['Authorization', `Bearer ${token}`]],
      (token) => [['Authorization', `Bearer ${token},Bearer ${token}`]],
      (token) => [['Authorization', `Bearer "${token}"`]], (token) => [['Authorization', `Bearer: ${token}`]],
      (token) => [['X-Authorization', `Bearer ${token}`]],
      (token) => [['Authorization', `Bearer ${token}=`]], (token) => [['Authorization', `Bearer  ${token}  `]],
    ]);
    draft.authorization = value;
  },

  // JSON of header or payload
  'broken JSON': (draft, random) => {
    draft.texts[random.below(2)].push(random.pick([
      (text) => `${text}x`, (text) => `${text}{}`, (text) => `[${text}]`, () => '"text"', () => 'null', () => '',
      (text) => text.replace(',', ',,'), (text) => text.replaceAll('"', "'"), (text) => text.slice(0, -1),
      (text) => text.replace('}', ',}'), (text) => `${text}//`, (text) => ` \n${text}\t`, (text) => `\u00a0${text}`,
    ]));
  },
  'repeated members': (draft, random) => {
    draft.texts[random.below(2)].push(inside(random.pick([
      '"sub":"user-2","sub":"user-2"', '"s\\u0075b":"user-2","sub":1', '"alg":"none"', '"typ":"JWT"',
      '"scope":"read:data","scope":""',
      '"x":{"a":1,"a":2}', '"y":[{"a":1},{"a":1}]', '"x":[{"b":{"":1,"":1}}]',
    ])));
  },
  'Unicode': (draft, random) => {
    const index = random.below(2);
    draft.texts[index].push(random.pick([
      (text) => `\ufeff${text}`, inside('"s":"\\ud800"'), inside('"\\udc00":1'), inside('"s":"\\ud83d\\ude00"'),
      inside('"s":"\n"'), inside('"s":"\u2028"'),
      (text) => Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from(',"u":"\xff"}', 'latin1')]),
    ]));
  },
  'limits of JSON': (draft, random) => {
    const nested = (levels) => inside(`"deep":${'['.repeat(levels)}${']'.repeat(levels)}`);
    draft.texts[random.below(2)].push(random.pick([
      nested(31), nested(32), nested(100), inside(`"pad":"${'x'.repeat(9000)}"`), inside('"n":1e400'),
      inside('"n":[-1e999]'), inside('"n":1e308'),
    ]));
  },
  'spelling of numbers': (draft, random) => {
    draft.texts[1].push(random.pick([
      (text) => text.replace(/:([37])([,}])/g, ':$1.0$2'),
      (text) => text.replace(/"exp":(\d+)/, (_, n) => `"exp":${n / 1e9}e9`),
      inside('"n":01'), inside('"n":NaN'), inside('"n":+1'), inside('"n":.5'), inside('"n":-0'),
    ]));
  },

  // Segments
  'encoding': (draft, random) => {
    const index = random.below(3);
    draft.segments[index].push(random.pick([
      (text) => `${text}=`, (text) => `${text}==`, (text) => (text.length % 4 === 0 ? text : loose(text)),
      (text) => text.replace('-', '+').replace('_', '/'),
      (text) => `${text}A`, (text) => text.slice(0, -1), () => '', (text) => `${text}~`, (text) => `${text}.`,
      (text) => `.${text}`, (text) => text.replace(/.$/, (c) => (c === 'A' ? 'E' : 'A')),
    ]));
  },
  'token': (draft, random) => {
    const at = random.below(1000) / 1000;
    const changed = (token, put) => {
      const index = Math.floor(at * token.length);
      return token.slice(0, index) + put(token[index]) + token.slice(index + 1);
    };
    draft.tokens.push(random.pick([
      (token) => changed(token, (c) => (c === 'A' ? 'B' : 'A')), (token) => changed(token, () => ''),
      (token) => changed(token, (c) => c + c),
      (token) => `${token}.AAAA`, (token) => token.split('.').slice(0, 2).join('.'),
      (token) => token.split('.').reverse().join('.'), (token) => `${token}.`,
      (token) => token.replaceAll('.', '..'), () => 'opaque', () => '..',
      (token) => changed(token, (c) => c.toUpperCase()),
    ]));
  },

  // Signature
  'signature': (draft, random) => {
    const [at, bit] = [random.below(1000) / 1000, random.below(8)];
    draft.signatures.push(random.pick([
      (bytes) => bytes.map((byte, index) => (index === Math.floor(at * bytes.length) ? byte ^ (1 << bit) : byte)),
      (bytes) => bytes.subarray(1), (bytes) => bytes.subarray(0, -1),
      (bytes) => Buffer.concat([bytes, Buffer.from([0])]),
      (bytes) => Buffer.concat([Buffer.from([0]), bytes]), (bytes) => Buffer.alloc(bytes.length),
      (bytes) => Buffer.alloc(bytes.length, 0xff),
      (bytes) => Buffer.concat([Buffer.alloc(bytes.length / 2), bytes.subarray(bytes.length / 2)]),
      (bytes) => Buffer.concat([bytes.subarray(bytes.length / 2), bytes.subarray(0, bytes.length / 2)]),
      (bytes) => Buffer.from(bytes).reverse(), () => Buffer.from([1]),
    ]));
  },
  'the other s': (draft) => {
    // Valid by RFC 7518: with (r, s) also (r, n - s).
    const order = ORDERS[draft.signer.alg];
    if (!order) return;
    draft.signatures.push((bytes) => {
      const half = bytes.length / 2;
      const s = order - BigInt(`0x${bytes.subarray(half).toString('hex')}`);
      return Buffer.concat([bytes.subarray(0, half), Buffer.from(s.toString(16).padStart(half * 2, '0'), 'hex')]);
    });
  },
};

/** The orders of the curves (SEC 2). */
const ORDERS = {
  ES256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  ES384: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
};

/** One more member at the end of an object; what an earlier mutation made of the text may be none. */
function inside(more) {
  return (text) => (text.length > 2 ? `${text.slice(0, -1)},${more}}` : text);
}

function leeway({ issuer: { table } }) {
  return table.leeway ?? 30;
}

/** Times on both sides of now and the offset, whole and not. */
function around({ time }, offset) {
  const limit = time + offset;
  return [limit - 60, limit + 60, limit - 60.5, limit + 60.5, limit - 4000, limit + 4000];
}

/** Unused bits set, if the last character has some. */
function loose(text) {
  try {
    return withLooseBits(text);
  } catch {
    return text;
  }
}
