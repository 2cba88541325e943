// The run of the soak: window after window at one rate, and the slope of the server's memory.
import type { Measured } from '../figures.ts';
import type { SoakLoad } from '../scenarios/scenario.ts';
import { slopeOf } from '../slope.ts';
import type { Target } from '../targets/target.ts';
import { rssBytesOf } from '../targets/usage.ts';
import { SideBroken, type Stretch } from './side.ts';
import { generatorBusyWhy, measuredOf, wholeLatency } from './summary.ts';
import { bringUp, highest, type TrafficRun } from './traffic.ts';

export interface SoakRun extends TrafficRun {
  readonly soak: SoakLoad;
}

/** Of the time, at the start: the server still grows into its load. */
const settlingShare = 0.2;
const warmMs = 500;
/** Of a short soak: a slope needs points. */
const windowsMin = 6;
const mib = 1_048_576;
const msPerHour = 3_600_000;

export async function runSoak(target: Target, run: SoakRun): Promise<Measured> {
  const { soak, measuredMs, news } = run;
  const side = await bringUp(target, run);
  try {
    const rate = run.rate ?? (await highest(side, run)) / 2;
    if (rate === 0) throw new SideBroken(`${target.name}: not even the lowest rate held`);
    news.say(`${target.name}: ${Math.round(rate)}/s for ${measuredMs / 60_000} min`);
    const stretches: Stretch[] = [];
    const memory: (readonly [atMs: number, mib: number])[] = [];
    const beganMs = performance.now();
    while (performance.now() - beganMs < measuredMs) {
      const windowMs = Math.min(soak.windowMs, measuredMs / windowsMin);
      const stretch = await side.measure('soak', { rate, warmMs, measuredMs: windowMs, p99MsMax: Number.POSITIVE_INFINITY });
      stretches.push(stretch);
      const rss = target.pid === undefined ? null : rssBytesOf(target.pid);
      if (rss !== null) memory.push([performance.now() - beganMs, rss / mib]);
      const minutes = ((performance.now() - beganMs) / 60_000).toFixed(1);
      news.say(`${target.name}: ${minutes} min, p99 ${stretch.result.latency.ms(99)?.toFixed(1) ?? 'unknown'} ms, memory ${rss === null ? 'unknown' : (rss / mib).toFixed(0)} MiB`);
    }
    const settled = memory.filter(([atMs]) => atMs >= measuredMs * settlingShare);
    const slope = slopeOf(settled);
    const measured = measuredOf(target, stretches, wholeLatency(stretches));
    return {
      ...measured,
      voidWhy: generatorBusyWhy(stretches),
      notes: { ...measured.notes, rssMibAtEnd: memory.at(-1)?.[1] ?? null, rssMibPerHour: slope === null ? null : slope * msPerHour },
    };
  } finally {
    side.leave();
  }
}
