// The shape of a result: every scenario reports the same figures, null where it has none.

import { exitCodes } from './exit-codes.ts';
import type { Latency } from './generator/latency.ts';

export interface Figures {
  readonly messagesPerSecond: number | null;
  readonly deliveriesPerSecond: number | null;
  readonly deliveriesPerServerCpuSecond: number | null;
  readonly connectsPerServerCpuSecond: number | null;
  readonly rssPerSessionBytes: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly p999Ms: number | null;
  readonly sent: number | null;
  readonly received: number | null;
  readonly fdatasyncs: number | null;
  readonly lost: number | null;
  readonly doubled: number | null;
  readonly reordered: number | null;
  /** Share of one core. */
  readonly serverUtilisation: number | null;
  readonly generatorUtilisation: number | null;
}

export const noFigures: Figures = {
  messagesPerSecond: null,
  deliveriesPerSecond: null,
  deliveriesPerServerCpuSecond: null,
  connectsPerServerCpuSecond: null,
  rssPerSessionBytes: null,
  p50Ms: null,
  p99Ms: null,
  p999Ms: null,
  sent: null,
  received: null,
  fdatasyncs: null,
  lost: null,
  doubled: null,
  reordered: null,
  serverUtilisation: null,
  generatorUtilisation: null,
};

/** Beside the figures: what explains them. */
export interface Notes {
  /** One-to-one: the 99th percentile at half of the maximum. */
  readonly p99AtHalfMs: number | null;
  readonly connectsPerSecond: number | null;
  /** Sends that found 16 open ones of their device and chat and waited; their latency counts. */
  readonly blocked: number | null;
  /** Times the server asked to send again later. */
  readonly refused: number | null;
  /** Deliveries that came by a pull because the device had lagged. */
  readonly healed: number | null;
  /** Shares of the time during which server and generator wanted their core and something else had it: above a tenth the figures say little. */
  readonly contention: { readonly server: number | null; readonly generator: number | null };
  /** Soak: resident memory at its end, and the slope of it once the server had grown into its load. */
  readonly rssMibAtEnd: number | null;
  readonly rssMibPerHour: number | null;
  /** Reconnect storm: from its first connect until every session had what it missed. */
  readonly convergedMs: number | null;
  /** Reconnect storm: tries that the server turned away or let wait too long. */
  readonly retries: number | null;
}

export const noNotes: Notes = {
  p99AtHalfMs: null,
  connectsPerSecond: null,
  blocked: null,
  refused: null,
  healed: null,
  contention: { server: null, generator: null },
  rssMibAtEnd: null,
  rssMibPerHour: null,
  convergedMs: null,
  retries: null,
};

/** What one server came to. */
export interface Measured {
  readonly transport: 'uws' | 'ws' | 'unknown';
  readonly figures: Figures;
  readonly notes: Notes;
  /** Why the figures say nothing about the server; undefined when they do. */
  readonly voidWhy: string | undefined;
}

export interface Result {
  readonly scenario: string;
  readonly params: Readonly<Record<string, number | string>>;
  readonly ours: Measured;
  /** Undefined when it was not asked for. */
  readonly baseline: Measured | undefined;
  /** The figure by which ours and the baseline are compared; undefined for none. */
  readonly shareOf: keyof Figures | undefined;
}

export type Json = Figures &
  Notes & {
    readonly scenario: string;
    readonly params: Readonly<Record<string, number | string>>;
    readonly transport: string;
    readonly void: boolean;
    readonly baseline: (Figures & Notes) | null;
    readonly share: number | null;
    readonly voidWhy: string | null;
  };

/** The one object that `--json` prints last. */
export function jsonOf({ scenario, params, ours, baseline, shareOf }: Result): Json {
  const voidWhy = voidWhyOf(ours, baseline);
  return {
    scenario,
    params,
    transport: ours.transport,
    ...rounded(ours.figures),
    void: voidWhy !== null,
    baseline: baseline === undefined ? null : { ...rounded(baseline.figures), ...baseline.notes },
    share: shareOf === undefined || baseline === undefined ? null : ratio(ours.figures[shareOf], baseline.figures[shareOf]),
    ...ours.notes,
    voidWhy,
  };
}

export function voidWhyOf(ours: Measured, baseline: Measured | undefined): string | null {
  if (ours.voidWhy !== undefined) return ours.voidWhy;
  return baseline?.voidWhy === undefined ? null : `baseline: ${baseline.voidWhy}`;
}

/** What the process ends with, see exitCodes. */
export function exitCodeOf({ ours, baseline }: Result): number {
  const { lost, doubled, reordered } = ours.figures;
  if ((lost ?? 0) + (doubled ?? 0) + (reordered ?? 0) > 0) return exitCodes.broken;
  return voidWhyOf(ours, baseline) === null ? exitCodes.well : exitCodes.void;
}

export function latencyFigures(latency: Latency): Pick<Figures, 'p50Ms' | 'p99Ms' | 'p999Ms'> {
  return { p50Ms: latency.ms(50), p99Ms: latency.ms(99), p999Ms: latency.ms(99.9) };
}

/** `amount` per `per`; null where either is not known. */
export function ratio(amount: number | null, per: number | null): number | null {
  return amount === null || per === null || per === 0 ? null : Number((amount / per).toPrecision(4));
}

function rounded(figures: Figures): Figures {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value]),
  ) as unknown as Figures;
}
