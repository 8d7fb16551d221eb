// What the workbench shows of the demo: its policy, its tokens, its requests.

import { fileURLToPath } from 'node:url';

import { linkTo, startWorkbench } from '../npm/dev/workbench.mjs';
import { demoPolicy } from './policy.mjs';
import { REQUESTS } from './requests.mjs';
import { fetchTokens } from './tokens.mjs';

const FOLDER = fileURLToPath(new URL('../build/site', import.meta.url));

/** Starts it beside a stack. Each reader gets new tokens. */
export function startDemoWorkbench({ port, host = '127.0.0.1', gate, issuer, origin }) {
  const policy = JSON.stringify(demoPolicy({ issuer, origin, gate }), null, 2);
  const requests = REQUESTS.filter(isOfPolicy).map((request) => ({ title: request.title, ...requestOf(gate, request) }));
  const fixture = async () => {
    const [tokens, keys] = await Promise.all([fetchTokens(issuer), fetch(`${issuer}/jwks`)]);
    return { file: 'policy.json', policy, tests: TESTS, requests, tokens, keys: await keys.text() };
  };
  return startWorkbench({ folder: FOLDER, host, port, fixture });
}

/** The line below a request that the gate refuses: where one sees why. Null for one that it allows. */
export function whyLine(workbench, gate, request) {
  if (request.status < 400 || !isOfPolicy(request)) return null;
  return `# why: ${linkTo(workbench, requestOf(gate, request))}`;
}

/** What is decided by the policy alone, not by what was sent before. */
function isOfPolicy({ body, renewed, code }) {
  return body === undefined && !renewed && code !== 'auth.token_revoked';
}

function requestOf(gate, { method = 'GET', path, token, authorization }) {
  return { method, url: gate + path, headers: authorization ? [`authorization: ${authorization}`] : [], as: token };
}

const TESTS = `# Tests of this policy, as \`portcullis test\` runs them.
[claims]
aud = "https://api.yourapp.com"
sub = "demo-m2m"

[[tests]]
name = "a caller with the scope is allowed"
url = "/api/protected"
claims = { scope = "api:read" }
expect = { decision = "allow", route = "/api/protected" }

[[tests]]
name = "another organization's token is refused"
method = "POST"
url = "/orgs/globex/members"
claims = { aud = "urn:logto:organization:acme", scope = "invite:member" }
expect = { status = 403, code = "auth.organization_mismatch" }
`;
