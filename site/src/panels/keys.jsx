// The keys that the token is verified with: fetched if the reader asks for it, or pasted.

import { WORDS } from '../words.js';

/** `wanted` are the documents that the tool lacks, `documents` those that were asked for; `fetch` gets what is wanted. */
export function Keys({ wanted, documents, isFetching, fetch, pasted, onPaste }) {
  return (
    <section>
      <h3>{WORDS.keys}</h3>
      <p class="faint">{WORDS.keysHint}</p>
      {wanted.length > 0 && (
        <p>
          <button type="button" disabled={isFetching} onClick={fetch}>
            {isFetching ? WORDS.fetching : WORDS.fetchKeys(new URL(wanted[0].url).host)}
          </button>
        </p>
      )}
      <div role="status">
        {Object.entries(documents).map(([url, { problem }]) => (
          <p key={url} class={problem === undefined ? 'good' : 'bad'}>{problem === undefined ? WORDS.fetched(url) : WORDS.notFetched(url, problem)}</p>
        ))}
      </div>
      <label>
        {WORDS.pasteKeys}
        <textarea rows={4} value={pasted} spellcheck={false} onInput={({ target }) => onPaste(target.value)} />
      </label>
    </section>
  );
}
