// What came of the requests: answers by kind, and what was wrong. Nothing here grows with the run.

/** Wrong answers that are kept in full; the others are only counted. */
const KEPT = 20;

export class Tally {
  /** Kind → status → how often. */
  kinds = new Map();
  wrong = 0;
  /** The first of them, in words. */
  wrongs = [];
  answers = 0;

  /** `status`: of the answer, or a word where there is none to wait for. */
  count(kind, status) {
    const statuses = this.kinds.get(kind) ?? new Map();
    this.kinds.set(kind, statuses.set(status, (statuses.get(status) ?? 0) + 1));
    this.answers += 1;
  }

  /** Notes a wrong answer. What is said of the request holds no whole token. */
  blame(kind, error, request) {
    this.wrong += 1;
    if (this.wrongs.length >= KEPT) return;
    const said = request ? `\n  ${JSON.stringify(withoutBody(request))}` : '';
    this.wrongs.push(`${kind}: ${withoutTokens(`${error.message}${said}`).slice(0, 2000)}`);
  }
}

function withoutBody({ method = 'GET', path, host, headers = [], raw }) {
  if (raw) return { raw: raw.slice(0, 1000) };
  return { method, path, host, headers: headers.slice(0, 10).map(([name, value]) => [name, value.slice(0, 1000)]) };
}

/** A token's header and claims say what it was; without its signature it opens nothing. */
function withoutTokens(text) {
  return text.replace(/([\w-]{8,}\.[\w-]{8,})\.[\w-]+/g, '$1.…');
}
