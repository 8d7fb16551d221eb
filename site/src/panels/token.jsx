// The parts of the token, each claim with what the policy asks of it, and the keys of its issuer.

import { decode, time, tokenOf } from '../token.js';
import { Table } from '../table.jsx';
import { WORDS } from '../words.js';
import { Keys } from './keys.jsx';
import { requirements } from './requirements.js';

const ORGANIZATION = 'urn:logto:organization:';

/** `explanation` is the tool's; `route` is the row of the table of routes that the request has. */
export function Token({ state, explanation, route, keys }) {
  const token = tokenOf(state);
  const isOfClaims = state.caller === 'claims';
  if (!isOfClaims && token === '') return <p class="faint">{WORDS.noToken}</p>;
  const parts = isOfClaims ? { claims: parsed(state.claims) } : decode(token);
  if (parts === null) return <p class="bad">{WORDS.opaque}</p>;
  const now = explanation?.now ?? Math.floor(Date.now() / 1000);
  return (
    <>
      {parts.header && <Header header={parts.header} />}
      {parts.claims && <Claims claims={parts.claims} now={now} explanation={explanation} route={route} />}
      {!isOfClaims && <Keys {...keys} />}
    </>
  );
}

function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function Header({ header }) {
  return (
    <section>
      <h3>{WORDS.header}</h3>
      <Table columns={WORDS.headerColumns}>
        {Object.entries(header).map(([name, value]) => (
          <tr key={name}>
            <th scope="row"><code>{name}</code></th>
            <td><code>{shown(value)}</code></td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

function Claims({ claims, now, explanation, route }) {
  const asked = asks(explanation?.checks ?? [], route);
  // What the policy asks for and the token lacks has a row, too.
  const missing = asked.filter(({ paths, outcome }) => outcome === 'refused' && !paths.some((path) => nameOf(path, claims) !== undefined));
  const names = [...Object.keys(claims), ...new Set(missing.flatMap(({ paths }) => paths.slice(0, 1)))];
  return (
    <section>
      <h3>{WORDS.claims}</h3>
      <Table columns={WORDS.claimColumns}>
        {names.map((name) => (
          <tr key={name}>
            <th scope="row"><code>{name}</code></th>
            <td><code>{Object.hasOwn(claims, name) ? shown(claims[name]) : WORDS.none}</code></td>
            <td>{inWords(name, claims[name], now)}</td>
            <td><Asked asked={asked.filter(({ paths }) => paths.some((path) => (nameOf(path, claims) ?? path) === name))} /></td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

function Asked({ asked }) {
  if (asked.length === 0) return <span class="faint">{WORDS.asksNothing}</span>;
  return asked.map(({ words, outcome }) => (
    <div key={words} class={outcome}>
      <span class="outcome">{WORDS.outcomes[outcome] ?? WORDS.notReached}</span> {words}
    </div>
  ));
}

/** What is asked of claims: by the checks that were made, and by the route where the decision came before. */
function asks(checks, route) {
  const made = checks.filter(({ claims }) => claims).map(({ claims, expected, outcome }) => ({ paths: claims, words: expected, outcome }));
  const isMade = ({ claims }) => made.some(({ paths }) => paths.some((path) => claims.includes(path)));
  const ahead = (route ? requirements(route) : []).filter((requirement) => !isMade(requirement));
  return [...made, ...ahead.map(({ claims, words }) => ({ paths: claims, words }))];
}

/** The claim that a path leads into. */
function nameOf(path, claims) {
  const bare = path.replace(/^"((?:[^"\\]|\\.)*)"/, (_, name) => name);
  return Object.keys(claims).find((name) => bare === name || bare.startsWith(`${name}.`));
}

function inWords(name, value, now) {
  const times = Object.hasOwn(WORDS.times, name) && WORDS.times[name];
  const at = times && time(value, now);
  if (at) return times(at);
  const id = name === 'aud' && typeof value === 'string' && value.startsWith(ORGANIZATION) && value.slice(ORGANIZATION.length);
  return id ? WORDS.organizationAudience(id) : '';
}

function shown(value) {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
