// Signatures by WebCrypto, which is native code: the same in wasm takes 20 times as long.

const pkcs1 = (hash) => ({ name: 'RSASSA-PKCS1-v1_5', hash });
const pss = (hash, saltLength) => ({ name: 'RSA-PSS', hash, saltLength }); // RFC 7518 §3.5: salt as long as the hash
const ecdsa = (hash, namedCurve) => ({ name: 'ECDSA', hash, namedCurve });

const ALGORITHMS = {
  RS256: pkcs1('SHA-256'),
  RS384: pkcs1('SHA-384'),
  RS512: pkcs1('SHA-512'),
  PS256: pss('SHA-256', 32),
  PS384: pss('SHA-384', 48),
  PS512: pss('SHA-512', 64),
  ES256: ecdsa('SHA-256', 'P-256'),
  ES384: ecdsa('SHA-384', 'P-384'),
  ES512: ecdsa('SHA-512', 'P-521'),
  EdDSA: { name: 'Ed25519' },
};

/** A CryptoKey from a JWK of nothing but key material; rejects if WebCrypto does not accept it. */
export function importKey(algorithm, kty, crv, first, second) {
  const jwk = kty === 'RSA' ? { kty, n: first, e: second } : { kty, crv, x: first, y: second };
  if (second === undefined) delete jwk.y;
  return crypto.subtle.importKey('jwk', jwk, ALGORITHMS[algorithm], false, ['verify']);
}

/** Whether the signature is valid. WebCrypto copies both views before this returns. */
export function verify(algorithm, key, signature, signed) {
  return crypto.subtle.verify(ALGORITHMS[algorithm], key, signature, signed);
}

/** A CryptoKey for signing, from a private JWK; rejects if WebCrypto does not accept it. */
export function importPrivate(algorithm, kty, crv, x, y, d) {
  const jwk = { kty, crv, x, y, d };
  if (y === undefined) delete jwk.y;
  return crypto.subtle.importKey('jwk', jwk, ALGORITHMS[algorithm], false, ['sign']);
}

/** The signature in the format of JWS: WebCrypto returns r and s of ECDSA concatenated. */
export async function sign(algorithm, key, signed) {
  return new Uint8Array(await crypto.subtle.sign(ALGORITHMS[algorithm], key, signed));
}
