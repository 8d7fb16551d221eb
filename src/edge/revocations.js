// The list of revocations that all isolates share: a Durable Object on its SQLite storage. What an entry is and what is asked
// for, Rust says (src/revocation/store.rs); here entries are kept, under their keys, and numbered by when they changed.
//
// The object may run in the isolate of a Worker that asks it, so nothing of it is outside of the class.

const PAGE_OF_CHANGES = 20_000;
const PAGE_OF_LIST = 1000;
const PRUNE_SECONDS = 60;

export class Revocations {
  constructor(state) {
    this.storage = state.storage;
    this.sql = state.storage.sql;
    this.prunedAt = 0;
    this.sql.exec(`
      CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, before INTEGER NOT NULL, named TEXT NOT NULL, change INTEGER NOT NULL) WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS changes ON entries (change);
      CREATE INDEX IF NOT EXISTS ages ON entries (before);
      CREATE TABLE IF NOT EXISTS list (id TEXT NOT NULL, change INTEGER NOT NULL, count INTEGER NOT NULL);
    `);
    if (this.first('SELECT id FROM list') === undefined) {
      this.sql.exec('INSERT INTO list VALUES (?, 0, 0)', crypto.randomUUID());
    }
    // `change` is the number of the last change, `count` that of the entries; `id` tells the list from one that was lost.
    Object.assign(this, this.first('SELECT id, change, count FROM list'));
  }

  async fetch(request) {
    const [question, ...lines] = (await request.text()).split('\n');
    const [word, ...words] = question.split(' ');
    if (word === 'changes') return new Response(this.changes(words[0]));
    if (word === 'add') return new Response(this.add(lines, ...words.map(Number)));
    if (word === 'list') return new Response(this.list(Number(words[0]), words[1]));
    return new Response(undefined, { status: 400 });
  }

  /** What was added since the mark; the list from its beginning if the mark is not one of this list. */
  changes(mark) {
    const [id, number] = mark.split(':');
    const isKnown = id === this.id && Number(number) <= this.change;
    const since = isKnown ? Number(number) : 0;
    const rows = since === this.change ? [] : this.sql.exec(
      'SELECT key, before, change FROM entries WHERE change > ? ORDER BY change LIMIT ?', since, PAGE_OF_CHANGES,
    ).toArray();
    const hasMore = rows.length === PAGE_OF_CHANGES;
    const last = hasMore ? rows.at(-1).change : this.change;
    const head = `${isKnown ? 'since' : 'whole'} ${this.id}:${last} ${hasMore ? 'more' : 'end'}`;
    return [head, ...rows.map(({ key, before }) => `${key} ${before}`)].join('\n');
  }

  /** Adds all entries, or none. An entry moves the time of one with its key: later, never back. */
  add(lines, keep, limit) {
    const entries = lines.map((line) => {
      const [key, before] = line.split(' ', 2);
      return { key, before: Number(before), named: line.slice(key.length + before.length + 2) };
    });
    const { change, count, prunedAt } = this;
    try {
      this.storage.transactionSync(() => {
        this.prune(keep);
        const kept = this.count;
        for (const entry of entries) this.put(entry);
        if (this.count > limit && this.count > kept) throw FULL;
        this.sql.exec('UPDATE list SET change = ?, count = ?', this.change, this.count);
      });
    } catch (error) {
      Object.assign(this, { change, count, prunedAt });
      if (error === FULL) return 'full';
      throw error;
    }
    return 'added';
  }

  put({ key, before, named }) {
    const known = this.first('SELECT before FROM entries WHERE key = ?', key);
    if (known !== undefined && known.before >= before) return;
    this.change += 1;
    if (known === undefined) this.count += 1;
    this.sql.exec('INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)', key, before, named, this.change);
  }

  /** Entries behind a key, in the order of keys. */
  list(keep, behind = '') {
    const rows = this.sql.exec(
      'SELECT key, before, named FROM entries WHERE key > ? AND before >= ? ORDER BY key LIMIT ?',
      behind, oldest(keep), PAGE_OF_LIST + 1,
    ).toArray();
    const head = `since listed ${rows.length > PAGE_OF_LIST ? 'more' : 'end'}`;
    return [head, ...rows.slice(0, PAGE_OF_LIST).map(({ key, before, named }) => `${key} ${before} ${named}`)].join('\n');
  }

  /** Removes entries that no token can fall under any more. */
  prune(keep) {
    const now = Date.now() / 1000;
    if (now >= this.prunedAt && now < this.prunedAt + PRUNE_SECONDS) return;
    this.prunedAt = now;
    const { rowsWritten } = this.sql.exec('DELETE FROM entries WHERE before < ?', oldest(keep));
    if (rowsWritten > 0) this.count = this.first('SELECT COUNT(*) AS count FROM entries').count;
  }

  first(query, ...values) {
    return this.sql.exec(query, ...values).toArray()[0];
  }
}

const FULL = Symbol('full');

/** The earliest time of entries that are kept. */
function oldest(keep) {
  return Math.floor(Date.now() / 1000) - keep;
}
