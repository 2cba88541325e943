// The run of the idle scenario: the server's memory before the first session, with a third of them, and with all, each after a while in which nothing happens.
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
  const guests: Guest[] = [];
  const timer = setInterval(() => {
    for (const guest of guests) guest.stayAlive();
  }, stayAliveMs);
  try {
    const speaker = await speakerOf(target.protocol);
    const counts = [0, Math.ceil(sessions / 3), sessions] as const;
    const rss: (number | null)[] = [];
    for (const count of counts) {
      await eachOf(target.accounts.slice(guests.length, count), inFlightMax, async (account) => {
        guests.push(await speaker.connect(target.endpoint, account));
      });
      await new Promise((resolve) => setTimeout(resolve, load.settleMs));
      rss.push(rssOf(target));
    }
    const gone = guests.find(({ endedWhy }) => endedWhy !== undefined);
    const rssPerSessionBytes = perSession(rss, counts);
    news.say(`${target.name}: ${rss.map((bytes, at) => `${shown(bytes)} MiB with ${counts[at]} sessions`).join(', ')}`);
    return { transport: target.transport, figures: { ...noFigures, rssPerSessionBytes }, notes: noNotes, voidWhy: target.endedWhy() ?? gone?.endedWhy };
  } finally {
    clearInterval(timer);
    for (const guest of guests) guest.destroy();
  }
}

/** From nothing to all, or from a third to all, whichever is more: a server that gives back what its start has taken must not look as if sessions cost less than each further one does. */
function perSession([before, some, all]: readonly (number | null | undefined)[], [, third, sessions]: readonly [number, number, number]): number | null {
  if (before == null || some == null || all == null) return null;
  return Math.max((all - before) / sessions, (all - some) / (sessions - third));
}

function rssOf({ pid }: Target): number | null {
  return pid === undefined ? null : rssBytesOf(pid);
}

function shown(bytes: number | null): string {
  return bytes === null ? 'unknown' : (bytes / 1_048_576).toFixed(1);
}
