// Completion from the JSON Schema of a policy.

import { contextOf } from './context.js';
import { syntaxOf } from './language.js';

/** A source of completions (CodeMirror's autocomplete). */
export function completions({ state, pos, explicit }, schema, file) {
  const context = contextOf(state.doc.sliceString(0, pos), file);
  if (context.word === null || (context.word === '' && !explicit)) return null;
  const nodes = context.path.reduce((nodes, name) => nodes.flatMap((node) => inner(node, name, schema)), expanded(schema, schema));
  const quote = /^["']/.exec(context.word)?.[0] ?? '';
  const write = context.isKey ? keyWriter(context, quote, file) : valueWriter(quote, file);
  const options = context.isKey ? keys(nodes, context.seen, schema) : values(nodes);
  const typed = context.word.slice(quote.length).toLowerCase();
  const fitting = options.filter(({ name }) => String(name).toLowerCase().includes(typed));
  if (fitting.length === 0) return null;
  // What is behind the cursor of the same word is written anew, too.
  const behind = state.doc.sliceString(pos, state.doc.lineAt(pos).to);
  return {
    from: pos - context.word.length + quote.length,
    to: pos + (quote ? /^[\w.:/-]*(?=["'])|^[\w.-]*/ : /^[\w-]*/).exec(behind)[0].length,
    // By what is before the cursor: CodeMirror would take the whole word.
    filter: false,
    options: fitting.map(({ name, ...option }) => ({ label: String(name), ...option, apply: write(name) })),
  };
}

function keys(nodes, seen, schema) {
  const found = new Map();
  for (const node of nodes) {
    for (const [name, property] of Object.entries(node.properties ?? {})) {
      if (seen.has(name) || found.has(name)) continue;
      const detail = node.required?.includes(name) ? 'required' : typeOf(expanded(property, schema));
      found.set(name, { name, type: 'property', detail, info: property.description, boost: detail === 'required' ? 1 : 0 });
    }
  }
  return [...found.values()].sort((one, other) => other.boost - one.boost);
}

function values(nodes) {
  const found = new Map();
  for (const node of nodes) {
    const listed = node.enum ?? ('const' in node ? [node.const] : node.type === 'boolean' ? [true, false] : []);
    for (const name of listed) found.set(name, { name, type: 'constant', info: node.enum ? undefined : node.description });
  }
  return [...found.values()];
}

function typeOf(nodes) {
  return [...new Set(nodes.map(({ type }) => type).filter((type) => typeof type === 'string'))].join(' or ');
}

/** The schemas that a schema consists of. */
function expanded(node, schema) {
  if (typeof node !== 'object' || node === null) return [];
  const { $ref, allOf = [], anyOf = [], oneOf = [] } = node;
  const referred = $ref === undefined ? [] : expanded(schema.definitions[$ref.split('/').at(-1)], schema);
  return [node, ...referred, ...[...allOf, ...anyOf, ...oneOf].flatMap((part) => expanded(part, schema))];
}

function inner(node, name, schema) {
  if (typeof name === 'number') return expanded(node.items, schema);
  return expanded(node.properties?.[name] ?? node.additionalProperties, schema);
}

/** How a key is written: with what follows it, unless the line has that. */
function keyWriter({ isHeader, word }, quote, file) {
  const [open, close] = quote ? ['', quote] : syntaxOf(file).startsWith('json') ? ['"', '"'] : ['', ''];
  const follows = isHeader ? '' : { toml: ' = ', yaml: ': ' }[syntaxOf(file)] ?? ': ';
  return (name) => (view, _completion, from, to) => {
    const end = behindQuote(view, to, quote);
    const behind = view.state.sliceDoc(end, view.state.doc.lineAt(end).to);
    put(view, open + name + close + (/^\s*[=:]/.test(behind) ? '' : follows), from, end);
  };
}

function valueWriter(quote, file) {
  return (name) => (view, _completion, from, to) => {
    const mark = typeof name === 'string' && !quote && syntaxOf(file) !== 'yaml' ? '"' : '';
    put(view, `${mark}${name}${mark || quote}`, from, behindQuote(view, to, quote));
  };
}

/** The place behind the quote that closes the word, if it is closed. */
function behindQuote(view, to, quote) {
  return quote && view.state.sliceDoc(to, to + 1) === quote ? to + 1 : to;
}

function put(view, insert, from, to) {
  view.dispatch({ changes: { from, to, insert }, selection: { anchor: from + insert.length }, userEvent: 'input.complete' });
}
