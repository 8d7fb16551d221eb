// The requests of the demo with their expected responses: `npm start` prints them, `npm run demo` sends them.
//
// title: what it shows, without quotes (some shells do not ignore pasted comments); token: a name of TOKENS; renewed: whether
// that is requested anew before; authorization: a literal header; body: what is sent, in JSON; auth: the identity that the
// origin receives.

import { setTimeout as sleep } from 'node:timers/promises';

import { TOKENS, assignment, fetchToken } from './tokens.mjs';

export const REQUESTS = [
  {
    title: 'Global API resource: audience and scope match',
    path: '/api/protected',
    token: 'API_TOKEN',
    status: 200,
    auth: { clientId: 'demo-m2m', scopes: ['api:read', 'read:products'], audience: ['https://api.yourapp.com'] },
  },
  {
    title: 'Global API resource, with a parameter in the path',
    path: '/api/products/42',
    token: 'API_TOKEN',
    status: 200,
    auth: { organizationId: null },
  },
  {
    title: 'Organization permission: the audience is the organization in the path',
    method: 'POST',
    path: '/orgs/acme/members',
    token: 'ORG_TOKEN',
    status: 200,
    auth: { organizationId: 'acme', scopes: ['invite:member'] },
  },
  {
    title: 'API resource within an organization',
    path: '/orgs/acme/data/reports/2026',
    token: 'ORG_API_TOKEN',
    status: 200,
    auth: { organizationId: 'acme', scopes: ['read:data'] },
  },
  { title: 'Public route', path: '/healthz', status: 200, auth: { sub: null, scopes: [] } },
  { title: 'Optional route, anonymous', path: '/catalog', status: 200, auth: { clientId: null } },
  {
    title: 'Optional route, with a token',
    path: '/catalog',
    token: 'API_TOKEN',
    status: 200,
    auth: { clientId: 'demo-m2m' },
  },
  { title: 'No token', path: '/api/protected', status: 401, code: 'auth.authorization_header_missing' },
  {
    title: 'Another scheme',
    path: '/api/protected',
    authorization: 'Basic ZGVtbzpkZW1v',
    status: 401,
    code: 'auth.authorization_token_type_not_supported',
  },
  {
    title: 'Not a JWT',
    path: '/api/protected',
    authorization: 'Bearer garbage',
    status: 401,
    code: 'auth.invalid_token',
  },
  {
    title: 'Wrong scope',
    path: '/api/protected',
    token: 'NARROW_TOKEN',
    status: 403,
    code: 'auth.insufficient_scope',
  },
  {
    title: 'Wrong audience: a token for another API',
    path: '/api/protected',
    token: 'OTHER_TOKEN',
    status: 403,
    code: 'auth.invalid_audience',
  },
  {
    title: 'Wrong organization: a token for acme at globex',
    method: 'POST',
    path: '/orgs/globex/members',
    token: 'ORG_TOKEN',
    status: 403,
    code: 'auth.organization_mismatch',
  },
  {
    title: 'Wrong organization: a data token for acme at globex',
    path: '/orgs/globex/data/reports/2026',
    token: 'ORG_API_TOKEN',
    status: 403,
    code: 'auth.organization_mismatch',
  },
  {
    title: 'Route that is only tried: forwarded without an identity, and told in the log below',
    path: '/beta/reports',
    token: 'API_TOKEN',
    status: 200,
    auth: { clientId: null, scopes: [] },
  },
  { title: 'Status of the gate', path: '/.well-known/portcullis/status', token: 'API_TOKEN', status: 200 },
  { title: 'Denied route', path: '/internal/metrics', token: 'API_TOKEN', status: 403, code: 'gate.denied' },
  { title: 'No such route', path: '/nowhere', token: 'API_TOKEN', status: 404, code: 'gate.no_route' },
  {
    title: 'Method that the route does not accept',
    method: 'DELETE',
    path: '/api/protected',
    token: 'API_TOKEN',
    status: 405,
    code: 'gate.method_not_allowed',
  },
  { title: 'Path that servers read differently', path: '/api//protected', status: 400, code: 'gate.bad_path' },
  {
    title: 'Revoke all tokens of the demo client so far',
    method: 'POST',
    path: '/.well-known/portcullis/revocations',
    token: 'API_TOKEN',
    body: { issuer: 'demo', sub: 'demo-m2m' },
    status: 204,
  },
  { title: 'Revoked token', path: '/api/protected', token: 'API_TOKEN', status: 401, code: 'auth.token_revoked' },
  {
    title: 'New token',
    path: '/api/protected',
    token: 'API_TOKEN',
    renewed: true,
    status: 200,
    auth: { clientId: 'demo-m2m' },
  },
];

/** The request as a shell command, below its expected response. */
export function requestCommand(gate, { title, method, path, token, renewed, authorization, body, status, code }) {
  const verb = method ? ` -X ${method}` : '';
  const curl = `curl -i -w '\\n'${verb} ${gate}${path}`;
  const header = token ? `Bearer $${token}` : authorization;
  const options = [...(header ? [`-H "Authorization: ${header}"`] : []), ...(body ? [`-d '${JSON.stringify(body)}'`] : [])];
  const lines = [curl, ...options.map((option) => `  ${option}`)].map((line, i, all) => (i < all.length - 1 ? `${line} \\` : line));
  // What was issued within the second of the revocation is revoked too.
  const renewal = renewed ? ['sleep 1', ...assignment(token, TOKENS[token].form)] : [];
  return [`# ${title}`, `# expect ${status}${code ? ` ${code}` : ''}`, ...renewal, ...lines];
}

/** Sends the request; returns the response and whether it is as expected. A token that is renewed replaces the one in `tokens`. */
export async function perform({ gate, issuer }, tokens, request) {
  if (request.renewed) {
    await sleep(1000);
    tokens[request.token] = await fetchToken(issuer, TOKENS[request.token].form);
  }
  const authorization = request.token ? `Bearer ${tokens[request.token]}` : request.authorization;
  const response = await fetch(gate + request.path, {
    method: request.method ?? 'GET',
    headers: authorization ? { authorization } : {},
    body: request.body && JSON.stringify(request.body),
    signal: AbortSignal.timeout(15_000),
  });
  const body = await response.json().catch(() => ({}));
  return { status: response.status, code: body.code, auth: body.auth, ok: fits(request, response.status, body) };
}

function fits(request, status, body) {
  if (status !== request.status || body.code !== request.code) return false;
  const told = Object.entries(request.auth ?? {});
  return told.every(([name, value]) => same(body.auth?.[name], value));
}

function same(got, expected) {
  const plain = (value) => JSON.stringify(Array.isArray(value) ? [...value].sort() : value);
  return plain(got) === plain(expected);
}
