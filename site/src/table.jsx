// A table that scrolls within itself where the window is narrow.

export function Table({ columns, children }) {
  return (
    <div class="wide">
      <table>
        <thead>
          <tr>{columns.map((column) => <th key={column} scope="col">{column}</th>)}</tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
