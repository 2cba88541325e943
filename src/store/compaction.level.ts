// LevelDB merges its files on a thread of its own. Where that shares a core with the event loop, the two would get half of it each, and messages would wait for as long as a merge takes.
import { readdir, readFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import type { Database } from './schema.level.ts';

/** A tenth of a core that others want, all of one that nobody does (Linux gives shares by weight: 110 to 1,024). A merge takes 7 % of a core at 30,000 messages a second. */
const nice = 10;
const tasks = '/proc/self/task';

/** The threads of this process as far as the system tells, by id; those of libuv's pool are among them from here on. */
export async function threadsNow(): Promise<ReadonlySet<string>> {
  return new Set(await readdir(tasks).catch(() => []));
}

/** Lets the merging thread come after others: of those that have come up since `before`, the one that was begun from libuv's pool. Where the system knows no such thing, nothing happens. */
export async function yieldToOthers(database: Database, before: ReadonlySet<string>): Promise<void> {
  if (before.size === 0) return;
  await database.compactRange(Buffer.alloc(0), Buffer.alloc(0)); // of nothing: makes LevelDB begin its thread
  for (const thread of await threadsNow()) {
    if (before.has(thread)) continue;
    const name = await readFile(`${tasks}/${thread}/comm`, 'utf8').catch(() => '');
    if (name.startsWith('libuv-worker')) lower(Number(thread));
  }
}

function lower(thread: number): void {
  try {
    setPriority(thread, nice);
  } catch {
    // It has ended, or a sandbox forbids it: merges go on as they did.
  }
}
