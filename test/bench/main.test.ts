// The command, from its words to its exit code.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const program = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));

test('a short run starts its own server and a baseline, and ends with one line of JSON', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [program, 'one-to-one', '--start', '--pairs', '5', '--rate', '100', '--seconds', '1', '--json']);
  const json = JSON.parse(stdout.trimEnd().split('\n').at(-1) as string);
  assert.equal(json.scenario, 'one-to-one');
  assert.deepEqual([json.lost, json.doubled, json.reordered, json.void], [0, 0, 0, false]);
  assert.ok(json.sent > 50 && json.received === json.sent);
  assert.ok(json.fdatasyncs > 0, 'it was durable');
  assert.ok(json.baseline.received === json.baseline.sent);
});

test('a wrong option ends with code 2', async () => {
  await assert.rejects(promisify(execFile)(process.execPath, [program, 'idle', '--start', '--sessions', '3']), { code: 2 });
});

test('two files are compared, and one that is none is refused with code 2', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-bench-main-'));
  try {
    const file = join(folder, 'a.jsonl');
    await writeFile(
      file,
      `${JSON.stringify({ kind: 'run', at: '2026-11-25T12:00:00.000Z', scenario: 'idle', params: {}, machine: { cpu: 'x', cores: 1, memoryGib: 1, system: 'y', node: 'v22', commit: null } })}\n`,
    );
    const { stdout } = await promisify(execFile)(process.execPath, [program, 'compare', file, file]);
    assert.match(stdout, /^A: idle of 2026-11-25T12:00Z on x, 1 cores/);
    await assert.rejects(promisify(execFile)(process.execPath, [program, 'compare', file, join(folder, 'none.jsonl')]), { code: 2 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
