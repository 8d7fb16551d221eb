// The command-line tool, built from the same sources as the gate.

import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * The tool that `PORTCULLIS_TOOL` names. Otherwise builds it and returns the path of its binary, as cargo reports it. It is the build of the native tests; a separate one
 * would have other features and rebuild all dependencies.
 */
export function buildTool() {
  if (process.env.PORTCULLIS_TOOL) return process.env.PORTCULLIS_TOOL;
  const args = ['test', '--locked', '--no-run', '--test', 'cli', '--message-format=json'];
  const lines = execFileSync('cargo', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1e9 });
  const messages = lines.trim().split('\n').map((line) => JSON.parse(line));
  return messages.findLast(({ target, executable }) => target?.name === 'portcullis' && executable).executable;
}

/** Runs a program to its end; returns its exit code and output. */
export function run(program, args, { cwd = ROOT, env = {}, input = '' } = {}) {
  return new Promise((resolve) => {
    const child = execFile(program, args, { cwd, env: { ...process.env, ...env }, maxBuffer: 1e9 }, (error, out, err) => {
      resolve({ code: error ? error.code : 0, out, err });
    });
    child.stdin.on('error', () => {}); // a program that does not read its input may have exited
    child.stdin.end(input);
  });
}
