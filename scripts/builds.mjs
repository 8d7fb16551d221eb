// Builds all that the tests need, side by side: the native tests, the Worker, the same with faults, and the tool with the
// workbench. Each has a part in which the compiler uses one core only.

import { spawn } from 'node:child_process';

import { ROOT } from './toolchain.mjs';

const BUILDS = {
  'native tests': ['cargo', ['test', '--locked', '--no-run', '--quiet']],
  worker: [process.execPath, ['scripts/build.mjs']],
  'tool and workbench': [process.execPath, ['scripts/site.mjs']],
  faults: [process.execPath, ['scripts/build.mjs', '--faults']],
};

const codes = await Promise.all(Object.entries(BUILDS).map(([name, [command, args]]) => built(name, command, args)));
process.exit(codes.every((code) => code === 0) ? 0 : 1);

/** Runs a build, and prints what it said once it has ended. */
function built(name, command, args) {
  const started = Date.now();
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
    child.on('error', (error) => (said += error.message));
    child.on('close', (code) => {
      console.log(`${name}: ${code === 0 ? 'built' : 'FAILED'} in ${Math.round((Date.now() - started) / 1000)} s`);
      if (code !== 0) console.log(said);
      resolve(code ?? 1);
    });
  });
}
