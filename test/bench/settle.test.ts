// Who was overloaded is waited for until nothing is left to do.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { settle } from '../../bench/runs/settle.ts';

const burns = `
console.log('begins');
for (const until = performance.now() + 1_000; performance.now() < until; );
console.log('is done');
setInterval(() => {}, 1_000);
`;

test('a process that is busy is waited for until it is not', async (t) => {
  const child = spawn(process.execPath, ['-e', burns], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  const lines: string[] = [];
  await new Promise<void>((begun) =>
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      if (line === 'begins') begun();
    }),
  );
  const tookMs = await settle(child.pid);
  assert.deepEqual(lines, ['begins', 'is done']);
  assert.ok(tookMs > 500, `${tookMs} ms`);
});

test('what cannot be looked at is not waited for', async () => {
  assert.ok((await settle(undefined)) < 100);
});
