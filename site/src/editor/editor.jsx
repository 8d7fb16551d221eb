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
 * `findings` are the tool's, about `value`. `schema` is a JSON Schema to complete from. `handle` gets `{ show(finding), apply(finding) }`.
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
  useEffect(() => editor.current.underline(value, findings ?? []), [value, findings]);
  if (handle) handle.current = editor.current;
  return <div ref={place} class={`editor ${className ?? ''}`} />;
}

class Text {
  #language = new Compartment();

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

  /** Underlines what the tool found, unless the text has changed since. */
  underline(value, findings) {
    const { state } = this.view;
    if (state.doc.toString() !== value) return;
    this.view.dispatch(setDiagnostics(state, diagnostics(state.doc, findings, (finding) => this.apply(finding))));
  }

  /** Goes to a finding. */
  show(finding) {
    const [{ from, to }] = diagnostics(this.view.state.doc, [finding]);
    this.view.dispatch({ selection: { anchor: from, head: to }, effects: EditorView.scrollIntoView(from, { y: 'center' }) });
    this.view.focus();
  }

  /** Writes what was meant. */
  apply(finding) {
    const [{ from, to }] = diagnostics(this.view.state.doc, [finding]);
    this.view.dispatch({ changes: { from, to, insert: finding.fix }, selection: { anchor: from + finding.fix.length } });
    this.view.focus();
  }
}
