// The run of a scenario with messages: finds the highest rate that holds on each side, then measures both in turns. With a rate given, measures that one.
import { type Figures, latencyFigures, type Measured, type Notes, noFigures, noNotes, ratio } from '../figures.ts';
import { Latency } from '../generator/latency.ts';
import type { Arrivals } from '../generator/schedule.ts';
import type { WindowResult } from '../generator/traffic.ts';
import { settingOf, type TrafficLoad, type Values } from '../scenarios/scenario.ts';
import { type Found, highestRate } from '../search.ts';
import type { Target } from '../targets/target.ts';
import { type Used, usedOver } from '../targets/usage.ts';
import { Side, type Stretch } from './side.ts';

export interface TrafficRun {
  readonly load: TrafficLoad;
  readonly values: Values;
  /** Undefined: find the highest that holds. */
  readonly rate: number | undefined;
  readonly measuredMs: number;
  readonly seed: number;
  readonly arrivals: Arrivals;
  readonly progress: (text: string) => void;
}

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
/** Above this the generator may be what limits. */
const generatorShareMax = 0.9;

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
      run.progress(`${target.name}: connecting ${run.load.chats(run.values).count * run.load.chats(run.values).members} devices`);
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

function bringUp(target: Target, { load, values, seed, arrivals }: TrafficRun): Promise<Side> {
  return Side.bringUp(target, { chats: load.chats(values), bodyBytes: settingOf(values, 'body'), seed, arrivals, restMsMax: load.restMsMax(values) });
}

async function search(contest: Contest, { load, values, progress }: TrafficRun): Promise<void> {
  const { side } = contest;
  const p99MsMax = load.p99MsMax(values) * stepShareOfLimit;
  const holdsAt = async (rate: number, narrowing: boolean): Promise<boolean> => {
    const stretch = await side.measure({ rate, ...(narrowing ? narrowStep : step), p99MsMax });
    const good = holds(stretch.result, p99MsMax);
    const [server, generator] = usedOf([stretch]);
    if (!good) contest.generatorFailed = (generator.utilisation ?? 0) > generatorShareMax && (server?.utilisation ?? 1) < generatorShareMax;
    progress(
      `${side.target.name}: ${Math.round(rate)}/s ${good ? 'holds' : 'fails'}, p99 ${shown(stretch.result.latency.ms(99))} ms, server ${percent(server?.utilisation)}, generator ${percent(generator.utilisation)}`,
    );
    return good;
  };
  contest.found = await highestRate(holdsAt, { startRate: load.startRate, rateMax: load.rateMax, ratioMin, budgetMs: searchBudgetMs }, () => performance.now());
  contest.rate = contest.found.held > 0 ? contest.found.held : load.startRate;
}

/** One full window for each contest, in alternating parts. Those that did not hold are left for another attempt at a lower rate. */
async function measureInTurns(contests: readonly Contest[], run: TrafficRun, lastAttempt: boolean): Promise<void> {
  const { load, values, measuredMs, progress } = run;
  const p99MsMax = load.p99MsMax(values);
  const stretches = new Map<Contest, Stretch[]>(contests.map((contest) => [contest, []]));
  const given = run.rate !== undefined;
  const limitMs = given ? Number.POSITIVE_INFINITY : p99MsMax; // a rate that was asked for is measured to the end
  for (let round = 0; round < rounds; round += 1) {
    for (const [contest, parts] of stretches) {
      if (!given && !lastAttempt && isLost(parts, p99MsMax)) continue;
      parts.push(await contest.side.measure({ rate: contest.rate, warmMs, measuredMs: measuredMs / rounds, p99MsMax: limitMs }));
    }
  }
  for (const [contest, parts] of stretches) {
    const good = !isLost(parts, p99MsMax);
    progress(
      `${contest.side.target.name}: ${Math.round(contest.rate)}/s for ${((measuredMs * parts.length) / rounds / 1_000).toFixed(1)} s ${good ? 'holds' : 'does not hold'}, p99 ${shown(medianLatency(parts).ms(99))} ms`,
    );
    if (good || given || lastAttempt) contest.measured = measuredOf(contest, parts, given || good);
    else contest.rate *= stepDown;
  }
}

/** Whether the rate does not hold, whatever the rounds to come will bring. */
function isLost(parts: readonly Stretch[], p99MsMax: number): boolean {
  const failed = parts.filter(({ result }) => !holds(result, p99MsMax));
  return failed.length > rounds / 2 || failed.some(({ result: { lost, doubled, reordered } }) => lost + doubled + reordered > 0);
}

async function measureHalf(contest: Contest, { progress }: TrafficRun): Promise<void> {
  const rate = contest.rate / 2;
  const parts: Stretch[] = [];
  while (parts.length < rounds) parts.push(await contest.side.measure({ rate, warmMs, measuredMs: halfMs, p99MsMax: Number.POSITIVE_INFINITY }));
  const p99Ms = medianLatency(parts).ms(99);
  progress(`${contest.side.target.name}: ${Math.round(rate)}/s, half of the maximum: p99 ${shown(p99Ms)} ms`);
  const { measured } = contest;
  if (measured) contest.measured = { ...measured, notes: { ...measured.notes, p99AtHalfMs: p99Ms } };
}

function holds({ latency, lost, doubled, reordered, endedEarly }: WindowResult, p99MsMax: number): boolean {
  return !endedEarly && lost + doubled + reordered === 0 && (latency.ms(99) ?? 0) <= p99MsMax;
}

function measuredOf(contest: Contest, stretches: readonly Stretch[], held: boolean): Measured {
  const [server, generator] = usedOf(stretches);
  const results = stretches.map(({ result }) => result);
  const seconds = sum(results, ({ measuredMs }) => measuredMs) / 1_000;
  const delivered = sum(results, (result) => result.delivered);
  const latency = medianLatency(stretches);
  const figures: Figures = {
    ...noFigures,
    ...latencyFigures(latency),
    messagesPerSecond: sum(results, ({ accepted }) => accepted) / seconds,
    deliveriesPerSecond: delivered / seconds,
    deliveriesPerServerCpuSecond: ratio(delivered, server?.cpuSeconds ?? null),
    sent: sum(results, ({ written }) => written),
    received: sum(results, ({ received }) => received),
    fdatasyncs: stretches.some(({ fdatasyncs }) => fdatasyncs === null) ? null : sum(stretches, ({ fdatasyncs }) => fdatasyncs ?? 0),
    lost: sum(results, ({ lost }) => lost),
    doubled: sum(results, ({ doubled }) => doubled),
    reordered: sum(results, ({ reordered }) => reordered),
    serverUtilisation: server?.utilisation ?? null,
    generatorUtilisation: generator.utilisation,
  };
  const notes: Notes = {
    ...noNotes,
    blocked: sum(results, ({ blocked }) => blocked),
    refused: sum(results, ({ refused }) => refused),
    healed: sum(results, ({ healed }) => healed),
    contention: { server: server?.contention ?? null, generator: generator.contention },
  };
  return { transport: contest.side.target.transport, figures, notes, voidWhy: voidWhyOf(contest, generator, held) };
}

function voidWhyOf({ generatorFailed, found }: Contest, generator: Used, held: boolean): string | undefined {
  if ((generator.utilisation ?? 0) > generatorShareMax) return `the generator was busy ${percent(generator.utilisation)} of the time`;
  if (generatorFailed) return 'the generator, not the server, failed at the next higher rate';
  if (found !== undefined && found.held === 0) return 'not even the lowest rate held';
  return held ? undefined : 'no rate near the one that was found held for a full window';
}

function usedOf(stretches: readonly Stretch[]): readonly [Used | undefined, Used] {
  const server = stretches.map((stretch) => stretch.server).filter((part) => part !== undefined);
  return [server.length === stretches.length ? usedOver(server) : undefined, usedOver(stretches.map(({ generator }) => generator))];
}

/** Of the round whose p99 is the median. */
function medianLatency(stretches: readonly Stretch[]): Latency {
  const latencies = stretches.map(({ result }) => result.latency).toSorted((a, b) => (a.ms(99) ?? 0) - (b.ms(99) ?? 0));
  return latencies[Math.floor(latencies.length / 2)] ?? new Latency();
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function shown(ms: number | null): string {
  return ms === null ? 'unknown' : ms.toFixed(1);
}

function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? 'unknown' : `${Math.round(share * 100)} %`;
}
