// How the gate decides the request: what the client gets, what the origin receives, and each step on the way.

import { useEffect } from 'preact/hooks';

import { Marked } from '../marked.jsx';
import { WORDS } from '../words.js';

/** The reason of a request that waits for keys. */
const KEYS_MISSING = 'keys_unavailable';

let isMarked = false;

export function Decision({ answer, needsKeys, onKeys }) {
  useEffect(() => {
    // When the page is ready, for whoever measures it.
    if (answer !== undefined && !isMarked) performance.mark('decided');
    isMarked ||= answer !== undefined;
  }, [answer]);
  if (answer === undefined) return <p class="faint">{WORDS.loading}</p>;
  const { is } = answer;
  if (is === undefined) return <p class="bad" role="status">{answer.problem ?? WORDS.invalidPolicy}</p>;
  const [kind, words] = needsKeys && is.reason?.word === KEYS_MISSING ? ['warn', WORDS.undecided] : headline(is);
  return (
    <>
      <p class={`headline ${kind}`} role="status">{words}</p>
      <Refusal check={is.checks.find(({ outcome }) => outcome === 'refused')} advice={is.reason?.advice} />
      {needsKeys && <p><button type="button" onClick={onKeys}>{WORDS.goToKeys}</button></p>}
      {is.decision === 'allow' ? <Forwarded effect={is.effect} /> : <Answered effect={is.effect} />}
      <Trace checks={is.checks} />
      <Candidates candidates={is.candidates} />
      {is.log.length > 0 && (
        <section>
          <h3>{WORDS.log}</h3>
          <ul class="log">{is.log.map((line, index) => <li key={index}><code>{line}</code></li>)}</ul>
        </section>
      )}
    </>
  );
}

/** `[kind, words]`. */
function headline({ decision, effect, reason }) {
  if (decision === 'allow') return reason === undefined ? ['good', WORDS.allow] : ['warn', WORDS.tryOut];
  return decision === 'deny' ? ['bad', WORDS.deny(effect.status, codeOf(effect))] : ['good', WORDS.serve(effect.status)];
}

function codeOf({ body }) {
  try {
    return JSON.parse(body).code ?? '';
  } catch {
    return '';
  }
}

/** The check that refuses the request, and what to do about it. */
function Refusal({ check, advice }) {
  return (
    <>
      {check !== undefined && (
        <p class="refusal">
          {WORDS.refusedAt(check.step, check.name)} {WORDS.expected} {check.expected}
          {check.found !== null && <>, {WORDS.found} <strong>{check.found}</strong></>}
        </p>
      )}
      {advice !== undefined && <p><Marked text={advice} /></p>}
    </>
  );
}

function Trace({ checks }) {
  return (
    <section>
      <h3>{WORDS.trace}</h3>
      <ol class="trace">
        {checks.map(({ step, name, outcome, expected, found, unverified }, index) => (
          <li key={index} class={outcome}>
            <span class="outcome">{WORDS.outcomes[outcome]}</span>
            <strong title={WORDS.steps[step]}>{step} {name}</strong>
            <span class="expected"><span class="label">{WORDS.expected}</span> {expected}</span>
            {found !== null && (
              <span class="found"><span class="label">{WORDS.found}</span> {found}{unverified && <em> ({WORDS.unverified})</em>}</span>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Answered({ effect: { status, headers, body } }) {
  return (
    <section>
      <h3>{WORDS.answer}</h3>
      <pre tabIndex={0} aria-label={WORDS.answer}>{[status, ...headers.map(line), '', pretty(body)].join('\n').trimEnd()}</pre>
    </section>
  );
}

function Forwarded({ effect }) {
  const { method, url, service, cache, set, kept, removed, added } = effect;
  return (
    <>
      <section>
        <h3>{WORDS.origin}</h3>
        <pre tabIndex={0} aria-label={WORDS.origin}>{[`${method} ${url}`, ...set.map(line)].join('\n')}</pre>
        {service !== null && <p>{WORDS.service(service)}</p>}
        {cache && <p>{WORDS.cache}</p>}
        <dl>
          <dt>{WORDS.kept}</dt>
          <dd>{names(kept)}</dd>
          <dt>{WORDS.removed}</dt>
          <dd>{names(removed)}</dd>
        </dl>
      </section>
      {added.length > 0 && (
        <section>
          <h3>{WORDS.answer}</h3>
          <p>{WORDS.originsAnswer}</p>
          <pre tabIndex={0} aria-label={WORDS.answer}>{added.map(line).join('\n')}</pre>
        </section>
      )}
    </>
  );
}

function Candidates({ candidates }) {
  if (candidates.length === 0) return null;
  return (
    <section>
      <h3>{WORDS.candidates}</h3>
      <ul class="candidates">
        {candidates.map(({ index, path, methods, hosts, standing, reason }) => (
          <li key={index} class={standing}>
            <strong>{WORDS.standings[standing]}</strong> routes[{index}] <code>{[methods.join(' '), hosts.join(' '), path].filter(Boolean).join(' ')}</code>
            {reason !== null && <span class="faint"> {reason}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function line({ name, value }) {
  return `${name}: ${value}`;
}

function names(list) {
  return list.length === 0 ? WORDS.none : <code>{list.join(', ')}</code>;
}

function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
