// The run of a scenario with messages: finds the highest rate that holds on each side, then measures both in turns. With a rate given, measures that one.
import type { Measured } from '../figures.ts';
import type { Arrivals } from '../generator/schedule.ts';
import type { WindowResult } from '../generator/traffic.ts';
import type { News } from '../output/steps.ts';
import { settingOf, type TrafficLoad, type Values } from '../scenarios/scenario.ts';
import { type Found, highestRate } from '../search.ts';
import type { Target } from '../targets/target.ts';
import { settle } from './settle.ts';
import { Side, type SideOptions, type Stops, type Stretch, usedOf } from './side.ts';
import { generatorBusyWhy, generatorShareMax, measuredOf, medianLatency, percent, shown } from './summary.ts';

export interface TrafficRun {
  readonly load: TrafficLoad;
  readonly values: Values;
  /** Undefined: find the highest that holds. */
  readonly rate: number | undefined;
  readonly measuredMs: number;
  readonly seed: number;
  readonly arrivals: Arrivals;
  /** What the 99th percentile must stay under; undefined: as the scenario has it. */
  readonly p99MsMax: number | undefined;
  /** No higher rate is tried; undefined: as the scenario has it. */
  readonly rateMax: number | undefined;
  readonly generators: number;
  readonly generatorCores: readonly number[];
  readonly stops: Stops;
  readonly news: News;
}

/** A server is measured as it runs, not as it starts: its code compiled, its first garbage gone. */
const warmUp = { warmMs: 0, measuredMs: 8_000 };
const warmFactor = 4; // of the rate at which the search begins
const searchBudgetMs = 45_000;
const step = { warmMs: 500, measuredMs: 1_000 };
const narrowStep = { warmMs: 500, measuredMs: 2_000 };
/** Short windows must hold with room to spare: a slight overload takes longer to show. */
const stepShareOfLimit = 0.8;
const ratioMin = 1.06;
/** Of each full window. The majority says whether the rate holds, and latencies are those of the median round: what else happens on the machine in one of them says nothing about a server. */
const rounds = 3;
const attemptsMax = 6;
const stepDown = 0.92;
const halfMs = 3_000;
const warmMs = 1_000;

interface Contest {
  readonly side: Side;
  rate: number;
  found: Found | undefined;
  /** Of the narrowest failing step: whether the generator was busier than the server. */
  generatorFailed: boolean;
  measured: Measured | undefined;
}

/** Measures every target with the same load, in turns. The answers stand in the order of the targets. */
export async function runTraffic(targets: readonly Target[], run: TrafficRun): Promise<readonly Measured[]> {
  const contests: Contest[] = [];
  try {
    for (const target of targets) {
      run.news.say(`${target.name}: connecting ${run.load.chats(run.values).count * run.load.chats(run.values).members} devices`);
      contests.push({ side: await bringUp(target, run), rate: run.rate ?? 0, found: undefined, generatorFailed: false, measured: undefined });
    }
    if (run.rate === undefined) for (const contest of contests) await search(contest, run);
    for (let attempt = 0; attempt < attemptsMax && contests.some(({ measured }) => measured === undefined); attempt += 1) {
      await measureInTurns(
        contests.filter(({ measured }) => measured === undefined),
        run,
        attempt === attemptsMax - 1,
      );
    }
    if (run.load.half && run.rate === undefined) for (const contest of contests) await measureHalf(contest, run);
    return contests.map(({ measured }) => measured as Measured);
  } finally {
    for (const { side } of contests) side.leave();
  }
}

/** Everybody of the run's chats, connected to the target. Throws DeviceFailed, SideBroken. */
export function bringUp(target: Target, { load, values, ...rest }: TrafficRun & Pick<SideOptions, 'apart'>): Promise<Side> {
  return Side.bringUp(target, { ...rest, chats: load.chats(values), bodyBytes: settingOf(values, 'body'), restMsMax: load.restMsMax(values) });
}

function limitMs({ load, values, p99MsMax }: TrafficRun): number {
  return p99MsMax ?? load.p99MsMax(values);
}

/** The highest rate that short windows say holds; 0 if none does. Throws SideBroken, Stopped. */
export async function highest(side: Side, run: TrafficRun): Promise<number> {
  const contest: Contest = { side, rate: 0, found: undefined, generatorFailed: false, measured: undefined };
  await search(contest, run);
  return contest.found?.held ?? 0;
}

async function search(contest: Contest, run: TrafficRun): Promise<void> {
  const { load, news } = run;
  const { side } = contest;
  const p99MsMax = limitMs(run) * stepShareOfLimit;
  let settlingMs = 0; // not of the time that a search may take
  const holdsAt = async (rate: number, narrowing: boolean): Promise<boolean> => {
    const stretch = await side.measure('search', { rate, ...(narrowing ? narrowStep : step), p99MsMax });
    const good = holds(stretch.result, p99MsMax);
    const [server, generator] = usedOf([stretch]);
    if (!good) contest.generatorFailed = (generator.utilisation ?? 0) > generatorShareMax && (server?.utilisation ?? 1) < generatorShareMax;
    news.say(
      `${side.target.name}: ${Math.round(rate)}/s ${good ? 'holds' : 'fails'}, p99 ${shown(stretch.result.latency.ms(99))} ms, server ${percent(server?.utilisation)}, generator ${percent(generator.utilisation)}`,
    );
    if (!good) settlingMs += await settled(side, news);
    return good;
  };
  const rateMax = run.rateMax ?? load.rateMax;
  news.say(`${side.target.name}: warming up`);
  await side.measure('warm', { rate: Math.min(warmFactor * load.startRate, rateMax), ...warmUp, p99MsMax: Number.POSITIVE_INFINITY });
  await settled(side, news);
  const limits = { startRate: Math.min(load.startRate, rateMax), rateMax, ratioMin, budgetMs: searchBudgetMs };
  contest.found = await highestRate(holdsAt, limits, () => performance.now() - settlingMs);
  contest.rate = contest.found.held > 0 ? contest.found.held : load.startRate;
}

function settled({ target: { name, pid } }: Side, news: News): Promise<number> {
  news.now(`${name}: until it has done what it was given`);
  return settle(pid);
}

/** One full window for each contest, in alternating parts. Those that did not hold are left for another attempt at a lower rate. */
async function measureInTurns(contests: readonly Contest[], run: TrafficRun, lastAttempt: boolean): Promise<void> {
  const { measuredMs, news } = run;
  const p99MsMax = limitMs(run);
  const stretches = new Map<Contest, Stretch[]>(contests.map((contest) => [contest, []]));
  const given = run.rate !== undefined;
  const endsAtMs = given ? Number.POSITIVE_INFINITY : p99MsMax; // a rate that was asked for is measured to the end
  for (let round = 0; round < rounds; round += 1) {
    for (const [contest, parts] of stretches) {
      if (!given && !lastAttempt && isLost(parts, p99MsMax)) continue;
      const part = await contest.side.measure('measure', { rate: contest.rate, warmMs, measuredMs: measuredMs / rounds, p99MsMax: endsAtMs });
      parts.push(part);
      if (!given && !holds(part.result, p99MsMax)) await settled(contest.side, news);
    }
  }
  for (const [contest, parts] of stretches) {
    const good = !isLost(parts, p99MsMax);
    news.say(
      `${contest.side.target.name}: ${Math.round(contest.rate)}/s for ${((measuredMs * parts.length) / rounds / 1_000).toFixed(1)} s ${good ? 'holds' : 'does not hold'}, p99 ${shown(medianLatency(parts).ms(99))} ms`,
    );
    if (good || given || lastAttempt) contest.measured = { ...measuredOf(contest.side.target, parts), voidWhy: voidWhyOf(contest, parts, given || good) };
    else contest.rate *= stepDown;
  }
}

/** Whether the rate does not hold, whatever the rounds to come will bring. */
function isLost(parts: readonly Stretch[], p99MsMax: number): boolean {
  const failed = parts.filter(({ result }) => !holds(result, p99MsMax));
  return failed.length > rounds / 2 || failed.some(({ result: { lost, doubled, reordered } }) => lost + doubled + reordered > 0);
}

async function measureHalf(contest: Contest, { news }: TrafficRun): Promise<void> {
  const rate = contest.rate / 2;
  const parts: Stretch[] = [];
  while (parts.length < rounds) parts.push(await contest.side.measure('half', { rate, warmMs, measuredMs: halfMs, p99MsMax: Number.POSITIVE_INFINITY }));
  const p99Ms = medianLatency(parts).ms(99);
  news.say(`${contest.side.target.name}: ${Math.round(rate)}/s, half of the maximum: p99 ${shown(p99Ms)} ms`);
  const { measured } = contest;
  if (measured) contest.measured = { ...measured, notes: { ...measured.notes, p99AtHalfMs: p99Ms } };
}

function holds({ latency, lost, doubled, reordered, endedEarly }: WindowResult, p99MsMax: number): boolean {
  return !endedEarly && lost + doubled + reordered === 0 && (latency.ms(99) ?? 0) <= p99MsMax;
}

function voidWhyOf({ generatorFailed, found }: Contest, parts: readonly Stretch[], held: boolean): string | undefined {
  const busyWhy = generatorBusyWhy(parts);
  if (busyWhy !== undefined) return busyWhy;
  if (generatorFailed) return 'the generator, not the server, failed at the next higher rate';
  if (found !== undefined && found.held === 0) return 'not even the lowest rate held';
  return held ? undefined : 'no rate near the one that was found held for a full window';
}
