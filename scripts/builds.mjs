// Builds all that the tests need, side by side: the native tests, the Worker, the same with faults, the tool, and the
// workbench. Each has a part in which the compiler uses one core only.

import { recorded } from './process.mjs';
import { ROOT } from './toolchain.mjs';

const BUILDS = {
  'native tests': ['cargo', ['test', '--locked', '--no-run', '--quiet']],
  worker: [process.execPath, ['scripts/build.mjs']],
  tool: [process.execPath, ['scripts/build-tool.mjs', 'tool']],
  workbench: [process.execPath, ['scripts/site.mjs']],
  faults: [process.execPath, ['scripts/build.mjs', '--faults']],
};

const codes = await Promise.all(Object.entries(BUILDS).map(([name, [command, args]]) => built(name, command, args)));
process.exit(codes.every((code) => code === 0) ? 0 : 1);

/** Runs a build, and prints what it said if it fails. */
async function built(name, command, args) {
  const started = Date.now();
  const { code, said } = await recorded(command, args, { cwd: ROOT });
  console.log(`${name}: ${code === 0 ? 'built' : 'FAILED'} in ${Math.round((Date.now() - started) / 1000)} s`);
  if (code !== 0) console.log(said);
  return code;
}
