// What the origin is told about a caller: a flat list of header names and values, made once for each token.

export function identityOf(payload) {
  const { sub, client_id: client, azp, organization_id: organization, aud, iss } = payload;
  const fields = {
    'x-auth-subject': encoded(sub),
    'x-auth-client-id': encoded(client ?? azp),
    'x-auth-organization-id': encoded(organization),
    'x-auth-scopes': list(scopesOf(payload), ' '),
    'x-auth-audience': list([aud ?? []].flat(), ','),
    'x-auth-issuer': encoded(iss),
  };
  return Object.entries(fields).filter(([, value]) => value !== undefined).flat();
}

export function scopesOf({ scope, scp }) {
  const scopes = scope ?? scp ?? [];
  return typeof scopes === 'string' ? scopes.split(' ').filter(Boolean) : scopes;
}

function list(elements, separator) {
  return elements.length === 0 ? undefined : elements.map((element) => encoded(element, IN_LIST)).join(separator);
}

const IN_VALUE = /[%\x00-\x1f\x7f-\u{10ffff}]|^ | $/gu;
const IN_LIST = /[%,\x00-\x1f\x7f-\u{10ffff}]|^ | $/gu;

/** A header carries no control or non-ASCII characters, and no space at its ends. */
function encoded(text, special = IN_VALUE) {
  return text?.toWellFormed().replaceAll(special, encodeURIComponent);
}
