// The guides' check in a Python process of its own: requests in, statuses out.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { environment } from '../../../examples/python.mjs';

/** Starts it for `services` (name → what reference.py's Service takes). */
export async function startReference(services) {
  const script = fileURLToPath(new URL('reference.py', import.meta.url));
  // Any environment with PyJWT will do.
  const child = spawn(await environment('flask'), [script], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, no_proxy: '*' } });
  child.stdin.write(`${JSON.stringify(services)}\n`);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    /** The status of each request, in order. */
    async statuses(requests) {
      child.stdin.write(requests.map((request) => `${JSON.stringify(request)}\n`).join(''));
      const statuses = [];
      for (const _ of requests) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`the reference ended after ${statuses.length} of ${requests.length} requests`);
        statuses.push(Number(value));
      }
      return statuses;
    },
    async close() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}
