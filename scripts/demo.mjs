// `npm run demo`: the requests that `npm start` prints, done and compared with what is expected.

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
      answers.push(await perform(stack.gate, tokens, request));
    }
    return report(answers);
  } finally {
    await stack.stop();
  }
}

/** One line per request; whether all answers are the expected ones. */
function report(answers) {
  const rows = [['', 'request', 'what', 'expected', 'got'], ...answers.map((answer, i) => row(REQUESTS[i], answer))];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
  const line = (cells) => cells.map((cell, column) => cell.padEnd(widths[column])).join('  ').trimEnd();
  const failed = answers.filter(({ ok }) => !ok).length;
  console.log(['', ...rows.map(line), ''].join('\n'));
  console.log(`demo: ${answers.length - failed} of ${answers.length} requests answered as expected`);
  return failed === 0;
}

function row({ method = 'GET', path, title, status, code }, answer) {
  const expected = `${status} ${code ?? ''}`.trim();
  const [verdict, got] = answer.ok ? ['ok', `${answer.status}`] : ['FAIL', all(answer)];
  return [verdict, `${method} ${path}`, title, expected, got];
}

/** The status and the code may be right, and what the origin was told wrong. */
function all({ status, code, auth }) {
  return [status, code, auth && `auth ${JSON.stringify(auth)}`].filter(Boolean).join(' ');
}
