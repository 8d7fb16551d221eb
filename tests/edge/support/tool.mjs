// The command-line tool, built from the same sources as the gate.

import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * Builds the tool and gives the path of its binary: cargo knows where that is. It is the one of the native tests; a
 * build of its own would be one of other features, and so of all dependencies.
 */
export function buildTool() {
  const args = ['test', '--locked', '--no-run', '--test', 'cli', '--message-format=json'];
  const lines = execFileSync('cargo', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1e9 });
  const messages = lines.trim().split('\n').map((line) => JSON.parse(line));
  return messages.findLast(({ target, executable }) => target?.name === 'portcullis' && executable).executable;
}

/** Runs a program to its end: its code and what it said. */
export function run(program, args, { cwd = ROOT, env = {}, input = '' } = {}) {
  return new Promise((resolve) => {
    const child = execFile(program, args, { cwd, env: { ...process.env, ...env }, maxBuffer: 1e9 }, (error, out, err) => {
      resolve({ code: error ? error.code : 0, out, err });
    });
    child.stdin.on('error', () => {}); // who reads nothing may be gone
    child.stdin.end(input);
  });
}
