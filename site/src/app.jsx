// The page: what the reader writes, what the tool answers, and where each of it is shown.

import { useMemo, useRef, useState } from 'preact/hooks';

import policySchema from '../../schema/policy.schema.json';
import testsSchema from '../../schema/tests.schema.json';
import { Editor } from './editor/editor.jsx';
import { fetchDocument } from './keys.js';
import { shared } from './link.js';
import { Decision } from './panels/decision.jsx';
import { Findings } from './panels/findings.jsx';
import { Request } from './panels/request.jsx';
import { Routes } from './panels/routes.jsx';
import { TESTS_FILE, Tests } from './panels/tests.jsx';
import { Token } from './panels/token.jsx';
import { withExample } from './state.js';
import { Tabs } from './tabs.jsx';
import { useAnswer, useLoadedTool } from './tool/use-tool.js';
import { WORDS } from './words.js';

/** Of wrangler's configuration, only the policy is completed. */
const VARS = { properties: { vars: { properties: { POLICY: policySchema } } } };
const wranglerSchema = { ...VARS, properties: { ...VARS.properties, env: { additionalProperties: VARS } }, definitions: policySchema.definitions };

/** An issuer's metadata leads to its keys; nothing leads further. */
const MOST_FETCHES = 4;

export function App({ initial, fixture, note }) {
  const [state, setState] = useState(initial);
  const set = (change) => setState((before) => ({ ...before, ...change }));
  const { tool, problem } = useLoadedTool();
  const keys = useKeys(tool);

  const policy = useMemo(() => ({ name: state.file, text: state.policy }), [state.file, state.policy]);
  const tests = { name: TESTS_FILE, text: state.tests };
  const checked = useAnswer(tool, 'check', { policy });
  const explained = useAnswer(tool, 'explain', explainQuestion(state, policy), keys.documents);
  const listed = useAnswer(tool, 'routes', { policy });
  const tested = useAnswer(tool, 'test', state.tests.trim() === '' ? null : { policy, tests });

  const editor = useRef();
  const findings = checked?.is?.findings;
  const schema = state.file.startsWith('wrangler') ? wranglerSchema : policySchema;
  const explanation = explained?.is;
  const wanted = explained?.wanted ?? [];
  const chosen = explanation?.route?.index;
  const fetchKeys = () => keys.fetch(wanted, explainQuestion(state, policy));

  const aboutPolicy = [
    { name: 'findings', title: WORDS.findings(findings?.length), content: () => <Findings isPolicy findings={findings} problem={checked?.problem} editor={editor} /> },
    { name: 'routes', title: WORDS.routes(listed?.is?.length), content: () => <Routes answer={listed} chosen={chosen} /> },
    { name: 'tests', title: WORDS.tests(tested?.is), content: () => <Tests tests={state.tests} onChange={(text) => set({ tests: text })} answer={tested} schema={testsSchema} /> },
  ];
  const aboutRequest = [
    {
      name: 'decision',
      title: WORDS.decision,
      content: () => <Decision answer={explained} needsKeys={wanted.length > 0} onKeys={() => set({ requestTab: 'token' })} />,
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
      <a class="skip" href="#decision">{WORDS.skip}</a>
      <header>
        <h1>{WORDS.title}</h1>
        <Share state={state} note={note} />
        <p>{WORDS.intro}</p>
      </header>
      {problem !== undefined && <p class="bad" role="alert">{WORDS.noTool(problem)}</p>}
      <main>
        <section class="column" aria-labelledby="policy-title">
          <div class="bar">
            <h2 id="policy-title">{WORDS.policy}</h2>
            <select aria-label={WORDS.file} value={state.file} onChange={({ target }) => set({ file: target.value })}>
              {Object.entries({ [state.file]: state.file, ...WORDS.files }).map(([file, words]) => <option key={file} value={file}>{words}</option>)}
            </select>
          </div>
          <Editor file={state.file} value={state.policy} onChange={(text) => set({ policy: text })} label={WORDS.policyText} className="tall" findings={findings} schema={schema} handle={editor} />
          <Tabs label={WORDS.policyTabs} tabs={aboutPolicy} selected={state.policyTab} onSelect={(policyTab) => set({ policyTab })} />
        </section>
        <section class="column" aria-labelledby="request-title">
          <div class="bar"><h2 id="request-title">{WORDS.request}</h2></div>
          <Request state={state} set={set} requests={fixture.requests} onExample={(example) => set(withExample(fixture, example, state.texts))} />
          <div id="decision" tabIndex={-1}>
            <Tabs label={WORDS.requestTabs} tabs={aboutRequest} selected={state.requestTab} onSelect={(requestTab) => set({ requestTab })} />
          </div>
        </section>
      </main>
    </>
  );
}

function explainQuestion({ method, url, headers, caller, token, claims, keys, now }, policy) {
  return {
    policy, method, url,
    headers: headers.split('\n').filter((line) => line.trim() !== ''),
    token: caller === 'token' ? token : null,
    claims: caller === 'claims' ? claims : null,
    keys: caller === 'token' && keys.trim() !== '' ? { name: 'keys.json', text: keys } : null,
    now: now.trim() || null,
  };
}

/** The documents that the reader has asked for, and how to get more: each leads to the next, as metadata leads to keys. */
function useKeys(tool) {
  const [documents, setDocuments] = useState({});
  const [isFetching, setFetching] = useState(false);
  const fetch = async (first, question) => {
    setFetching(true);
    let known = {};
    let wanted = first;
    for (let count = 0; wanted.length > 0 && count < MOST_FETCHES; count += 1) {
      const [next] = wanted;
      known = { ...known, [next.url]: await fetchDocument(next) };
      ({ wanted } = (await tool.ask('explain', question, known)) ?? { wanted: [] });
      wanted = wanted.filter(({ url }) => known[url] === undefined);
    }
    setDocuments(known);
    setFetching(false);
  };
  return { documents, isFetching, fetch };
}

function Share({ state, note }) {
  const [said, setSaid] = useState(note);
  const share = async () => {
    history.replaceState(null, '', await shared(state));
    try {
      await navigator.clipboard.writeText(location.href);
      setSaid(WORDS.shared);
    } catch {
      setSaid(WORDS.unshared);
    }
  };
  return (
    <div class="share">
      <button type="button" onClick={share}>{WORDS.share}</button>
      <span role="status">{said}</span>
    </div>
  );
}
