// The processes around the Workers: the servers, which live as long as the benchmark, and the load, one for each group.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

import { ROOT } from '../scripts/toolchain.mjs';
import { pinned } from './workerd.mjs';

/** Starts the servers. `url` by name; `publish` adds a document to the key server, `keep` an entry to KV. */
export async function startServers() {
  const child = start('servers.mjs');
  const { ports } = await child.next();
  const url = (name) => `http://127.0.0.1:${ports[name]}`;
  return {
    url,
    kvPort: ports.kv,
    publish: (path, value) => child.ask({ path, text: JSON.stringify(value) }),
    async keep(key, value) {
      const path = `${url('kv')}/${encodeURIComponent(key)}`;
      const response = await fetch(path, { method: 'PUT', body: JSON.stringify(value) });
      if (!response.ok) throw new Error('KV took no entry');
    },
    stop: child.stop,
  };
}

/** A load for the Workers of a group; see load.mjs for the options and the results. */
export async function startLoad() {
  const child = start('load.mjs');
  const ask = (phase) => (options) => child.ask({ phase, ...options });
  return { open: ask('open'), run: ask('run'), stop: child.stop };
}

/** A process that answers each message with one, one at a time. */
function start(script) {
  const [command, args] = pinned(1, process.execPath, [join(ROOT, 'bench', script)]);
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  const exited = once(child, 'exit');
  const ended = exited.then(() => Promise.reject(new Error(`${script} exited unexpectedly`)));
  ended.catch(() => {}); // at the end it is stopped
  const next = async () => {
    const [message] = await Promise.race([once(child, 'message'), ended]);
    if (message.error) throw new Error(message.error);
    return message;
  };
  let last = Promise.resolve();
  const ask = (message) => {
    const answer = last.then(() => {
      child.send(message);
      return next();
    });
    last = answer.catch(() => {});
    return answer;
  };
  const stop = async () => {
    end();
    await exited;
    process.off('exit', end);
  };
  return { next, ask, stop };
}
