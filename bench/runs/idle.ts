// The run of the idle scenario: the server's memory before the first session and a while after the last.
import { type Measured, noFigures, noNotes } from '../figures.ts';
import type { IdleLoad } from '../scenarios/scenario.ts';
import type { Target } from '../targets/target.ts';
import { rssBytesOf } from '../targets/usage.ts';
import { Crowd } from './crowd.ts';

export interface IdleRun {
  readonly load: IdleLoad;
  readonly sessions: number;
  readonly progress: (text: string) => void;
}

export async function runIdle(targets: readonly Target[], run: IdleRun): Promise<readonly Measured[]> {
  const measured: Measured[] = [];
  for (const target of targets) measured.push(await idleAt(target, run));
  return measured;
}

async function idleAt(target: Target, { load, sessions, progress }: IdleRun): Promise<Measured> {
  const before = rssOf(target);
  const crowd = await Crowd.connect(target, sessions);
  try {
    await new Promise((resolve) => setTimeout(resolve, load.settleMs));
    const after = rssOf(target);
    const brokenWhy = crowd.brokenWhy();
    const rssPerSessionBytes = before === null || after === null ? null : (after - before) / sessions;
    progress(`${target.name}: ${shown(before)} MiB before, ${shown(after)} MiB with ${sessions} sessions`);
    return { transport: target.transport, figures: { ...noFigures, rssPerSessionBytes }, notes: noNotes, voidWhy: brokenWhy };
  } finally {
    crowd.leave();
  }
}

function rssOf({ pid }: Target): number | null {
  return pid === undefined ? null : rssBytesOf(pid);
}

function shown(bytes: number | null): string {
  return bytes === null ? 'unknown' : (bytes / 1_048_576).toFixed(1);
}
