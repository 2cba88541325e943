// Which threads of a process come after its event loop. Linux only: elsewhere there is nothing to see.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const place = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);

/** In a process of its own, which may not be given its priority back. Name and priority of each thread, the event loop's first. */
const program = `
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { nodeThreads, yieldOfV8 } from ${place('../../src/structures/threads.node.ts')};
import { newDirectory, openLevel } from ${place('../store/level.ts')};
await yieldOfV8();
const stores = await openLevel(await newDirectory(), { threads: nodeThreads });
const threads = readdirSync('/proc/self/task').map((id) => [readFileSync('/proc/self/task/' + id + '/comm', 'utf8').trim(), getPriority(Number(id)), Number(id) === process.pid]);
await stores.close();
console.log(JSON.stringify(threads));
`;

test('V8 and the merges of LevelDB yield to the event loop and to who writes to the disk for it', { skip: process.platform !== 'linux' && 'Linux only' }, async () => {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program]);
  const threads = JSON.parse(stdout) as readonly (readonly [string, number, boolean])[];
  assert.deepEqual(
    threads.filter(([, , isLoop]) => isLoop).map(([, nice]) => nice),
    [0],
  );
  const pool = threads.filter(([name]) => name === 'libuv-worker').map(([, nice]) => nice);
  assert.deepEqual(pool, [0, 0, 0, 0, 10], 'four of the pool, and the one that merges');
  const others = threads.filter(([name, , isLoop]) => name !== 'libuv-worker' && !isLoop);
  assert.ok(others.length >= 4 && others.every(([, nice]) => nice === 10), JSON.stringify(others));
});
