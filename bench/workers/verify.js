// How the Workers written with jose verify a token: with the issuer's keys, as the library fetches and caches them, and with
// the issuer, audience, algorithms and times that the benchmark's policy requires.

import { env } from 'cloudflare:workers';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const keys = createRemoteJWKSet(new URL(env.JWKS_URI));
const options = {
  issuer: env.ISSUER,
  audience: env.AUDIENCE,
  algorithms: ['RS256', 'ES256', 'ES384', 'EdDSA'],
  clockTolerance: 30,
};

/** The payload of a valid token. */
export async function verify(token) {
  const { payload } = await jwtVerify(token, keys, options);
  return payload;
}
