#!/usr/bin/env node
// `portcullis`: the tool in WebAssembly, run by Node. It is written for any Node, to say which one is needed.

const NEEDED = 20;

if (Number(process.versions.node.split('.')[0]) < NEEDED) {
  console.error(`error: Node ${NEEDED} or newer is required, and this is ${process.versions.node}`);
  process.exitCode = 2;
} else {
  const { run } = await import('../host/tool.mjs');
  process.exitCode = await run(process.argv.slice(2));
}
