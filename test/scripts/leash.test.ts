// A program on the leash ends with the process that started it, also when that one is killed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';

test('kill -9 of the process that started it ends the program too', { skip: process.platform !== 'linux' && 'there is no setpriv' }, async () => {
  const starter = `
    import { spawn } from 'node:child_process';
    import { leashed } from './scripts/services/leash.ts';
    const [program, args] = leashed(process.execPath, ['-e', 'console.log("up"); setInterval(() => {}, 1000)']);
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    child.stdout.once('data', () => console.log(child.pid));
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', starter], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(parent.stdout, 'data');
  const pid = Number(line);
  assert.ok(process.kill(pid, 0));
  parent.kill('SIGKILL');
  for (const endMs = performance.now() + 20_000; performance.now() < endMs; ) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 10)); // nobody tells of the end of a stranger
  }
  process.kill(pid, 'SIGKILL');
  assert.fail('it lives on');
});
