// The access tokens of the demo, and the token request for each.

export const API = 'https://api.yourapp.com';
export const OTHER_API = 'https://other.yourapp.com';
export const CLIENT = { id: 'demo-m2m', secret: 'demo-secret' };

/** By shell variable; `form` has the fields of the token request (RFC 6749 section 4.4.2, RFC 8707). */
export const TOKENS = {
  API_TOKEN: {
    what: 'the global API resource, with its permissions',
    form: { resource: API, scope: 'api:read read:products' },
  },
  NARROW_TOKEN: {
    what: 'the same resource, with a different permission only',
    form: { resource: API, scope: 'write:orders' },
  },
  OTHER_TOKEN: {
    what: 'another API resource',
    form: { resource: OTHER_API, scope: 'api:read' },
  },
  ORG_TOKEN: {
    what: 'the organization acme, with a permission in it',
    form: { organization_id: 'acme', scope: 'invite:member' },
  },
  ORG_API_TOKEN: {
    what: 'the API resource within the organization acme',
    form: { resource: API, organization_id: 'acme', scope: 'read:data' },
  },
};

/** Requests every token from the provider; returns them by name. */
export async function fetchTokens(issuer) {
  const names = Object.keys(TOKENS);
  const tokens = await Promise.all(names.map((name) => fetchToken(issuer, TOKENS[name].form)));
  return Object.fromEntries(names.map((name, index) => [name, tokens[index]]));
}

/** Requests a token from the provider. */
export async function fetchToken(issuer, form) {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${CLIENT.id}:${CLIENT.secret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...form }),
  });
  if (!response.ok) throw new Error(`the provider refused a token: ${response.status} ${await response.text()}`);
  const { access_token: token } = await response.json();
  return token;
}

/** The same requests as shell commands, each of which sets a variable. */
export function tokenCommands(issuer) {
  const ask = [
    'token() {',
    `  curl -s ${issuer}/token -u ${CLIENT.id}:${CLIENT.secret} \\`,
    '    -d grant_type=client_credentials "$@" |',
    `    sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/'`,
    '}',
  ];
  const sets = Object.entries(TOKENS).flatMap(([name, { what, form }]) => [`# ${what}`, ...assignment(name, form)]);
  return [...ask, ...sets];
}

/** A shell command that requests a token and sets a variable, with the function that `tokenCommands` defines. */
export function assignment(name, form) {
  const fields = Object.entries(form).map(([key, value]) => `-d ${key}=${quoted(value)}`);
  const line = `${name}=$(token ${fields.join(' ')})`;
  if (line.length <= 80) return [line];
  return [`${name}=$(token ${fields[0]} \\`, `  ${fields.slice(1).join(' ')})`];
}

function quoted(value) {
  return value.includes(' ') ? `'${value}'` : value;
}
