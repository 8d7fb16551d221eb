// Large uploads and downloads: whether they arrive complete, what they cost, and how much memory workerd needs.

import http from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { entries, knownSet } from './sets.mjs';
import { shuffled } from './shuffle.mjs';
import { mebibytes } from './statistics.mjs';
import { cpuOf, memoryOf, startWorkerd } from './workerd.mjs';

const MEGABYTE = 1_000_000;
const SIZES = [0, 1, 10, 100];
const CHUNK = Buffer.alloc(64 * 1024, 'x');

/** One body per process, for the Workers of a roster whose origin is the server for bodies. */
export async function bodyRuns(workers, { rounds, random }) {
  const [request] = entries(knownSet('ES256'));
  const runs = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const mode of ['upload', 'download']) {
      for (const size of SIZES) {
        for (const [name, worker] of shuffled(Object.entries(workers), random)) {
          const { cpu, peak } = await bodyRun(worker, request, mode, size * MEGABYTE);
          runs.push({ round, kind: 'body', mode, size, worker: name, cpu, peak });
          const cost = `${(cpu / 1000).toFixed(0)} ms CPU  ${mebibytes(peak)} MiB`;
          console.log(`round ${round + 1}  ${`${size} MB ${mode}`.padEnd(20)}  ${name.padEnd(12)}  ${cost}`);
        }
      }
    }
  }
  return runs;
}

async function bodyRun(worker, request, mode, bytes) {
  await worker.ready();
  const workerd = await startWorkerd(worker);
  try {
    const { cpu: before } = cpuOf(workerd.pid);
    const [sent, asked] = mode === 'upload' ? [bytes, 0] : [0, bytes];
    const { status, received, told, length } = await exchange(workerd.port, request.token, sent, asked);
    const due = worker.tells ? request.told.split('|')[0] : '-';
    if (status !== 200 || received !== sent || length !== asked || told !== due) {
      const got = JSON.stringify({ status, received, length, told });
      throw new Error(`${mode} of ${bytes} bytes: ${got}\n${workerd.log()}`);
    }
    return { cpu: cpuOf(workerd.pid).cpu - before, peak: memoryOf(workerd.pid).peak };
  } finally {
    await workerd.stop();
  }
}

/** Uploads and requests the given numbers of bytes. Returns what came back, and what the origin reports to have received. */
async function exchange(port, token, bytes, asked) {
  const method = asked ? 'GET' : 'PUT';
  const headers = { authorization: `Bearer ${token}`, ...(asked ? {} : { 'content-length': bytes }) };
  const to = { port, host: '127.0.0.1', path: `/files/1?bytes=${asked}`, method, headers, agent: false };
  const request = http.request(to);
  const answered = new Promise((resolve, reject) => request.once('response', resolve).once('error', reject));
  await pipeline(Readable.from(chunks(bytes)), request);
  const response = await answered;
  let length = 0;
  for await (const chunk of response) length += chunk.length;
  const { 'x-received': received, 'x-told': told } = response.headers;
  return { status: response.statusCode, received: Number(received), told, length };
}

function* chunks(bytes) {
  for (let sent = 0; sent < bytes; sent += CHUNK.length) yield CHUNK.subarray(0, Math.min(CHUNK.length, bytes - sent));
}
