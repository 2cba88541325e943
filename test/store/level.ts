// The embedded store on a temporary directory, for tests.
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LevelOptions, type LevelStores, openLevelStores, type Report } from '../../src/store/stores.level.ts';
import type { Clock } from '../../src/structures/clock.ts';
import type { Opened } from './samples.ts';

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  after(delayMs, job) {
    const timer = setTimeout(job, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (job) => void setImmediate(job),
};

export const random = () => randomInt(2 ** 32) / 2 ** 32;

/** A small reserve and a small journal, so that tests write little, and often go on in its other file. */
export function levelOptions(directory: string, more: Partial<LevelOptions> = {}): LevelOptions {
  return { directory, random, clock: systemClock, onReport: () => {}, reserveBytes: 256 * 1024, journalBytes: 256 * 1024, ...more };
}

export function openLevel(directory: string, more: Partial<LevelOptions> = {}): Promise<LevelStores> {
  return openLevelStores(levelOptions(directory, more));
}

/** What the store has told the operator, into `reports`. */
export function reporting(reports: Report[]): Pick<LevelOptions, 'onReport'> {
  return { onReport: (report) => void reports.push(report) };
}

export const newDirectory = (): Promise<string> => mkdtemp(join(tmpdir(), 'parley-store-'));

export async function openedLevel(): Promise<Opened> {
  const directory = await newDirectory();
  const stores = await openLevel(directory);
  let last = stores;
  return {
    stores,
    reopen: async () => {
      await last.close();
      last = await openLevel(directory);
      return last;
    },
    end: async () => {
      await last.close();
      await rm(directory, { recursive: true });
    },
  };
}
