// What a route requires of a token, in words: from the tool's table of routes.

import { WORDS } from '../words.js';

/** `{ claims, words }` of each requirement: the claims that it is about. */
export function requirements({ audience, organization, scopes, claims }) {
  const found = [];
  const add = (name, about, text) => found.push({ claims: about, words: WORDS.requires[name](text) });
  if (audience !== undefined) add('audience', ['aud'], list(audience).join(' or '));
  if (organization !== undefined) add('organization', ['organization_id'], organization);
  if (scopes !== undefined) add('scopes', ['scope', 'scp'], scopeWords(scopes));
  if (Array.isArray(claims)) {
    for (const { path, ...test } of claims) add('claims', [path.join('.')], `${path.join('.')}: ${JSON.stringify(test)}`);
  } else {
    for (const [path, test] of Object.entries(claims ?? {})) add('claims', [path], `${path}: ${JSON.stringify(test)}`);
  }
  return found;
}

function scopeWords(scopes) {
  if (Array.isArray(scopes)) return scopes.join(' ');
  const { all = [], any = [] } = scopes;
  return [all.length > 0 && WORDS.all(all.join(' ')), any.length > 0 && WORDS.any(any.join(' '))].filter(Boolean).join(', ');
}

function list(value) {
  return Array.isArray(value) ? value : [value];
}
