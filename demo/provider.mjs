// A real OpenID provider on loopback, set up the way Logto sets up the same engine (`oidc-provider`):
// issuer under /oidc, JWT access tokens signed with ES384, resource indicators, client credentials,
// organization tokens with the audience `urn:logto:organization:<id>`.
//
// It is for the demo and the tests only: state is in memory, clients and keys are made up.

import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

import Provider, { errors } from 'oidc-provider';

const MOUNT = '/oidc';
const ORGANIZATION = 'urn:logto:organization:';
const DEFAULT_TTL = 3600;

/** Global API resources and the scopes that each defines. */
export const RESOURCES = {
  'https://api.yourapp.com': [
    'api:read', 'api:write', 'read:products', 'write:orders', 'read:data', 'write:settings', 'plan:pro', 'plan:team',
  ],
  'https://other.yourapp.com': ['api:read', 'api:write', 'read:products', 'read:data'],
};

/** Scopes of the organization template: what an organization token can carry. */
export const ORGANIZATION_SCOPES = ['invite:member', 'invite:users', 'manage:settings', 'manage:billing'];

/** `may` limits the scopes that a client is granted; others are dropped silently, as Logto does. */
export const CLIENTS = {
  'demo-m2m': { secret: 'demo-secret' },
  'demo-limited': { secret: 'demo-secret', may: ['api:read'] },
};

const KEY_TYPES = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  ES384: ['ec', { namedCurve: 'P-384' }],
  ES512: ['ec', { namedCurve: 'P-521' }],
};

/** A new private signing key as a JWK. */
export function signingKey(alg = 'ES384', kid = randomBytes(12).toString('base64url')) {
  const [type, options] = KEY_TYPES[alg] ?? unsupported(alg);
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
}

/**
 * Starts the provider.
 *
 * - `port`: 0 chooses a free one; the issuer contains the actual port.
 * - `keys`: private JWKs, all published; the first one signs. Default: one new ES384 key.
 * - `ttl`: lifetime of access tokens, in seconds.
 * - `resources`: more API resources, each with its scopes.
 */
export async function startProvider({
  port = 0, host = '127.0.0.1', keys = [signingKey()], ttl = DEFAULT_TTL, resources = {},
} = {}) {
  const server = createServer();
  await listen(server, port, host);
  const url = `http://${host}:${server.address().port}`;
  const issuer = url + MOUNT;

  const counts = { discovery: 0, jwks: 0, token: 0 };
  const state = { keys, signing: keys[0], published: keys, ttl, resources: { ...RESOURCES, ...resources } };
  let handle = engine(issuer, state);

  server.on('request', (request, response) => {
    const [path] = request.url.split('?');
    if (path !== MOUNT && !path.startsWith(`${MOUNT}/`)) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not_found"}');
      return;
    }
    count(counts, path.slice(MOUNT.length));
    // The engine routes below the mount point, and derives the mount point from the difference.
    request.originalUrl = request.url;
    request.url = request.url.slice(MOUNT.length) || '/';
    handle(request, response);
  });

  const provider = {
    issuer,
    url,
    port: server.address().port,
    jwksUri: `${issuer}/jwks`,
    tokenEndpoint: `${issuer}/token`,
    counts,

    get signingKid() {
      return state.signing.kid;
    },

    /** The published key set. */
    get jwks() {
      return { keys: state.published.map(publicPart) };
    },

    resetCounts() {
      for (const name of Object.keys(counts)) counts[name] = 0;
    },

    /**
     * Replaces the keys while running. `published` are the keys in the key set, `signing` is the key that signs (by default
     * the first published one). With an unpublished signing key, nobody can verify the tokens.
     */
    setKeys({ published, signing = published[0] }) {
      const all = published.some(({ kid }) => kid === signing.kid) ? published : [...published, signing];
      Object.assign(state, { keys: all, signing, published });
      handle = engine(issuer, state);
    },

    /** Rotates keys as Logto does: a new key signs, the previous one stays published unless `withdraw` is set. */
    rotate({ alg = 'ES384', withdraw = false } = {}) {
      const fresh = signingKey(alg);
      provider.setKeys({ published: withdraw ? [fresh] : [fresh, ...state.published] });
      return fresh;
    },

    /** Lifetime of the tokens issued from now on, in seconds. */
    setTtl(seconds) {
      state.ttl = seconds;
    },

    /** An access token, by a real client credentials request. `scope` is a string or a list. */
    async token(request) {
      return (await provider.tokenResponse(request)).access_token;
    },

    async tokenResponse({ resource, scope, organizationId, client = 'demo-m2m', secret } = {}) {
      const form = new URLSearchParams({ grant_type: 'client_credentials' });
      if (resource) form.set('resource', resource);
      if (scope) form.set('scope', Array.isArray(scope) ? scope.join(' ') : scope);
      if (organizationId) form.set('organization_id', organizationId);
      const credentials = Buffer.from(`${client}:${secret ?? CLIENTS[client]?.secret}`).toString('base64');
      const response = await fetch(provider.tokenEndpoint, {
        method: 'POST',
        headers: { authorization: `Basic ${credentials}` },
        body: form,
      });
      const body = await response.json();
      if (!response.ok) throw new Error(`token request refused: ${response.status} ${JSON.stringify(body)}`);
      return body;
    },

    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return provider;
}

/** The key store of an engine is fixed, so new keys need a new engine behind the same socket. */
function engine(issuer, state) {
  const provider = new Provider(issuer, {
    adapter: MemoryAdapter,
    jwks: { keys: state.keys },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    clients: Object.entries(CLIENTS).map(([client_id, { secret }]) => ({
      client_id,
      client_secret: secret,
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    })),
    ttl: { ClientCredentials: (ctx, token) => token.resourceServer?.accessTokenTTL ?? state.ttl },
    routes: { jwks: '/jwks', token: '/token', authorization: '/auth', userinfo: '/me' },
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'ES384', 'ES512'] },
    // Signs tokens other than access tokens of a resource; it must match an existing key.
    clientDefaults: { id_token_signed_response_alg: state.signing.alg },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => false,
        // `organization_id` without `resource` requests a token for the organization itself.
        defaultResource: (ctx) => (organizationOf(ctx) ? ORGANIZATION + organizationOf(ctx) : undefined),
        getResourceServerInfo: (ctx, resource, client) => resourceServer(resource, client, state),
      },
    },
    extraTokenClaims: (ctx, token) => {
      const organization = organizationOf(ctx);
      const global = Object.hasOwn(state.resources, token.resourceServer?.identifier() ?? '');
      return organization && global ? { organization_id: organization } : undefined;
    },
  });
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route === 'jwks') ctx.body = { keys: state.published.map(publicPart) };
  });
  return provider.callback();
}

function resourceServer(resource, client, state) {
  const scopes = resource.startsWith(ORGANIZATION) ? ORGANIZATION_SCOPES : state.resources[resource];
  if (!scopes) throw new errors.InvalidTarget('unknown resource');
  const may = CLIENTS[client.clientId]?.may;
  return {
    scope: scopes.filter((scope) => !may || may.includes(scope)).join(' '),
    audience: resource,
    accessTokenFormat: 'jwt',
    accessTokenTTL: state.ttl,
    jwt: { sign: { alg: state.signing.alg, kid: state.signing.kid } },
  };
}

function organizationOf(ctx) {
  return ctx?.oidc?.body?.organization_id;
}

function publicPart({ kty, kid, alg, use, n, e, crv, x, y }) {
  return JSON.parse(JSON.stringify({ kty, kid, alg, use, n, e, crv, x, y }));
}

function count(counts, path) {
  if (path === '/.well-known/openid-configuration') counts.discovery += 1;
  else if (path === '/jwks') counts.jwks += 1;
  else if (path === '/token') counts.token += 1;
}

/** Replaces the built-in store, of which the engine warns; client credentials need almost nothing of it. */
class MemoryAdapter {
  static #entries = new Map();

  constructor(model) {
    this.model = model;
  }

  #key(id) {
    return createHash('sha256').update(`${this.model}:${id}`).digest('base64url');
  }

  async upsert(id, payload) {
    MemoryAdapter.#entries.set(this.#key(id), payload);
  }

  async find(id) {
    return MemoryAdapter.#entries.get(this.#key(id));
  }

  async destroy(id) {
    MemoryAdapter.#entries.delete(this.#key(id));
  }

  async findByUid() {}

  async findByUserCode() {}

  async consume() {}

  async revokeByGrantId() {}
}

function listen(server, port, host) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function unsupported(alg) {
  throw new Error(`no signing key for ${alg}`);
}
