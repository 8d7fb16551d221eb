// What the tool finds wrong in a text.

import { sentence } from '../editor/findings.js';
import { Marked } from '../marked.jsx';
import { WORDS } from '../words.js';

const MOST = 100;

/** `editor` is a ref to the editor with the text. */
export function Findings({ findings, problem, editor, isPolicy }) {
  if (problem !== undefined) return <p class="bad">{problem}</p>;
  if (findings === undefined) return <p class="faint">{WORDS.loading}</p>;
  if (findings.length === 0) return <p class="good">{WORDS.noFindings}</p>;
  const isBroken = findings.some(({ severity }) => severity === 'error');
  return (
    <>
      {isPolicy && isBroken && <p class="bad">{WORDS.brokenPolicy}</p>}
      <ul class="findings">
        {findings.slice(0, MOST).map((finding, index) => (
          <li key={index} class={finding.severity}>
            <strong>{WORDS.severities[finding.severity]}</strong>, {WORDS.line(finding.start.line)}: <span><Marked text={sentence(finding)} /></span>
            <span class="actions">
              <button type="button" onClick={() => editor.current.show(finding)} aria-label={`${WORDS.show}: ${WORDS.line(finding.start.line)}`}>
                {WORDS.show}
              </button>
              {finding.fix !== undefined && <button type="button" onClick={() => editor.current.apply(finding)}>{WORDS.fix(finding.fix)}</button>}
            </span>
          </li>
        ))}
      </ul>
      {findings.length > MOST && <p>{WORDS.more(findings.length - MOST)}</p>}
    </>
  );
}
