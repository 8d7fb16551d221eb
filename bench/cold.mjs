// Cold start: from the call that starts workerd to the first response of the Worker in it.

import net from 'node:net';

import { entries, knownSet } from './sets.mjs';
import { shuffled } from './shuffle.mjs';
import { cpuOf, startWorkerd } from './workerd.mjs';

/**
 * For each Worker by name and each round: the milliseconds to the first response (`ms`), of those the ones since it listens
 * (`answer`), and the microseconds of CPU, which do not depend on other load of the machine.
 */
export async function coldStarts(workers, { starts: rounds, random }) {
  const [{ path, token, told }] = entries(knownSet('ES256'));
  const starts = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, worker] of shuffled(Object.entries(workers), random)) {
      await worker.ready();
      const workerd = await startWorkerd(worker);
      const listening = performance.now();
      const answer = await first(workerd.port, path, token);
      const now = performance.now();
      const { cpu } = cpuOf(workerd.pid);
      await workerd.stop();
      if (!answer.startsWith('HTTP/1.1 200 ')) throw new Error(`${name}, cold: ${answer}\n${workerd.log()}`);
      if (worker.tells && !answer.includes(told)) throw new Error(`${name}, cold: the origin was not told who calls`);
      starts.push({ round, worker: name, ms: now - workerd.since, answer: now - listening, cpu });
    }
  }
  return starts;
}

function first(port, path, token) {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', reject);
    socket.on('data', (chunk) => (text += chunk.latin1Slice()));
    socket.on('close', () => resolve(text));
    const head = [`GET ${path} HTTP/1.1`, 'Host: api.yourapp.com', `Authorization: Bearer ${token}`, 'Connection: close'];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
  });
}
