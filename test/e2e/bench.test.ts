// Whole runs of the load tester, from their words to their exit codes and files.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readReport } from '../../bench/output/file.ts';
import { baselineAccount } from '../../bench/targets/started-baseline.ts';

const program = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));

test('a run that reaches a limit ends with code 3, and keeps what it has measured', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-bench-main-'));
  const out = join(folder, 'run.jsonl');
  try {
    const words = ['one-to-one', '--start', '--pairs', '5', '--rate', '50', '--seconds', '60', '--baseline', 'none', '--stop-after', '3', '--out', out];
    await assert.rejects(promisify(execFile)(process.execPath, [program, ...words]), { code: 3 });
    const { steps, results, end } = readReport(out);
    assert.ok(steps.some(({ phase, sent }) => phase === 'measure' && sent > 0));
    assert.deepEqual([results.length, end?.exitCode, end?.why], [0, 3, 'parley: the time for the run is over']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a target that is not there ends with code 2, one that goes away with 1', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-bench-main-'));
  try {
    const tokens = join(folder, 'tokens.jsonl');
    await writeFile(tokens, Array.from({ length: 100 }, () => JSON.stringify(baselineAccount())).join('\n'));
    const idle = (port: number): Promise<unknown> =>
      promisify(execFile)(process.execPath, [program, 'idle', '--sessions', '100', '--target', `ws://127.0.0.1:${port}`, '--tokens', tokens, '--baseline', 'none']);
    await assert.rejects(idle(1), { code: 2 });
    const server = createServer((socket) => socket.once('data', () => socket.destroy())).listen(0, '127.0.0.1');
    await once(server, 'listening');
    await assert.rejects(idle((server.address() as AddressInfo).port), { code: 1 });
    server.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a storm ends when every session has what it missed, and what they got is counted', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [program, 'reconnect-storm', '--start', '--sessions', '100', '--rate', '50', '--json']);
  const json = JSON.parse(stdout.trimEnd());
  assert.deepEqual([json.lost, json.doubled, json.void], [0, 0, false]);
  assert.ok(json.convergedMs > 0 && json.convergedMs < 60_000);
  assert.equal(json.received, json.sent + 300, 'three messages a session beside what the others got');
});

test('a soak says how fast the memory grows', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [program, 'soak', '--start', '--pairs', '5', '--rate', '100', '--seconds', '3', '--json']);
  const json = JSON.parse(stdout.trimEnd());
  assert.deepEqual([json.lost, json.void, json.received], [0, false, json.sent]);
  assert.ok(Number.isFinite(json.rssMibPerHour) && json.rssMibAtEnd > 20);
});
