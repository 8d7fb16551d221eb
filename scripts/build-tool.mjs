// Builds the command-line tool as WebAssembly, which Node runs on every platform: target/tool/tool.wasm.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { must } from './process.mjs';
import { ROOT, TOOL_TARGET, targetFolder } from './toolchain.mjs';
import { optimise, publishedEnvironment, sizes } from './wasm.mjs';

const OUT = join(ROOT, 'target/tool/tool.wasm');

try {
  const args = ['build', '--release', '--locked', '--package', 'portcullis-cli', '--bin', 'portcullis', '--target', TOOL_TARGET];
  await must('cargo build', 'cargo', args, { cwd: ROOT, env: publishedEnvironment() });
  mkdirSync(join(ROOT, 'target/tool'), { recursive: true });
  await optimise(join(targetFolder(), TOOL_TARGET, 'release/portcullis.wasm'), OUT);
  console.log(`target/tool/tool.wasm: ${sizes(OUT)}`);
} catch (error) {
  console.error(`build-tool: ${error.message}`);
  process.exitCode = 1;
}
