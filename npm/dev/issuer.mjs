// The local issuer: it signs whatever claims it is given, in the name of the policy's issuers. Its keys stand for theirs
// in the policy, so nothing of it counts anywhere else.

import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';

import { quoted } from './shell.mjs';

const LIFETIME = 3600; // seconds
const MAX_BODY = 65_536; // bytes

/** How keys of each algorithm are made, and how it signs. */
const KINDS = {
  RS: () => ['rsa', { modulusLength: 2048 }],
  PS: () => ['rsa', { modulusLength: 2048 }],
  ES: (bits) => ['ec', { namedCurve: { 256: 'P-256', 384: 'P-384', 512: 'P-521' }[bits] }],
  Ed: () => ['ed25519', {}],
};
const PSS = { padding: 6, saltLength: -1 }; // RSA_PKCS1_PSS_PADDING, as long as the digest

export class Issuer {
  #issuers = [];
  #keys = new Map(); // algorithm → key
  url;

  /** `issuers` are those of the plan. */
  static async start(issuers, host, port) {
    const issuer = new Issuer();
    issuer.url = `http://localhost:${port}`;
    issuer.standFor(issuers);
    const server = createServer((request, response) => issuer.#answer(request, response));
    await new Promise((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
    return issuer;
  }

  /** From now on it stands for these issuers. Keys stay, so tokens stay valid. */
  standFor(issuers) {
    this.#issuers = issuers;
    for (const { algorithm } of issuers) if (!this.#keys.has(algorithm)) this.#keys.set(algorithm, newKey(algorithm));
  }

  /** The policy's issuers with the keys of this one. */
  replaced(issuers) {
    const local = this.#issuers.map(({ name, algorithm }) => {
      const { jwks_uri: _, ...own } = issuers[name];
      return [name, { ...own, jwks: { keys: [this.#keys.get(algorithm).jwk] } }];
    });
    return Object.fromEntries(local);
  }

  /** The public keys of the tokens. */
  keySet() {
    return { keys: [...this.#keys.values()].map(({ jwk }) => jwk) };
  }

  /** A token with these claims; `iss`, `iat` and `exp` are added. */
  token(name, claims) {
    const { iss, algorithm, type } = this.#issuers.find((issuer) => issuer.name === name) ?? this.#issuers[0];
    const { jwk, privateKey } = this.#keys.get(algorithm);
    const iat = Math.floor(Date.now() / 1000);
    const header = { alg: algorithm, typ: type, kid: jwk.kid };
    const signed = [header, { iss, iat, exp: iat + LIFETIME, ...claims }].map(encoded).join('.');
    return `${signed}.${signature(algorithm, privateKey, signed)}`;
  }

  /** The command that prints a token for a request of the plan, with its claims or others. */
  command({ issuer, claims }, others) {
    const { iss: _, iat: _iat, exp: _exp, ...own } = claims;
    const query = this.#issuers.length > 1 ? `?issuer=${encodeURIComponent(issuer)}` : '';
    return `curl -s ${quoted(`${this.url}/token${query}`)} -d ${quoted(others ?? JSON.stringify(own))}`;
  }

  async #answer(request, response) {
    try {
      const { pathname, searchParams } = new URL(this.url + request.url);
      // A page whose name leads here could read tokens otherwise (DNS rebinding).
      if (!/^(localhost|127\.0\.0\.1)(:\d+)?$/.test(request.headers.host ?? '')) return response.writeHead(403).end();
      if (pathname !== '/token') return response.writeHead(404).end(`POST claims in JSON to ${this.url}/token\n`);
      const name = searchParams.get('issuer') ?? this.#issuers[0].name;
      if (this.#issuers.every((issuer) => issuer.name !== name)) throw new Error(`the policy has no issuer ${name}`);
      const claims = JSON.parse((await body(request)) || '{}');
      if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) throw new Error('expected an object of claims');
      response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-store' }).end(this.token(name, claims));
    } catch (error) {
      response.writeHead(400, { 'content-type': 'text/plain' }).end(`${error.message}\n`);
    }
  }
}

async function body(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > MAX_BODY) throw new Error(`the claims are over ${MAX_BODY} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function newKey(algorithm) {
  const [type, options] = KINDS[algorithm.slice(0, 2)](Number(algorithm.slice(2)));
  const { publicKey, privateKey } = generateKeyPairSync(type, options);
  return { privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid: `local-${algorithm}`, use: 'sig', alg: algorithm } };
}

function signature(algorithm, key, signed) {
  const family = algorithm.slice(0, 2);
  const digest = family === 'Ed' ? null : `sha${algorithm.slice(2)}`;
  const options = { key, ...(family === 'PS' ? PSS : {}), ...(family === 'ES' ? { dsaEncoding: 'ieee-p1363' } : {}) };
  return sign(digest, Buffer.from(signed), options).toString('base64url');
}

function encoded(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
