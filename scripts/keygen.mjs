// `npm run keygen [-- ES256 | EdDSA]`: prints a new private JWK for identity.assertion, and stores it nowhere.

const ALGORITHMS = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  EdDSA: { name: 'Ed25519' },
};

const [algorithm = 'ES256'] = process.argv.slice(2);
if (Object.hasOwn(ALGORITHMS, algorithm)) {
  const { privateKey } = await crypto.subtle.generateKey(ALGORITHMS[algorithm], true, ['sign', 'verify']);
  const { kty, crv, x, y, d } = await crypto.subtle.exportKey('jwk', privateKey);
  console.log(JSON.stringify({ kty, crv, x, y, d }));
} else {
  console.error(`keygen: expected ${Object.keys(ALGORITHMS).join(' or ')}, found ${algorithm}`);
  process.exitCode = 2;
}
