// Counts the instructions of a decision in the core, and compares them with benches/budgets.json and the size of the wasm
// with its limit. Unlike times, counts are the same on each run. `--write` updates the budgets.

import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { must, read } from './process.mjs';
import { ROOT } from './toolchain.mjs';
import { checkBudget } from './wasm.mjs';

const BUDGETS = join(ROOT, 'benches/budgets.json');
const WASM = join(ROOT, 'build/index_bg.wasm');
const SCENARIOS = ['granted', 'repeated', 'distinct', 'public', 'no-token', 'expired', 'wrong-scope', 'many-names', 'crowded'];
const [FEW, MANY] = [70, 270]; // the first 64 tokens are new
const TOLERANCE = 1.05; // for small differences between compilers and C libraries

try {
  await main();
} catch (error) {
  console.error(`cost: ${error.message}`);
  process.exitCode = 1;
}

async function main() {
  checkBudget(WASM);
  if (read('valgrind', ['--version']) === null) return console.log('SKIPPED: counting instructions needs valgrind, which is not installed');

  await must('cargo bench', 'cargo', ['bench', '--locked', '--package', 'portcullis', '--bench', 'decisions', '--no-run', '--quiet'], { cwd: ROOT });
  const counts = Object.fromEntries(SCENARIOS.map((scenario) => [scenario, instructions(scenario)]));
  if (process.argv.includes('--write')) return writeFileSync(BUDGETS, `${JSON.stringify(counts, null, 2)}\n`);
  compare(counts, JSON.parse(readFileSync(BUDGETS, 'utf8')));
}

/** Instructions per decision: the difference between two runs, divided by the difference in decisions. */
function instructions(scenario) {
  return Math.round((total(scenario, MANY) - total(scenario, FEW)) / (MANY - FEW));
}

function total(scenario, times) {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-cost-'));
  try {
    const out = join(folder, 'callgrind');
    const args = ['--tool=callgrind', `--callgrind-out-file=${out}`, '--quiet', executable(), scenario, String(times)];
    if (read('valgrind', args) === null || !existsSync(out)) throw new Error(`valgrind failed at ${scenario}`);
    return Number(/^(?:summary|totals): (\d+)/m.exec(readFileSync(out, 'utf8'))[1]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The newest build of the benchmark. */
function executable() {
  const folder = join(ROOT, 'target/release/deps');
  const names = readdirSync(folder).filter((name) => /^decisions-[0-9a-f]+$/.test(name)).map((name) => join(folder, name));
  return names.sort((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs)[0];
}

function compare(counts, budgets) {
  const over = [];
  for (const scenario of SCENARIOS) {
    const [count, budget] = [counts[scenario], budgets[scenario]];
    console.log(`${scenario}: ${count} instructions, of ${budget}`);
    if (!(count <= budget * TOLERANCE)) over.push(scenario);
  }
  if (over.length > 0) throw new Error(`over the budget: ${over.join(', ')}. If this is intended: node scripts/cost.mjs --write`);
}
