// Several stretches of load on one server as its figures.
import { type Figures, latencyFigures, type Measured, type Notes, noFigures, noNotes, ratio } from '../figures.ts';
import { Latency } from '../generator/latency.ts';
import type { Target } from '../targets/target.ts';
import { type Stretch, usedOf } from './side.ts';

/** Above this share of a core a generator may be what limits. */
export const generatorShareMax = 0.9;

/** Whether they are void is for the caller to say. */
export function measuredOf(target: Target, stretches: readonly Stretch[], latency: Latency = medianLatency(stretches)): Measured {
  const [server, generator] = usedOf(stretches);
  const results = stretches.map(({ result }) => result);
  const seconds = sum(results, ({ measuredMs }) => measuredMs) / 1_000;
  const delivered = sum(results, (result) => result.delivered);
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
  return { transport: target.transport, figures, notes, voidWhy: undefined };
}

/** Why they say nothing about the server; undefined when the generators had time to spare. */
export function generatorBusyWhy(stretches: readonly Stretch[]): string | undefined {
  const [, { utilisation }] = usedOf(stretches);
  return (utilisation ?? 0) > generatorShareMax ? `the generator was busy ${percent(utilisation)} of the time` : undefined;
}

/** Of the round whose p99 is the median. */
export function medianLatency(stretches: readonly Stretch[]): Latency {
  const latencies = stretches.map(({ result }) => result.latency).toSorted((a, b) => (a.ms(99) ?? 0) - (b.ms(99) ?? 0));
  return latencies[Math.floor(latencies.length / 2)] ?? new Latency();
}

/** Of all rounds together. */
export function wholeLatency(stretches: readonly Stretch[]): Latency {
  const whole = new Latency();
  for (const { result } of stretches) whole.add(result.latency);
  return whole;
}

export function shown(ms: number | null): string {
  return ms === null ? 'unknown' : ms.toFixed(1);
}

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? 'unknown' : `${Math.round(share * 100)} %`;
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
