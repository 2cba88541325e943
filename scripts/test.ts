// All that must hold before a commit: types, lint, tests. `npm test` runs everything; `npm run check` (--quick) leaves out what starts real processes. Names of test files may follow.
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { limits } from './checks/file.ts';
import { provide } from './checks/packages.ts';
import { checkLint, checkTypes } from './checks/static.ts';
import { type Counts, runTests, sum } from './checks/tests.ts';

const root = join(import.meta.dirname, '..');
/** Seeds of the simulator, where the caller names no other number: enough to find every planted bug, or to be quick. */
const seeds = { quick: '50', all: '300' };

/** What takes longest, longest first, of those that others run beside: begun last, it would end alone, and leave a processor with nothing to do. */
const long = [
  ...['bench/baseline', 'terminal/terminal', 'bench/main', 'cluster/link-start.nats', 'scripts/tests', 'cluster/link-faults.nats', 'transport/server.uws', 'store/full.level'],
  ...['sdk/browser', 'store/connection.redis', 'sdk/parley', 'store/crash.level', 'store/journal.level', 'bench/fleet'],
  ...['faults/kill9', 'store/stores.cql', 'store/centres.cql', 'faults/full-disk', 'faults/fuzz'], // the first two mind each other least, and the last one the small ones
  ...['e2e/redis', 'e2e/bad-sends', 'e2e/going-away', 'e2e/bad-input', 'e2e/deploy', 'e2e/catching-up', 'e2e/tls', 'e2e/large-groups'],
  ...['sim/sim', 'sim/cluster'],
  'store/ring.cql', // among those that have the machine for themselves it minds the simulator least, and the end of e2e/cluster most
].map((name) => `test/${name}.test.ts`);

/** Of a file that takes only what others leave. */
const patientQuietMs = 600_000;

const { values, positionals } = parseArgs({ options: { quick: { type: 'boolean', default: false } }, allowPositionals: true });
process.chdir(root);
process.env['SIM_SEEDS'] ??= values.quick ? seeds.quick : seeds.all;
const startedMs = performance.now();
const problems: string[] = [];

if (positionals.length === 0 && !values.quick) provide(['test', 'scripts/services']);
const checked = positionals.length === 0 ? [checkTypes(root), checkLint()] : []; // beside the first tests, of what they leave
const counts = await testAll(positionals.length > 0 ? positionals : testFiles('test').sort(longFirst));
for (const problem of await Promise.all(checked)) if (problem !== undefined) problems.push(problem);
report(counts);

/**
 * What starts real processes is timed by the clock on the wall: most of it is run two files at a time, but a cluster, or what compares rates or latencies, has the machine for itself.
 * Beside those the simulator, which waits for nothing and is timed by nothing, has what they leave.
 */
async function testAll(files: readonly string[]): Promise<Counts> {
  const kinds = { own: [] as string[], alone: [] as string[], real: [] as string[], simulated: [] as string[] };
  for (const file of files) kinds[kindOf(file)].push(file);
  if (values.quick && positionals.length === 0) return runTests([...kinds.simulated, ...kinds.own], availableParallelism(), print);
  const own = await runTests(kinds.own, availableParallelism(), print);
  const simulated = runTests(kinds.simulated, availableParallelism(), print, { ...limits, quietMs: patientQuietMs, isPatient: true });
  const alone = await runTests(kinds.alone, 1, print);
  return [own, alone, await runTests(kinds.real, 2, print), await simulated].reduce(sum);
}

function kindOf(file: string): 'own' | 'alone' | 'real' | 'simulated' {
  if (/^test\/sim\//.test(file)) return 'simulated';
  if (/^test\/(?:e2e\/(?:cluster|four-nodes|bench[^/]*)|faults\/(?:cluster|slow-reader)|store\/ring\.cql)\.test\.ts$/.test(file)) return 'alone';
  return /^test\/(?:e2e\/|faults\/|store\/[^/]*\.cql\.test)/.test(file) ? 'real' : 'own';
}

function longFirst(one: string, other: string): number {
  const place = (file: string): number => (long.includes(file) ? long.indexOf(file) : long.length);
  return place(one) - place(other) || one.localeCompare(other, 'en');
}

function testFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
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
