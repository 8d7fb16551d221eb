// The second opinion: jose for the token, plain JavaScript for what the route asks (the contract's section 3, step 7).

import { createLocalJWKSet, decodeJwt, errors, importJWK, jwtVerify } from 'jose';

const MAX_TRIED = 4;
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const CURVES = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512', Ed25519: 'EdDSA' };

export class Checker {
  #issuers;

  /** `issuers` as in world.mjs. */
  static async of(issuers) {
    const checker = new Checker();
    checker.#issuers = await Promise.all(issuers.map(async ({ name, table }) => {
      const usable = await Promise.all(table.jwks.keys.map(isUsable));
      return { name, table, keys: createLocalJWKSet({ keys: table.jwks.keys.filter((_, index) => usable[index]).map(ofBothNames) }) };
    }));
    return checker;
  }

  /** The policy's table of the issuer that a token names, if the route takes it. */
  issuer(route, token) {
    return this.#find(route, token)?.table;
  }

  /** `accept`, `401` or `403`. `now` is in seconds. */
  async judge(route, request, now) {
    const token = bearer(request.headers);
    if (token === null) return route.access === 'optional' ? 'accept' : '401';
    if (token === undefined) return '401';
    const issuer = this.#find(route, token);
    const claims = issuer && await verified(token, issuer, now);
    if (!claims) return '401';
    return permits(route, claims, issuer.table, request) ? 'accept' : '403';
  }

  #find(route, token) {
    try {
      const { iss } = decodeJwt(token);
      return this.#issuers.find(({ name, table }) => table.issuer === iss && (route.issuers ?? [name]).includes(name));
    } catch {
      return undefined;
    }
  }
}

/** The token; `null` without a header, `undefined` for anything else. */
export function bearer(headers) {
  const value = valueOf(headers, 'authorization');
  if (value === undefined || value === '') return null;
  return /^bearer +([\w\-.~+/]+=*)$/i.exec(value)?.[1];
}

/** What a server makes of the lines of one header. */
function valueOf(headers, name) {
  const values = headers.filter(([known]) => known.toLowerCase() === name).map(([, value]) => value.trim());
  return values.length > 0 ? values.join(', ') : undefined;
}

/** Whether an entry of a key set counts: what jose would fail on is left out before it chooses. */
async function isUsable(jwk) {
  if (!['RSA', 'EC', 'OKP'].includes(jwk?.kty) || 'd' in jwk) return false;
  if (jwk.kty === 'RSA') {
    const [n, e] = [jwk.n, jwk.e].map((text) => Buffer.from(text, 'base64url'));
    if (n.length < 256 || e.at(-1) % 2 === 0) return false;
  }
  try {
    await importJWK(jwk, jwk.alg ?? CURVES[jwk.crv] ?? 'RS256');
    return true;
  } catch {
    return false;
  }
}

/** Ed25519 is EdDSA by another name (RFC 9864); to jose a key with one of them is not for the other. */
function ofBothNames({ alg, ...jwk }) {
  return alg === undefined || alg === 'EdDSA' || alg === 'Ed25519' ? jwk : { alg, ...jwk };
}

async function verified(token, { table, keys }, now) {
  const options = {
    issuer: table.issuer,
    algorithms: (table.algorithms ?? ALGORITHMS).flatMap((alg) => (alg === 'EdDSA' ? [alg, 'Ed25519'] : [alg])),
    clockTolerance: table.leeway ?? 30,
    requiredClaims: ['exp'],
    currentDate: new Date(now * 1000),
    maxTokenAge: table.max_age,
  };
  try {
    return (await jwtVerify(token, keys, options)).payload;
  } catch (error) {
    return error instanceof errors.JWKSMultipleMatchingKeys ? underAny(error, token, options) : undefined;
  }
}

/** jose leaves it to its user what to do where several keys match: the gate tries them, if the token names a kid. */
async function underAny(keys, token, options) {
  let tried = 0;
  for await (const key of keys) {
    tried += 1;
    if (tried > MAX_TRIED) return undefined;
    try {
      const { payload, protectedHeader } = await jwtVerify(token, key, options);
      return protectedHeader.kid === undefined ? undefined : payload;
    } catch {
      // Another key may be the one.
    }
  }
  return undefined;
}

function permits(route, claims, table, request) {
  const expand = (template) => resolve(template, request);
  return hasAudience(route.audience, claims, expand)
    && hasOrganization(route.organization, claims, expand)
    && hasScopes(route.scopes, scopesOf(claims, table))
    && rulesOf(route.claims, claims, expand).every(([claim, rule]) => meets(claim, rule, expand));
}

/** Each claim that is tested, and its test. */
function rulesOf(rules = {}, claims, expand) {
  if (!Array.isArray(rules)) return Object.entries(rules).map(([path, rule]) => [find(claims, path), rule]);
  return rules.map(({ path, ...rule }) => [under(claims, path.map(expand)), rule]);
}

/** The text of a template, `undefined` if a value is missing, empty or not one. */
function resolve(template, { org, headers, query }) {
  let isComplete = true;
  const text = template.replace(/\{([^}]*)\}/g, (_, name) => {
    let value = org;
    if (name.startsWith('header.')) {
      value = valueOf(headers, name.slice(7));
      if (value?.includes(',')) value = undefined;
    } else if (name.startsWith('query.')) {
      const values = new URLSearchParams(query).getAll(name.slice(6));
      value = values.length === 1 ? values[0] : undefined;
    }
    isComplete &&= value !== undefined && value !== '';
    return value;
  });
  return isComplete ? text : undefined;
}

function hasAudience(expected, { aud = [] }, expand) {
  if (expected === '*') return true;
  const audiences = [expected].flat().map(expand).filter((audience) => audience !== undefined);
  return [aud].flat().some((audience) => audiences.includes(audience));
}

function hasOrganization(expected, { organization_id: actual }, expand) {
  if (expected === '*') return true;
  if (expected === undefined) return actual === undefined;
  return actual !== undefined && expand(expected) === actual;
}

export function scopesOf(claims, { scope_claim: path }) {
  const claim = path ? find(claims, path) : claims.scope ?? claims.scp;
  if (typeof claim === 'string') return claim.split(' ').filter((scope) => scope !== '');
  return Array.isArray(claim) ? claim.filter((scope) => !/\s/.test(scope)) : [];
}

function hasScopes(expected = [], scopes) {
  const { all = [], any } = Array.isArray(expected) ? { all: expected } : expected;
  return all.every((scope) => scopes.includes(scope)) && (any ?? [undefined]).some((scope) => !any || scopes.includes(scope));
}

/** A claim by its whole name first, then by its parts. */
export function find(claims, path) {
  if (Object.hasOwn(claims, path)) return claims[path];
  const dot = path.indexOf('.');
  const below = dot < 0 ? undefined : claims[path.slice(0, dot)];
  return below && typeof below === 'object' && !Array.isArray(below) ? find(below, path.slice(dot + 1)) : undefined;
}

/** A claim by its names, none of which may be missing. */
function under(claims, names) {
  return names.reduce((object, name) => (
    name !== undefined && isObject(object) && Object.hasOwn(object, name) ? object[name] : undefined
  ), claims);
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function meets(actual, rule, expand) {
  // What is in braces is text, and equals an integer of these digits.
  const isThat = (one, text, value) => one === text || (value.includes('{') && Number.isSafeInteger(one) && String(one) === text);
  const equals = (one, value) => {
    if (typeof value !== 'string') return one === value;
    const text = expand(value);
    return text !== undefined && isThat(one, text, value);
  };
  if (!isObject(rule)) return equals(actual, rule);
  if ('is' in rule) return equals(actual, rule.is);
  if ('any' in rule) return [actual].flat().some((one) => rule.any.some((value) => equals(one, value)));
  if ('has' in rule) return isObject(actual) && expand(rule.has) !== undefined && Object.hasOwn(actual, expand(rule.has));
  const elements = typeof actual === 'string' ? actual.split(' ') : actual;
  return Array.isArray(elements) && [rule.contains].flat().every((value) => elements.some((element) => equals(element, value)));
}
