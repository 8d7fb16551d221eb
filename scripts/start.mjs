// `npm start`: builds the Worker, runs it with a demo provider, a demo origin and the workbench on loopback until Ctrl-C, and
// prints requests to paste. `npm start -- --origin flask` uses a service of examples/ as the origin.

import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { PORTS } from '../demo/ports.mjs';
import { REQUESTS, requestCommand } from '../demo/requests.mjs';
import { startStack } from '../demo/stack.mjs';
import { tokenCommands } from '../demo/tokens.mjs';
import { whyLine } from '../demo/workbench.mjs';
import { EXAMPLES } from '../examples/start.mjs';
import { must } from './process.mjs';
import { endSignal } from './signals.mjs';
import { ROOT } from './toolchain.mjs';

const signal = endSignal();
try {
  const { ports, example } = chooseOptions();
  for (const script of ['build.mjs', 'site.mjs']) await must('the build', process.execPath, [join(ROOT, 'scripts', script)]);
  signal.throwIfAborted();
  console.log('start: provider, origin, gate and workbench');
  const stack = await startStack({ ports, example, signal, log: (chunk) => process.stdout.write(chunk) });
  console.log(welcome(stack));
  const last = await Promise.race([stack.exited, once(signal, 'abort').then(() => null)]);
  console.log('\nstart: stopping');
  await stack.stop();
  if (last !== null) throw new Error(`the gate exited unexpectedly:\n${last}`);
} catch (error) {
  if (!signal.aborted) {
    console.error(`start: ${error.message}`);
    process.exitCode = 1;
  }
}
process.exit();

function chooseOptions() {
  const flags = ['origin', ...Object.values(PORTS).map(({ flag }) => flag.slice(2))];
  const { values } = parseArgs({ options: Object.fromEntries(flags.map((flag) => [flag, { type: 'string' }])) });
  const { origin: example } = values;
  if (example && !EXAMPLES.includes(example)) throw new Error(`--origin: one of ${EXAMPLES.join(', ')}`);
  return { ports: choosePorts(values), example };
}

/** Flags take precedence over the environment, and that over the default ports. */
function choosePorts(values) {
  const entries = Object.entries(PORTS).map(([name, { flag, variable, standard }]) => {
    const port = Number(values[flag.slice(2)] ?? process.env[variable] ?? standard);
    if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Error(`${flag}: not a port`);
    return [name, port];
  });
  const ports = Object.fromEntries(entries);
  if (new Set(Object.values(ports)).size < entries.length) throw new Error('two of the ports are the same');
  return ports;
}

function welcome({ gate, issuer, origin, workbench }) {
  const printed = (request) => [...requestCommand(gate, request), whyLine(workbench, gate, request)].filter((line) => line !== null);
  return [
    '',
    `Gate      ${gate}`,
    `Provider  ${issuer}`,
    `Origin    ${origin}   responds with what it receives from the gate`,
    `Workbench ${workbench}   the policy, these requests and why each is decided as it is, in your browser`,
    '',
    '== Tokens: paste this first ' + '='.repeat(52),
    '',
    ...tokenCommands(issuer),
    '',
    '== Requests, each with the expected response ' + '='.repeat(35),
    ...REQUESTS.flatMap((request) => ['', ...printed(request)]),
    '',
    '== Decisions ' + '='.repeat(67),
    '',
    'Each refusal is a line of JSON below (docs/operations.md). Of a deployed gate they are in Workers Logs, and live in',
    '',
    '  npx wrangler tail --format json | jq -c \'.logs[].message[] | strings | fromjson? | objects | select(.event == "decision")\'',
    '',
    'Ctrl-C stops everything.',
  ].join('\n');
}
