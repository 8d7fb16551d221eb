// The page: what the reader writes, what the tool answers, and where each of it is shown.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import policySchema from '../../schema/policy.schema.json';
import testsSchema from '../../schema/tests.schema.json';
import { Boundary } from './boundary.jsx';
import { Editor } from './editor/editor.jsx';
import { fetchDocument } from './keys.js';
import { read, shared } from './link.js';
import { Decision } from './panels/decision.jsx';
import { Findings } from './panels/findings.jsx';
import { Request } from './panels/request.jsx';
import { Routes } from './panels/routes.jsx';
import { TESTS_FILE, Tests } from './panels/tests.jsx';
import { Token } from './panels/token.jsx';
import { initialState, withExample, withRequest } from './state.js';
import { Tabs } from './tabs.jsx';
import { tokenOf } from './token.js';
import { useAnswer, useLoadedTool } from './tool/use-tool.js';
import { WORDS } from './words.js';

/** Of wrangler's configuration, only the policy is completed. */
const VARS = { properties: { vars: { properties: { POLICY: policySchema } } } };
const wranglerSchema = { ...VARS, properties: { ...VARS.properties, env: { additionalProperties: VARS } }, definitions: policySchema.definitions };

/** An issuer's metadata leads to its keys; nothing leads further. */
const MOST_FETCHES = 4;
/** How long a decision stands that depends on the time, in milliseconds. */
const DECIDES_FOR = 15_000;

export function App({ initial, fixture, note }) {
  const [state, setState] = useState(initial);
  const set = (change) => setState((before) => ({ ...before, ...change }));
  const { tool, problem } = useLoadedTool();
  const keys = useKeys(tool);

  const [said, say] = useState(note);
  const load = useLinks(fixture, state, set, say);

  const env = (state.file.startsWith('wrangler') && state.environment) || null;
  const policy = useMemo(() => ({ name: state.file, text: state.policy, env }), [state.file, state.policy, env]);
  const tests = { name: TESTS_FILE, text: state.tests };
  const answers = [
    useAnswer(tool, 'check', { policy }),
    useAnswer(tool, 'explain', explainQuestion(state, policy), keys.documents, DECIDES_FOR),
    useAnswer(tool, 'routes', { policy }),
    useAnswer(tool, 'test', state.tests.trim() === '' ? null : { policy, tests }),
  ];
  const [checked, explained, listed, tested] = answers.map(([answer]) => answer);
  const isWaiting = problem === undefined && answers.some(([, isAwaited]) => isAwaited);

  const editor = useRef();
  const findings = checked?.is?.findings;
  const [checkedText, testedText] = [answers[0][2]?.policy.text, answers[3][2]?.tests.text];
  const schema = state.file.startsWith('wrangler') ? wranglerSchema : policySchema;
  const explanation = explained?.is;
  const wanted = explained?.wanted ?? [];
  const chosen = explanation?.route?.index;
  const toKeys = () => {
    set({ requestTab: 'token' });
    document.getElementById('decision').focus();
  };
  const fetchKeys = () => keys.fetch(wanted, explainQuestion(state, policy));

  const aboutPolicy = [
    { name: 'findings', title: WORDS.findings(findings?.length), content: () => <Findings isPolicy findings={findings} problem={checked?.problem} editor={editor} /> },
    { name: 'routes', title: WORDS.routes(listed?.is?.length), content: () => <Routes answer={listed} chosen={chosen} /> },
    { name: 'tests', title: WORDS.tests(tested?.is), content: () => <Tests tests={state.tests} onChange={(text) => set({ tests: text })} answer={tested} answered={testedText} schema={testsSchema} edition={state.editions} /> },
  ];
  const aboutRequest = [
    {
      name: 'decision',
      title: WORDS.decision,
      content: () => <Decision answer={explained} needsKeys={wanted.length > 0} onKeys={toKeys} />,
    },
    {
      name: 'token',
      title: WORDS.tokenTab,
      content: () => (
        <Token
          state={state} explanation={explanation} route={listed?.is?.find((row) => row.route === chosen)}
          keys={{ ...keys, wanted, fetch: fetchKeys, pasted: state.keys, onPaste: (text) => set({ keys: text }) }}
        />
      ),
    },
  ];
  return (
    <>
      <a class="skip" href="#decision" onClick={skip}>{WORDS.skip}</a>
      <header>
        <h1>{WORDS.title}</h1>
        <Share state={state} said={said} say={say} />
        <p>{WORDS.intro}</p>
      </header>
      {problem !== undefined && <p class="bad" role="alert">{WORDS.noTool(problem)}</p>}
      <main aria-busy={isWaiting}>
        <section class="column" aria-labelledby="policy-title">
          <div class="bar">
            <h2 id="policy-title">{WORDS.policy}</h2>
            <span class="hidden" role="status">{WORDS.findings(findings?.length)}</span>
            {state.file.startsWith('wrangler') && (
              <input class="environment" aria-label={WORDS.environment} placeholder={WORDS.environmentHint} value={state.environment} onInput={({ target }) => set({ environment: target.value })} />
            )}
            <select aria-label={WORDS.file} value={state.file} onChange={({ target }) => set({ file: target.value })}>
              {Object.entries({ [state.file]: state.file, ...WORDS.files }).map(([file, words]) => <option key={file} value={file}>{words}</option>)}
            </select>
          </div>
          <Editor key={state.editions} file={state.file} value={state.policy} onChange={(text) => set({ policy: text })} label={WORDS.policyText} className="tall" findings={{ text: checkedText, list: findings }} schema={schema} handle={editor} />
          <Tabs label={WORDS.policyTabs} tabs={aboutPolicy} selected={state.policyTab} onSelect={(policyTab) => set({ policyTab })} />
        </section>
        <section class="column" aria-labelledby="request-title">
          <div class="bar"><h2 id="request-title">{WORDS.request}</h2></div>
          <Request state={state} set={set} requests={fixture.requests} onExample={(example) => load(withExample(fixture, example, state.texts))} />
          <div id="decision" tabIndex={-1}>
            <Tabs label={WORDS.requestTabs} tabs={aboutRequest} selected={state.requestTab} onSelect={(requestTab) => set({ requestTab })} />
          </div>
        </section>
      </main>
    </>
  );
}

function explainQuestion(state, policy) {
  const { method, url, headers, caller, claims, keys, now } = state;
  return {
    policy, method, url,
    headers: headers.split('\n').filter((line) => line.trim() !== ''),
    token: caller === 'token' ? tokenOf(state) : null,
    claims: caller === 'claims' ? claims : null,
    keys: caller !== 'claims' && keys.trim() !== '' ? { name: 'keys.json', text: keys } : null,
    now: now.trim() || null,
  };
}

/** The documents that the reader has asked for, and how to get more: each leads to the next, as metadata leads to keys. */
function useKeys(tool) {
  const [documents, setDocuments] = useState({});
  const [isFetching, setFetching] = useState(false);
  const fetch = async (first, question) => {
    setFetching(true);
    try {
      const fetched = {};
      let [next] = first;
      const { origin } = new URL(next.url);
      // What leads to another host is asked for by a press of its own.
      for (let count = 0; next !== undefined && new URL(next.url).origin === origin && count < MOST_FETCHES; count += 1) {
        fetched[next.url] = await fetchDocument(next);
        const answer = await tool.ask('explain', question, { ...documents, ...fetched });
        next = answer?.wanted.find(({ url }) => fetched[url] === undefined);
      }
      setDocuments((before) => ({ ...before, ...fetched }));
    } finally {
      setFetching(false);
    }
  };
  return { documents, isFetching, fetch, forget: () => setDocuments({}) };
}

const OF_REQUEST = ['method', 'url', 'headers', 'now', 'token', 'claims'];
const OF_POLICY = ['file', 'environment', 'policy', 'tests', 'keys'];

/**
 * Follows links that are opened where the page is open already: what was written goes only after a question. Gives what sets
 * the state to what comes from elsewhere.
 */
function useLinks(fixture, state, set, say) {
  const now = useRef(state);
  const loaded = useRef(state);
  now.current = state;
  const load = (change) => {
    loaded.current = { ...now.current, ...change };
    set(change);
  };
  const isWritten = (names) => names.some((name) => now.current[name] !== loaded.current[name]);
  useEffect(() => {
    const follow = async () => {
      const { texts, editions } = now.current;
      try {
        const linked = await read(location.hash);
        if (linked.policy !== undefined) {
          if (isWritten([...OF_REQUEST, ...OF_POLICY]) && !confirm(WORDS.replace)) return;
          load({ ...(await initialState(fixture, location.hash)), texts: texts + 1, editions: editions + 1 });
        } else if (linked.url !== undefined && (!isWritten(OF_REQUEST) || confirm(WORDS.replaceRequest))) {
          load(withRequest(fixture, linked, texts));
        }
      } catch ({ message }) {
        say(WORDS.unreadableLink(message));
      }
    };
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return load;
}

/** Without a change of the address, which is a link. */
function skip(event) {
  event.preventDefault();
  document.getElementById('decision').focus();
}

function Share({ state, said, say }) {
  // What was said of a link is not true of what is written after it.
  const linked = useRef();
  useEffect(() => {
    if (linked.current !== undefined && linked.current !== state) say(undefined);
  }, [state]);
  const share = async () => {
    linked.current = state;
    try {
      history.replaceState(null, '', await shared(state));
    } catch ({ message }) {
      return say(WORDS.unshareable(message));
    }
    return navigator.clipboard.writeText(location.href).then(() => say(WORDS.shared), () => say(WORDS.unshared));
  };
  return (
    <div class="share">
      <button type="button" onClick={share}>{WORDS.share}</button>
      <span role="status">{said}</span>
    </div>
  );
}
