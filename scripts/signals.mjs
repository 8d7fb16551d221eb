// An AbortSignal for requests to stop the program.

import { END_SIGNALS } from './process.mjs';

/**
 * Aborts at the first SIGINT, SIGTERM or SIGHUP; later ones do not interrupt the shutdown.
 * Also aborts when npm, our parent process, is gone: it cannot pass on a SIGKILL.
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
