// The threads of this process beside the event loop's. Where they share a core with it, each would get as much of that as the loop does, and messages would wait for as long as that takes.
import { readdir, readFile } from 'node:fs/promises';
import { setPriority } from 'node:os';

/** What a thread gets of a core that the event loop wants, too: a tenth (Linux gives shares by weight: 110, to 1,024). Of one that it does not want all of them get all. */
const nices = { library: 10, v8: 10 } as const;
const tasks = '/proc/self/task';

/** The ids of the threads there are, as far as the system tells. Those of libuv's pool are among them from here on. */
export async function threadsNow(): Promise<ReadonlySet<string>> {
  return new Set(await readdir(tasks).catch(() => []));
}

/** Lets the compiler and the collector of V8 come after the event loop: four threads that mark took four fifths of its core for 60 ms. What the loop itself waits for they do at once all the same. */
export async function yieldOfV8(): Promise<void> {
  for (const thread of await threadsNow()) if (thread !== `${process.pid}` && !(await isOfPool(thread))) lower(thread, nices.v8);
}

/** The same for a thread that a library has begun from libuv's pool since `before`. */
export async function yieldOfNew(before: ReadonlySet<string>): Promise<void> {
  if (before.size === 0) return;
  for (const thread of await threadsNow()) if (!before.has(thread) && (await isOfPool(thread))) lower(thread, nices.library);
}

/** By its name, which what it begins inherits. */
async function isOfPool(thread: string): Promise<boolean> {
  return (await readFile(`${tasks}/${thread}/comm`, 'utf8').catch(() => '')).startsWith('libuv-worker');
}

function lower(thread: string, nice: number): void {
  try {
    setPriority(Number(thread), nice);
  } catch {
    // It has ended, or a sandbox forbids it: all goes on as it did.
  }
}
