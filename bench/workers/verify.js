// What the Workers written with jose check a token by: the issuer's keys, as the library fetches and keeps them, and the
// issuer, the audience, the algorithms and the times that the policy of the benchmark asks for.

import { env } from 'cloudflare:workers';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const keys = createRemoteJWKSet(new URL(env.JWKS_URI));
const options = {
  issuer: env.ISSUER,
  audience: env.AUDIENCE,
  algorithms: ['RS256', 'ES256', 'ES384', 'EdDSA'],
  clockTolerance: 30,
};

/** The payload of a token that holds. */
export async function verify(token) {
  const { payload } = await jwtVerify(token, keys, options);
  return payload;
}
