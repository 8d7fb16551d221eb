// A stand-in for Workers KV that fails as the test says, and counts accesses. Several gates can share one.

/** `reads` and `writes` are the accesses, `entries` the content: key → { value, metadata }. */
export class Store {
  entries = new Map();
  reads = [];
  writes = [];
  /** Replace these to make it fail: each may throw, delay or never return. */
  onRead = () => {};
  onWrite = () => {};

  /** Serves the requests of `with-store.js`. */
  handle = async (request) => {
    const { method, ...question } = await request.json();
    try {
      return Response.json(await this[method](question));
    } catch (error) {
      return new Response(error.message, { status: 500 });
    }
  };

  async get({ key, options }) {
    this.reads.push({ key, options });
    await this.onRead(key);
    return this.entries.get(key) ?? { value: null, metadata: null };
  }

  async put({ key, value, options }) {
    this.writes.push({ key, value, options });
    await this.onWrite(key, value);
    this.entries.set(key, { value, metadata: options?.metadata ?? null });
    return {};
  }

  async delete({ key }) {
    this.entries.delete(key);
    return {};
  }

  /** The parsed value of an issuer's entry, or null. */
  entry(issuer) {
    const text = this.entries.get(keyOf(issuer))?.value;
    return text === undefined ? null : JSON.parse(text);
  }

  /** Stores a text, or an entry's object, under the issuer's key. */
  write(issuer, value, metadata = null) {
    this.entries.set(keyOf(issuer), { value: typeof value === 'string' ? value : JSON.stringify(value), metadata });
  }

  readsOf(issuer) {
    return this.reads.filter(({ key }) => key === keyOf(issuer));
  }

  writesOf(issuer) {
    return this.writes.filter(({ key }) => key === keyOf(issuer));
  }
}

export function keyOf(issuer) {
  return `jwks:v1:${issuer}`;
}
