// The run of the idle scenario: the server's memory before the first session and a while after the last.
import { type Measured, noFigures, noNotes } from '../figures.ts';
import { eachOf, type Guest } from '../generator/speaker.ts';
import { speakerOf } from '../generator/speakers.ts';
import type { News } from '../output/steps.ts';
import type { IdleLoad } from '../scenarios/scenario.ts';
import type { Target } from '../targets/target.ts';
import { rssBytesOf } from '../targets/usage.ts';

const inFlightMax = 64;
const stayAliveMs = 1_000;

export interface IdleRun {
  readonly load: IdleLoad;
  readonly sessions: number;
  readonly news: News;
}

export async function runIdle(targets: readonly Target[], run: IdleRun): Promise<readonly Measured[]> {
  const measured: Measured[] = [];
  for (const target of targets) measured.push(await idleAt(target, run));
  return measured;
}

async function idleAt(target: Target, { load, sessions, news }: IdleRun): Promise<Measured> {
  const before = rssOf(target);
  const guests: Guest[] = [];
  const timer = setInterval(() => {
    for (const guest of guests) guest.stayAlive();
  }, stayAliveMs);
  try {
    const speaker = await speakerOf(target.protocol);
    await eachOf(target.accounts.slice(0, sessions), inFlightMax, async (account) => {
      guests.push(await speaker.connect(target.endpoint, account));
    });
    await new Promise((resolve) => setTimeout(resolve, load.settleMs));
    const after = rssOf(target);
    const gone = guests.find(({ endedWhy }) => endedWhy !== undefined);
    const rssPerSessionBytes = before === null || after === null ? null : (after - before) / sessions;
    news.say(`${target.name}: ${shown(before)} MiB before, ${shown(after)} MiB with ${sessions} sessions`);
    return { transport: target.transport, figures: { ...noFigures, rssPerSessionBytes }, notes: noNotes, voidWhy: target.endedWhy() ?? gone?.endedWhy };
  } finally {
    clearInterval(timer);
    for (const guest of guests) guest.destroy();
  }
}

function rssOf({ pid }: Target): number | null {
  return pid === undefined ? null : rssBytesOf(pid);
}

function shown(bytes: number | null): string {
  return bytes === null ? 'unknown' : (bytes / 1_048_576).toFixed(1);
}
