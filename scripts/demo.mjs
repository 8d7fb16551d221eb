// `npm run demo`: sends the requests that `npm start` prints and checks the responses.

import { join } from 'node:path';

import { REQUESTS, perform } from '../demo/requests.mjs';
import { startStack } from '../demo/stack.mjs';
import { fetchTokens } from '../demo/tokens.mjs';
import { must } from './process.mjs';
import { endSignal } from './signals.mjs';
import { ROOT } from './toolchain.mjs';

const signal = endSignal();
try {
  if (!process.argv.includes('--built')) await must('the build', process.execPath, [join(ROOT, 'scripts/build.mjs')]);
  process.exitCode = (await demonstrate()) ? 0 : 1;
} catch (error) {
  console.error(`demo: ${error.message}`);
  process.exitCode = 1;
}
process.exit();

async function demonstrate() {
  const stack = await startStack({ signal });
  try {
    const tokens = await fetchTokens(stack.issuer);
    const answers = [];
    for (const request of REQUESTS) {
      signal.throwIfAborted();
      answers.push(await perform(stack, tokens, request));
    }
    return report(answers);
  } finally {
    await stack.stop();
  }
}

/** Prints one line per request; true if all responses are as expected. */
function report(answers) {
  const rows = [['', 'expected', 'got', 'request', 'what'], ...answers.map((answer, i) => row(REQUESTS[i], answer))];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
  const line = (cells) => cells.map((cell, column) => cell.padEnd(widths[column])).join('  ').trimEnd();
  const failed = answers.filter(({ ok }) => !ok).length;
  console.log(['', ...rows.map(line), ''].join('\n'));
  console.log(`demo: ${answers.length - failed} of ${answers.length} requests answered as expected`);
  return failed === 0;
}

function row({ method = 'GET', path, title, status, code }, answer) {
  const expected = `${status} ${code ?? ''}`.trim();
  const { ok, auth } = answer;
  const got = `${answer.status} ${answer.code ?? ''}`.trim();
  // Status and code may be right although the origin received a wrong identity.
  const told = ok || !auth ? '' : ` auth ${JSON.stringify(auth)}`;
  return [ok ? 'ok' : 'FAIL', expected, got + told, `${method} ${path}`, title];
}
