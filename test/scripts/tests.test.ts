// The runner of tests: what went wrong is told of the right file, and a file that hangs is ended with all that it has started.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { limits } from '../../scripts/checks/file.ts';
import { type Counts, runTests } from '../../scripts/checks/tests.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-tests-'));
});
after(() => rm(folder, { recursive: true }));

const imports = "import { after, describe, test } from 'node:test';\n";

/** Runs these, all at once; short names in what was printed. */
async function ran(files: Readonly<Record<string, string>>, own: Partial<typeof limits> = {}): Promise<{ readonly counts: Counts; readonly printed: string }> {
  const paths: string[] = [];
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, `${name}.mjs`);
    await writeFile(path, `${imports}${text}`);
    paths.push(path);
  }
  const lines: string[] = [];
  const counts = await runTests(paths, paths.length, (line) => lines.push(line.replaceAll(`${folder}/`, '')), { ...limits, ...own });
  return { counts: { ...counts, failures: counts.failures.map((one) => one.replaceAll(`${folder}/`, '')).sort() }, printed: lines.join('\n') };
}

async function isGone(pidFile: string): Promise<boolean> {
  const state = await readFile(`/proc/${await readFile(join(folder, pidFile), 'utf8')}/stat`, 'utf8').catch(() => ') Z');
  return / Z/.test(state.slice(state.lastIndexOf(')'))); // killed, and perhaps not yet buried
}

test('of several files at once, each failure stands with its file, and everything is counted', async () => {
  const { counts, printed } = await ran({
    good: "describe('group', () => { test('one', () => {}); test('two', { skip: true }, () => {}); });",
    bad: "test('three', () => { console.log('said by three'); throw new Error('bad luck'); }); test('four', () => {});",
    broken: "import './not-there.mjs';",
    late: "test('five', () => { setTimeout(() => { throw new Error('too late'); }, 1); }); test('six', () => new Promise((resolve) => setTimeout(resolve, 100)));",
    stuck: "test('seven', () => new Promise(() => {})); after(() => {});",
    hook: "test('eight', () => {}); after(() => { throw new Error('in the hook'); });",
  });
  assert.deepEqual(counts.failures, ['bad.mjs: three', 'broken.mjs: the file itself', 'hook.mjs: hook.mjs', 'late.mjs: the file itself', 'stuck.mjs: seven']);
  const { tests, pass, fail, cancelled, skipped } = counts;
  assert.deepEqual({ tests, pass, fail, cancelled, skipped }, { tests: 11, pass: 5, fail: 4, cancelled: 1, skipped: 1 });
  for (const line of [
    /^✔ good.mjs: 1 passed, [\d.]+ s$/m,
    /^✖ bad.mjs: 1 passed, 1 failed, /m,
    /^ {4}Error: bad luck/m,
    /^ {4}said by three$/m,
    /not-there.mjs/,
    /Error: too late/,
    /Error: in the hook/,
  ])
    assert.match(printed, line);
});

test('a file whose tests are over but whose process is not is ended, and says what was still open', async () => {
  const server = "import { createServer } from 'node:net'; test('one', () => void createServer().listen(0));";
  const { counts, printed } = await ran({ open: server }, { lingerMs: 500 });
  assert.deepEqual(counts.failures, ['open.mjs: the file itself']);
  assert.match(printed, /its tests were over, but/);
  assert.match(printed, /still open in its process: .*TCPServerWrap/);
});

test('a file that hangs is ended with what it has started, and says in which test, also when its event loop does not turn', async () => {
  const child = (name: string) =>
    `import { spawn } from 'node:child_process'; import { writeFileSync } from 'node:fs';
     writeFileSync(${JSON.stringify(folder)} + '/${name}', String(spawn('sleep', ['600'], { stdio: 'inherit' }).pid));`;
  const { counts, printed } = await ran(
    {
      waits: `${child('waits')} describe('group', () => test('waits', () => new Promise((resolve) => setTimeout(resolve, 600_000))));`,
      spins: `${child('spins')} test('spins', () => { for (;;); });`,
    },
    { quietMs: 2_500 },
  );
  assert.deepEqual(counts.failures, ['spins.mjs: the file itself', 'waits.mjs: the file itself']);
  assert.match(printed, /not over: group \(line 3\) · waits \(line 3\)/);
  assert.match(printed, /still open in its process: .*Timeout/);
  assert.match(printed, /its event loop does not turn/);
  assert.deepEqual([await isGone('waits'), await isGone('spins')], [true, true]);
});

test('a test that takes long is let go on as long as it says how far it is', async () => {
  const long = "test('long', async () => { for (let part = 1; part <= 15; part += 1) { await new Promise((resolve) => setTimeout(resolve, 300)); console.log(part); } });";
  const { counts } = await ran({ long }, { quietMs: 3_000 });
  assert.deepEqual([counts.pass, counts.failures], [1, []]);
});
