// What ends a program from outside, as an AbortSignal.

import { END_SIGNALS } from './process.mjs';

/**
 * Aborts at the first SIGINT, SIGTERM or SIGHUP; later ones do not interrupt the stopping.
 * So it does when npm, which started us, is gone: it cannot pass on a SIGKILL.
 */
export function endSignal() {
  const end = new AbortController();
  for (const name of END_SIGNALS) {
    process.on(name, () => end.abort(new Error(`stopped by ${name}`)));
  }
  const parent = process.ppid;
  const orphaned = () => process.ppid !== parent && end.abort(new Error('npm is gone'));
  if (process.env.npm_lifecycle_event) setInterval(orphaned, 500).unref();
  return end.signal;
}
