// The clock of one process jumps, forward and back: what measures spans, and timers, go on.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { JumpingClock } from '../../scripts/services/faketime.ts';

const shows = `setInterval(() => console.log(JSON.stringify([Date.now(), performance.now()])), 50)`;
const hourMs = 3_600_000;

test('a process sees its clock jump by an hour and back, and its timers go on', async (t) => {
  const clock = await JumpingClock.start();
  t.after(() => clock.stop());
  const child = spawn(process.execPath, ['-e', shows], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...clock.environment } });
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout });
  const spans: number[] = [];
  let lastMs: number | undefined;
  const until = async (aheadMs: number): Promise<void> => {
    for (;;) {
      const [line] = (await once(lines, 'line')) as [string];
      const [atMs, spanMs] = JSON.parse(line) as [number, number];
      if (lastMs !== undefined) spans.push(spanMs - lastMs);
      lastMs = spanMs;
      if (Math.abs(atMs - Date.now() - aheadMs) < 5_000) return;
    }
  };
  await until(0);
  await clock.jumpTo(hourMs);
  await until(hourMs);
  await clock.jumpTo(-hourMs);
  await until(-hourMs);
  await clock.jumpTo(0);
  await until(0);
  assert(spans.length > 0);
  for (const span of spans) assert(span > 0 && span < 60_000, `${span} ms between two ticks`);
});
