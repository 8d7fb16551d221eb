// Shared by both Hono Workers: the middleware, with the same checks as the others, and the proxy.

import { env } from 'cloudflare:workers';
import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { jwk } from 'hono/jwk';
import { proxy } from 'hono/proxy';

export function gate(source) {
  const app = new Hono();
  const alg = ['RS256', 'ES256', 'ES384', 'EdDSA'];
  const verification = { iss: env.ISSUER, aud: env.AUDIENCE, typ: 'at+jwt' };
  app.use('*', jwk({ ...source, alg, verification }));
  app.all('*', (c) => {
    const { sub, client_id: client, scope = '' } = c.get('jwtPayload');
    if (!scope.split(' ').includes(env.SCOPE)) throw new HTTPException(403, { message: 'insufficient scope' });
    const { pathname, search } = new URL(c.req.url);
    const headers = Object.entries(c.req.header()).filter(([name]) => !name.startsWith('x-auth-'));
    const identity = { 'x-auth-subject': sub, 'x-auth-client-id': client, 'x-auth-scopes': scope };
    const all = { ...Object.fromEntries(headers), ...identity };
    return proxy(env.ORIGIN + pathname + search, { ...c.req, headers: all });
  });
  return app;
}
