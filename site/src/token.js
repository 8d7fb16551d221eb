// What is in a token, without believing any of it.

const decoder = new TextDecoder('utf-8', { fatal: true });

/** `{ header, claims }` of a JWT; null for anything else, such as an opaque token. */
export function decode(token) {
  const parts = token.split('.');
  if (parts.length !== 3) return null;
  const [header, claims] = parts.slice(0, 2).map(json);
  return header === null || claims === null ? null : { header, claims };
}

function json(part) {
  try {
    const binary = atob(part.replaceAll('-', '+').replaceAll('_', '/'));
    const value = JSON.parse(decoder.decode(Uint8Array.from(binary, (character) => character.charCodeAt(0))));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** A JWT begins with an object in base64url, whatever white space the object has; its dots may be percent-encoded. */
const JWT = /(?:(?<![\w-])|(?<=%[0-9a-fA-F]{2}))(?:eyJ|eyA|ewo|ewk|ew0)[\w-]{4,}(?:(?:\.|%(?:25)*2[eE])[\w-]*)*/g;

/** A text without JWTs, in whole or in part. */
export function withoutTokens(text) {
  return text.replace(JWT, '');
}

/** The token that a request has: the one in the field, or that of a header. Its scheme is no part of it. */
export function tokenOf({ caller, token, headers }) {
  if (caller === 'claims') return '';
  if (caller === 'token') return token.trim().replace(/^authorization:\s*/i, '').replace(/^bearer\s+/i, '');
  const bearer = /^authorization:\s*bearer\s+(\S.*)$/im.exec(headers)?.[1];
  // A route may name another header.
  const values = () => headers.split('\n').map((line) => line.slice(line.indexOf(':') + 1).trim());
  return (bearer ?? values().find((value) => decode(value) !== null) ?? '').trim();
}

const UNITS = [['day', 86_400], ['hour', 3600], ['minute', 60], ['second', 1]];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always' });
const absolute = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' });

/** `{ past, when, date }`: how far a time, in seconds since 1970, is from now; null if no calendar has it. */
export function time(seconds, now) {
  const date = new Date(seconds * 1000);
  if (typeof seconds !== 'number' || Number.isNaN(date.getTime())) return null;
  const distance = seconds - now;
  const [unit, length] = UNITS.find(([, length]) => Math.abs(distance) >= length) ?? UNITS.at(-1);
  return { past: distance <= 0, when: relative.format(Math.trunc(distance / length), unit), date: `${absolute.format(date)} UTC` };
}
