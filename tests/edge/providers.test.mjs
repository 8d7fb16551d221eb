// The example policies of other providers (examples/policies), each with tokens shaped as that provider's: what they let
// in, whom the origin is told of, and which of the provider's other tokens they keep out.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import http from 'node:http';
import { basename, join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { experimental_readRawConfig as readConfig } from 'wrangler';

import auth0 from './providers/auth0.mjs';
import clerk from './providers/clerk.mjs';
import cloudflareAccess from './providers/cloudflare-access.mjs';
import cognito from './providers/cognito.mjs';
import entra from './providers/entra.mjs';
import firebase from './providers/firebase.mjs';
import hasura from './providers/hasura.mjs';
import keycloak from './providers/keycloak.mjs';
import kubernetes from './providers/kubernetes.mjs';
import oidc from './providers/oidc.mjs';
import okta from './providers/okta.mjs';
import supabase from './providers/supabase.mjs';
import workos from './providers/workos.mjs';
import zitadel from './providers/zitadel.mjs';
import { assertForwarded, assertIdentity, assertRefused } from './support/expect.mjs';
import { startGates } from './support/gate.mjs';
import { startOrigin } from './support/origin.mjs';
import { mint, now } from './support/tokens.mjs';

const EXAMPLES = fileURLToPath(new URL('../../examples/policies/', import.meta.url));
const PROVIDERS = {
  auth0, clerk, 'cloudflare-access': cloudflareAccess, cognito, entra, firebase, hasura, keycloak, kubernetes, oidc, okta,
  supabase, workos, zitadel,
};

const origin = await startOrigin();
const documents = new Map(); // path → JSON
const server = http.createServer((request, response) => {
  const document = documents.get(request.url);
  response.writeHead(document ? 200 : 404, { 'content-type': 'application/json' });
  response.end(JSON.stringify(document ?? {}));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address();

/** The provider's URL on this machine: `https://host/path` is at `http://127.0.0.1:port/host/path`. */
const local = (url) => url?.replace(/^https:\/\//, `http://127.0.0.1:${port}/`);
const publish = (url, document) => documents.set(new URL(url).pathname, document);

/** The example as wrangler reads it, but for the places of the origin and of the provider. */
function policyOf({ policy: name, jwksUri, key }) {
  const { rawConfig } = readConfig({ config: join(EXAMPLES, `${name}.toml`) });
  const policy = { ...rawConfig.vars.POLICY, origin: origin.url };
  for (const issuer of Object.values(policy.issuers)) {
    issuer.issuer = local(issuer.issuer);
    if (issuer.jwks_uri) issuer.jwks_uri = local(issuer.jwks_uri);
    else publish(`${issuer.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, { issuer: issuer.issuer, jwks_uri: local(jwksUri) });
    publish(issuer.jwks_uri ?? local(jwksUri), { keys: [key.jwk] });
  }
  return policy;
}

const gates = await startGates(Object.values(PROVIDERS).map((provider) => ({ policy: policyOf(provider) })));
beforeEach(() => origin.take());
after(async () => {
  await Promise.all(gates.map((gate) => gate.close()));
  await origin.close();
  server.close();
});

test('each example has its tests', () => {
  const files = readdirSync(EXAMPLES).map((name) => basename(name, '.toml'));
  assert.deepEqual(files.sort(), Object.keys(PROVIDERS));
});

Object.entries(PROVIDERS).forEach(([name, { key, claims, header, identity, allowed, refused, tokenHeader }], index) => {
  describe(name, () => {
    const send = (request, changes, head) => {
      const [method, path] = request.split(' ');
      const payload = { iat: now(), nbf: now(), exp: now() + 3600, ...claims, ...changes };
      const token = mint(key, { ...payload, iss: local(payload.iss) }, { header: { ...header, ...head } });
      if (tokenHeader) return gates[index].request(path, { method, headers: [[tokenHeader, token]] });
      return gates[index].bearer(token, path, { method });
    };
    for (const [what, request, changes, told, head] of allowed) {
      test(`${request}: ${what}`, async () => {
        const record = assertForwarded(await send(request, changes, head), origin);
        const issuer = local(changes.iss ?? claims.iss);
        const expected = Object.entries({ issuer, ...identity, ...told }).filter(([, value]) => value !== undefined);
        assertIdentity(record, Object.fromEntries(expected));
      });
    }
    for (const [what, request, changes, code, { header: head, scope } = {}] of refused) {
      test(`${request} refused: ${what}`, async () => {
        assertRefused(await send(request, changes, head), code, { origin, scope, secret: claims.sub });
      });
    }
  });
});
