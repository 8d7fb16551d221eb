// A text with highlighting, completion and findings (CodeMirror 6).

import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching, indentOnInput } from '@codemirror/language';
import { lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint';
import { Compartment, EditorState } from '@codemirror/state';
import { EditorView, drawSelection, keymap, lineNumbers } from '@codemirror/view';
import { useEffect, useRef } from 'preact/hooks';

import { completions } from './completion.js';
import { diagnostics } from './findings.js';
import { languageOf, look } from './language.js';

/**
 * The text is the editor's own: it begins with `value` and is told to `onChange`; another text needs another editor (`key`).
 * `findings` are the tool's, `{ text, list }`: what it found in which text. `schema` is a JSON Schema to complete from. `handle` gets `{ show(finding), apply(finding) }`.
 */
export function Editor({ file, value, onChange, label, className, findings, schema, handle }) {
  const place = useRef();
  const editor = useRef();
  const latest = useRef({});
  latest.current = { onChange, schema, file };

  useEffect(() => {
    editor.current = new Text(place.current, { value, label, latest });
    return () => editor.current.view.destroy();
  }, []);
  useEffect(() => editor.current.speak(file), [file]);
  useEffect(() => editor.current.underline(findings), [findings?.text, findings?.list]);
  if (handle) handle.current = editor.current;
  return <div ref={place} class={`editor ${className ?? ''}`} />;
}

class Text {
  #language = new Compartment();
  /** The text that the findings are about. */
  #found;

  constructor(place, { value, label, latest }) {
    // In a shadow tree the style sheets are adopted, so the page's policy needs no inline styles.
    const root = place.shadowRoot ?? place.attachShadow({ mode: 'open', delegatesFocus: true });
    const update = EditorView.updateListener.of(({ docChanged, state }) => {
      if (docChanged) latest.current.onChange(state.doc.toString());
    });
    const complete = (context) => latest.current.schema && completions(context, latest.current.schema, latest.current.file);
    const state = EditorState.create({
      doc: value,
      extensions: [
        lineNumbers(), lintGutter(), history(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(),
        autocompletion({ override: [complete], icons: false }),
        // Tab leaves the editor, as it leaves any field; it accepts a completion where one is offered.
        keymap.of([
          { key: 'Tab', run: acceptCompletion }, ...closeBracketsKeymap, ...completionKeymap, ...lintKeymap, ...historyKeymap, ...defaultKeymap,
        ]),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false', tabindex: '0' }),
        this.#language.of([]), look, update,
      ],
    });
    this.view = new EditorView({ state, root, parent: root });
  }

  speak(file) {
    this.view.dispatch({ effects: this.#language.reconfigure(languageOf(file)) });
  }

  /** Underlines what the tool found, unless the text has changed since: then the next findings are on their way. */
  underline({ text, list = [] } = {}) {
    this.#found = text;
    if (!this.#isCurrent()) return;
    const { state } = this.view;
    this.view.dispatch(setDiagnostics(state, diagnostics(state.doc, list, (finding) => this.apply(finding))));
  }

  /** Whether the findings are about the text as it is: their places are no others' places. */
  #isCurrent() {
    return this.view.state.doc.toString() === this.#found;
  }

  /** Goes to a finding. */
  show(finding) {
    if (!this.#isCurrent()) return;
    const [{ from, to }] = diagnostics(this.view.state.doc, [finding]);
    this.view.dispatch({ selection: { anchor: from, head: to }, effects: EditorView.scrollIntoView(from, { y: 'center' }) });
    this.view.focus();
  }

  /** Writes what was meant. */
  apply(finding) {
    if (!this.#isCurrent()) return;
    const [{ from, to }] = diagnostics(this.view.state.doc, [finding]);
    this.view.dispatch({ changes: { from, to, insert: finding.fix }, selection: { anchor: from + finding.fix.length } });
    this.view.focus();
  }
}
