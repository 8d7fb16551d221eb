// The table of routes.

import { useState } from 'preact/hooks';

import { requirements } from './requirements.js';
import { Table } from '../table.jsx';
import { WORDS } from '../words.js';

const MOST = 200;

/** `chosen` is the index of the route that the request has. */
export function Routes({ answer, chosen }) {
  const [filter, setFilter] = useState('');
  if (answer === undefined) return <p class="faint">{WORDS.loading}</p>;
  if (answer.is === undefined) return <p class="bad">{answer.problem ?? WORDS.invalidPolicy}</p>;
  const rows = answer.is.filter((row) => text(row).includes(filter));
  return (
    <>
      <p class="faint">{WORDS.routesHint}</p>
      <label class="filter">
        {WORDS.routesFilter} <input type="search" value={filter} onInput={({ target }) => setFilter(target.value)} />
      </label>
      <Table columns={WORDS.routeColumns}>
        {rows.slice(0, MOST).map((row, index) => (
          <tr key={index} class={row.route === chosen ? 'chosen' : ''} aria-current={row.route === chosen ? 'true' : undefined}>
            <td>{row.methods?.join(' ') ?? WORDS.allMethods}</td>
            <th scope="row"><code>{row.host ?? ''}{row.path}</code></th>
            <td>{WORDS.access[row.access]}{row.enforce === false && `, ${WORDS.tried}`}</td>
            <td>{requirements(row).map(({ words }) => <div key={words}>{words}</div>)}</td>
          </tr>
        ))}
      </Table>
      {rows.length > MOST && <p>{WORDS.moreRoutes(MOST, rows.length)}</p>}
    </>
  );
}

function text({ host = '', path, methods = [], name, access, ...others }) {
  return [host + path, methods.join(' '), name, access, ...requirements(others).map(({ words }) => words)].join(' ');
}
