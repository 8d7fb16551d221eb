// The request, and who sends it.

import { useId } from 'preact/hooks';

import { Editor } from '../editor/editor.jsx';
import { WORDS } from '../words.js';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** `state` has the fields; `set` changes some of them. */
export function Request({ state, set, requests, onExample }) {
  const methods = useId();
  const field = (name) => ({ value: state[name], onInput: ({ target }) => set({ [name]: target.value, example: '' }) });
  return (
    <form class="request" autocomplete="off" onSubmit={(event) => event.preventDefault()}>
      <label class="whole">
        {WORDS.example}
        <select value={state.example} onChange={({ target }) => onExample(target.value)}>
          <option value="">{WORDS.ownRequest}</option>
          {requests.map(({ title }, index) => <option key={title} value={String(index)}>{title}</option>)}
        </select>
      </label>
      <label class="method">
        {WORDS.method}
        <input {...field('method')} list={methods} autocapitalize="characters" spellcheck={false} />
      </label>
      <datalist id={methods}>{METHODS.map((method) => <option key={method} value={method} />)}</datalist>
      <label class="url">
        {WORDS.url}
        <input {...field('url')} inputMode="url" spellcheck={false} />
      </label>
      <label class="headers">
        {WORDS.headers}
        <textarea {...field('headers')} rows={2} spellcheck={false} />
      </label>
      <label class="now">
        {WORDS.now}
        <input {...field('now')} placeholder="2027-01-15T08:00:00Z" spellcheck={false} />
      </label>
      <Caller state={state} set={set} field={field} />
    </form>
  );
}

function Caller({ state, set, field }) {
  const name = useId();
  return (
    <fieldset class="whole caller">
      <legend>{WORDS.caller}</legend>
      <div class="choices">
        {Object.entries(WORDS.callers).map(([value, words]) => (
          <label key={value}>
            <input type="radio" name={name} value={value} checked={state.caller === value} onChange={() => set({ caller: value, example: '' })} />
            {words}
          </label>
        ))}
      </div>
      <div class="credentials">
        {state.caller === 'token' && (
          <label>
            {WORDS.token} <span class="faint">{WORDS.tokenHint}</span>
            <textarea {...field('token')} rows={5} spellcheck={false} autocomplete="off" />
          </label>
        )}
        {state.caller === 'claims' && (
          <Editor key={state.texts} file="claims.json" className="claims" value={state.claims} label={WORDS.claims} onChange={(claims) => set({ claims, example: '' })} />
        )}
      </div>
    </fieldset>
  );
}
