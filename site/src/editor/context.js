// Where in a policy the cursor is. The text is being written, so it need not be valid: what is before the cursor is scanned, and
// nothing is parsed.
//
// A context is `{ path, isKey, seen, word }`: the names and indices that lead to the cursor's place, whether a key is written
// there, the keys that are in the table already, and what of the word is there, with its quote if it has one.

import { syntaxOf } from './language.js';

/** Where nothing is completed, as in a comment. */
const NOWHERE = { path: [], isKey: false, seen: new Set(), word: null };

/** The context at the end of `before`. */
export function contextOf(before, file) {
  const syntax = syntaxOf(file);
  if (syntax === 'yaml') return ofYaml(before);
  if (syntax === 'toml') return ofToml(before);
  return new Scan([], { isRoot: true }).read(before);
}

const HEADER = /^[ \t]*\[{1,2}([^[\]#]*)\]{1,2}[ \t]*(#.*)?$/gm;

function ofToml(before) {
  const line = before.slice(before.lastIndexOf('\n') + 1);
  const open = /^[ \t]*\[{1,2}([^[\]#]*)$/.exec(line);
  if (open !== null) {
    const names = namesOf(open[1]);
    return { path: names.slice(0, -1), isKey: true, seen: new Set(), word: names.at(-1), isHeader: true };
  }
  let path = [];
  let end = 0;
  for (const header of before.matchAll(HEADER)) {
    const names = namesOf(header[1]);
    // Tables of a table that is a list are in its last element.
    path = header[0].trimStart().startsWith('[[') ? [...names, 0] : names;
    end = header.index + header[0].length;
  }
  return new Scan(path, { endsLines: true }).read(before.slice(end));
}

/** The names of a dotted key. */
function namesOf(dotted) {
  const names = (dotted.match(/("[^"]*"|'[^']*'|[^.])+/g) ?? ['']).map(unquoted);
  return /\.\s*$/.test(dotted) ? [...names, ''] : names;
}

function unquoted(name) {
  return name.trim().replace(/^(["'])(.*)\1$/, '$2');
}

/** Longer lines hold no key that anybody writes. */
const MOST_COLUMNS = 1000;
const YAML_KEY = /^("[^"]*"|'[^']*'|[^\s#:][^:#]*?)\s*:(\s+|$)/;

function ofYaml(before) {
  const lines = before.split('\n');
  const line = lines.pop();
  const { indent, items, rest } = yamlLine(line);
  if (/^[\s-]*#/.test(line)) return NOWHERE;
  let limit = indent;
  let path = items.map(() => 0);
  if (items.length > 0) limit = items[0];
  const seen = new Set();
  let isInItem = items.length > 0;
  for (const other of lines.toReversed()) {
    const above = yamlLine(other);
    const key = YAML_KEY.exec(above.rest);
    if (above.rest === '' && above.items.length === 0) continue;
    if (key !== null && above.indent === indent && limit === indent && items.length === 0) seen.add(unquoted(key[1]));
    // A list may be at the indentation of its key.
    if (key !== null && (above.indent < limit || (isInItem && above.indent === limit))) {
      path = [unquoted(key[1]), ...path];
      [limit, isInItem] = [above.indent, false];
    }
    for (const item of above.items.toReversed()) {
      if (item >= limit) continue;
      path = [0, ...path];
      [limit, isInItem] = [item, true];
    }
  }
  const key = YAML_KEY.exec(rest);
  if (key === null && !/^[[{]/.test(rest)) return { path, isKey: items.length === 0 || !/^["']/.test(rest), seen, word: rest, isItem: items.length > 0 };
  const within = key === null ? path : [...path, unquoted(key[1])];
  return new Scan(within, { isRoot: true }).read(key === null ? rest : rest.slice(key[0].length));
}

/** The indentation of what is on a line, the places of its dashes, and the rest. */
function yamlLine(line) {
  const items = [];
  let at = line.search(/\S|$/);
  while (/^-(\s|$)/.test(line.slice(at))) {
    items.push(at);
    at += 1 + line.slice(at + 1).search(/\S|$/);
  }
  const rest = line.length > MOST_COLUMNS ? '' : line.slice(at);
  return { indent: at, items, rest: rest.startsWith('#') ? '' : rest };
}

/** A scan of JSON, of TOML within a table, or of YAML in its flow style. */
class Scan {
  #frames;
  #endsLines;
  #word = '';

  constructor(path, { isRoot = false, endsLines = false }) {
    this.#frames = [isRoot ? { path } : { path, key: null, seen: new Set() }];
    this.#endsLines = endsLines;
  }

  get #top() {
    return this.#frames.at(-1);
  }

  /** Where a value at the cursor would be. */
  get #here() {
    const { path, key, index } = this.#top;
    if (index !== undefined) return [...path, index];
    return key ? [...path, ...key] : path;
  }

  read(text) {
    for (let at = 0; at < text.length; at += 1) {
      const character = text[at];
      if (character === '"' || character === "'") {
        const end = closing(text, at);
        this.#word = text.slice(at, end);
        at = end - 1;
      } else if (character === '#' || text.startsWith('//', at)) {
        at = (text.indexOf('\n', at) + 1 || text.length + 1) - 2;
        if (at >= text.length - 1) return NOWHERE;
      } else {
        this.#take(character);
      }
    }
    const { key, index, seen } = this.#top;
    const isKey = index === undefined && seen !== undefined && key === null;
    return { path: isKey ? this.#top.path : this.#here, isKey, seen: seen ?? new Set(), word: this.#word.trimStart() };
  }

  #take(character) {
    const top = this.#top;
    if (character === '{') this.#frames.push({ path: this.#here, key: null, seen: new Set() });
    else if (character === '[') this.#frames.push({ path: this.#here, index: 0 });
    else if (character === '}' || character === ']') {
      if (this.#frames.length > 1) this.#frames.pop();
    } else if (character === ',') {
      if (top.index !== undefined) top.index += 1;
      else if (top.seen !== undefined) top.key = null;
    } else if ((character === '=' || character === ':') && top.seen !== undefined && top.key === null) {
      top.key = namesOf(this.#word);
      top.seen.add(top.key[0]);
    } else if (character === '\n' && this.#endsLines && this.#frames.length === 1) {
      top.key = null;
    } else if (/\s/.test(character)) {
      if (this.#word !== '') this.#word += character;
      return;
    } else {
      this.#word += character;
      return;
    }
    this.#word = '';
  }
}

/** The end of the string that begins here; that of the text if it has none. */
function closing(text, start) {
  const quote = text[start];
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\' && quote === '"') at += 1;
    else if (text[at] === quote) return at + 1;
    else if (text[at] === '\n') return at;
  }
  return text.length;
}
