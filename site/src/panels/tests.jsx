// The policy's tests, and their results.

import { useRef } from 'preact/hooks';

import { Editor } from '../editor/editor.jsx';
import { WORDS } from '../words.js';
import { Findings } from './findings.jsx';

export const TESTS_FILE = 'policy.test.toml';

/** `answer` is about the text `answered`. */
export function Tests({ tests, onChange, answer, answered, schema, edition }) {
  const editor = useRef();
  // Findings may also be the policy's, which has a list of its own.
  const findings = answer?.findings?.file === TESTS_FILE ? answer.findings.findings : undefined;
  return (
    <>
      <Editor key={edition} file={TESTS_FILE} value={tests} onChange={onChange} label={WORDS.testsText} className="short" findings={{ text: answered, list: findings }} schema={schema} handle={editor} />
      {tests.trim() === '' ? <p class="faint">{WORDS.noTests}</p> : <Results answer={answer} findings={findings} editor={editor} />}
    </>
  );
}

function Results({ answer, findings, editor }) {
  if (answer === undefined) return <p class="faint">{WORDS.loading}</p>;
  if (findings !== undefined) {
    return (
      <>
        <p class="bad">{WORDS.testFindings}</p>
        <Findings findings={findings} editor={editor} />
      </>
    );
  }
  if (answer.is === undefined) return <p class="bad">{answer.problem ?? WORDS.invalidPolicy}</p>;
  return (
    <ul class="results">
      {answer.is.files.flatMap(({ tests }) => tests).map(({ name, line, passed, mismatches, refused_by: refusedBy }) => (
        <li key={`${line} ${name}`} class={passed ? 'passed' : 'refused'}>
          <strong>{passed ? WORDS.passed : WORDS.failed}</strong> {name}
          {mismatches?.map(({ what, expected, found }) => (
            <dl key={what}>
              <dt>{what}</dt>
              <dd>{WORDS.expected} <code>{expected}</code></dd>
              <dd>{WORDS.found} <code>{found}</code></dd>
            </dl>
          ))}
          {!passed && refusedBy && <p class="faint">{refusedBy.name}: {WORDS.expected} {refusedBy.expected}{refusedBy.found && `, ${WORDS.found} ${refusedBy.found}`}</p>}
        </li>
      ))}
    </ul>
  );
}
