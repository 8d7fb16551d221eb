// Hono with its jwk middleware and its proxy helper, as https://hono.dev/docs/middleware/builtin/jwk and
// https://hono.dev/docs/helpers/proxy show them. With `jwks_uri` the middleware fetches the key set for every request.

import { env } from 'cloudflare:workers';

import { gate } from './hono-gate.js';

export default gate({ jwks_uri: env.JWKS_URI });
