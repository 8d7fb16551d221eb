// Builds the command-line tool as WebAssembly: target/tool/tool.wasm, which Node runs on every platform, and
// target/tool/workbench.wasm, the part of it that the workbench runs in a browser. Arguments name one of them.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { must } from './process.mjs';
import { ROOT, TOOL_TARGET, targetFolder } from './toolchain.mjs';
import { optimise, publishedEnvironment, sizes } from './wasm.mjs';

/** The program of each, and the features of the crate that it needs. */
const PROGRAMS = { tool: ['portcullis'], workbench: ['workbench', '--features', 'workbench'] };

try {
  mkdirSync(join(ROOT, 'target/tool'), { recursive: true });
  const named = process.argv.slice(2);
  for (const [name, [program, ...features]] of Object.entries(PROGRAMS)) {
    if (named.length > 0 && !named.includes(name)) continue;
    const args = ['build', '--release', '--locked', '--package', 'portcullis-cli', '--bin', program, ...features, '--target', TOOL_TARGET];
    await must('cargo build', 'cargo', args, { cwd: ROOT, env: publishedEnvironment() });
    const out = join(ROOT, `target/tool/${name}.wasm`);
    await optimise(join(targetFolder(), TOOL_TARGET, `release/${program}.wasm`), out);
    console.log(`target/tool/${name}.wasm: ${sizes(out)}`);
  }
} catch (error) {
  console.error(`build-tool: ${error.message}`);
  process.exitCode = 1;
}
