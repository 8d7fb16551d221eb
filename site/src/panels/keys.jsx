// The keys that the token is verified with: fetched if the reader asks for it, or pasted.

import { useRef } from 'preact/hooks';

import { WORDS } from '../words.js';

/**
 * `wanted` are the documents that the tool lacks, `documents` those that were asked for; `fetch` gets what is wanted, `forget`
 * forgets what was fetched.
 */
export function Keys({ wanted, documents, isFetching, fetch, forget, pasted, onPaste }) {
  const title = useRef();
  // The button goes, and the focus with it.
  const then = (work) => async () => {
    if (isFetching) return;
    await work();
    title.current?.focus();
  };
  return (
    <section>
      <h3 ref={title} tabIndex={-1}>{WORDS.keys}</h3>
      <p class="faint">{WORDS.keysHint}</p>
      {wanted.length > 0 && (
        <p>
          <button type="button" aria-disabled={isFetching} onClick={then(fetch)}>
            {isFetching ? WORDS.fetching : WORDS.fetchKeys(new URL(wanted[0].url).host)}
          </button>
        </p>
      )}
      <div role="status">
        {Object.entries(documents).map(([url, { problem }]) => (
          <p key={url} class={problem === undefined ? 'good' : 'bad'}>{problem === undefined ? WORDS.fetched(url) : WORDS.notFetched(url, problem)}</p>
        ))}
      </div>
      {Object.keys(documents).length > 0 && <p><button type="button" onClick={then(forget)}>{WORDS.forgetKeys}</button></p>}
      <label>
        {WORDS.pasteKeys}
        <textarea rows={4} value={pasted} spellcheck={false} autocomplete="off" onInput={({ target }) => onPaste(target.value)} />
      </label>
    </section>
  );
}
