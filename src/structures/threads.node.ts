// The threads of a process on Linux; elsewhere nothing is known of them and nothing done.
import { readdir, readFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import type { Threads } from './threads.ts';

/** A tenth of a core that the event loop wants, too (the system gives shares by weight: 110, to 1,024); of one that it does not want, all. */
const nice = 10;
const tasks = '/proc/self/task';

export const nodeThreads: Threads = {
  now: async () => new Set(await readdir(tasks).catch(() => [])), // by libuv's pool, whose own are among them from here on
  async yieldOfNew(before) {
    if (before.size === 0) return;
    for (const thread of await this.now()) if (!before.has(thread) && (await isOfPool(thread))) lower(thread);
  },
};

/** Lets the compiler and the collector of V8 come after the event loop: four threads that mark take four fifths of its core for 60 ms. What the loop itself waits for they do at once all the same. */
export async function yieldOfV8(): Promise<void> {
  for (const thread of await nodeThreads.now()) if (thread !== `${process.pid}` && !(await isOfPool(thread))) lower(thread);
}

/** By its name, which what it begins inherits. */
async function isOfPool(thread: string): Promise<boolean> {
  return (await readFile(`${tasks}/${thread}/comm`, 'utf8').catch(() => '')).startsWith('libuv-worker');
}

function lower(thread: string): void {
  try {
    setPriority(Number(thread), nice);
  } catch {
    // It has ended, or a sandbox forbids it: all goes on as it did.
  }
}
