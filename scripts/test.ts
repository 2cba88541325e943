// All that must hold before a commit: types, lint, tests. `npm test` runs everything; `npm run check` (--quick) leaves out what starts real processes. Names of test files may follow.
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { provide } from './checks/packages.ts';
import { checkLint, checkTypes } from './checks/static.ts';
import { type Counts, runTests, sum } from './checks/tests.ts';

const root = join(import.meta.dirname, '..');
/** Seeds of the simulator, where the caller names no other number: enough to find every planted bug, or to be quick. */
const seeds = { quick: '50', all: '300' };

const { values, positionals } = parseArgs({ options: { quick: { type: 'boolean', default: false } }, allowPositionals: true });
process.chdir(root);
process.env['SIM_SEEDS'] ??= values.quick ? seeds.quick : seeds.all;
const startedMs = performance.now();
const problems: string[] = [];

if (positionals.length === 0) {
  if (!values.quick) provide(['test', 'scripts/services']);
  for (const problem of await Promise.all([checkTypes(root), checkLint()])) if (problem !== undefined) problems.push(problem);
}
const counts = await testAll(positionals.length > 0 ? positionals : testFiles('test'));
report(counts);

/** Tests that start real processes are timed by the clock on the wall: those run one at a time, after the others. So do those that start a Cassandra, for the memory that it takes. */
async function testAll(files: readonly string[]): Promise<Counts> {
  const wants = (file: string): boolean => /^test\/(?:e2e|faults)\/|\.cql\.test\.ts$/.test(file);
  const apart = await runTests(
    files.filter((file) => !wants(file)),
    availableParallelism(),
    print,
  );
  if (values.quick && positionals.length === 0) return apart;
  return sum(apart, await runTests(files.filter(wants), 1, print));
}

function testFiles(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

function report({ failures, ...numbers }: Counts): void {
  if (failures.length > 0) print(`\nfailed tests, each again by: npm test -- FILE\n${failures.map((failure) => `✖ ${failure}`).join('\n')}`);
  if (problems.length > 0) print(`\n${problems.map((problem) => `✖ ${problem}`).join('\n')}`);
  print('');
  for (const [name, count] of Object.entries(numbers)) print(`ℹ ${name} ${count}`);
  print(`ℹ duration_ms ${Math.round(performance.now() - startedMs)}`);
  if (numbers.tests === 0) print('✖ no tests were found');
  process.exitCode = failures.length > 0 || problems.length > 0 || numbers.tests === 0 ? 1 : 0;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
