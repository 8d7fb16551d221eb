// The tool's findings as CodeMirror's diagnostics.

import { WORDS } from '../words.js';

const SEVERITIES = { error: 'error', warning: 'warning', note: 'info' };
/** More would slow the editor down; the list beside it has all. */
const MOST = 500;

/** Diagnostics in a document. `apply` writes the fix of a finding. */
export function diagnostics(doc, findings, apply) {
  return findings.slice(0, MOST).map((finding) => {
    const { severity, start, end, fix } = finding;
    const from = offset(doc, start);
    const to = Math.max(from, offset(doc, end));
    const actions = fix === undefined ? [] : [{ name: WORDS.fix(fix), apply: () => apply(finding) }];
    return { from, to, severity: SEVERITIES[severity], message: sentence(finding), actions };
  });
}

/** A finding in words: what is wrong, and what to do about it. */
export function sentence({ place, message, help, rule }) {
  const kind = rule === 'policy' || rule === 'syntax' ? '' : ` [${rule}]`;
  return `${place ? `${place}: ` : ''}${message}${help ? `; ${help}` : ''}${kind}`;
}

/** The tool counts characters; JavaScript counts a character beyond the BMP as two. */
function offset(doc, { line, column }) {
  if (line > doc.lines) return doc.length;
  const { from, text } = doc.line(line);
  let units = 0;
  let characters = 1;
  for (const character of text) {
    if (characters >= column) break;
    units += character.length;
    characters += 1;
  }
  return from + units;
}
