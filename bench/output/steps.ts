// What a run tells while it goes on: every step as plain data, for the file of JSON lines, the pages made of it, and whoever watches.
import type { LatencyDump } from '../generator/latency.ts';

/** A look at the server, four times a second. */
export interface Sample {
  /** Seconds since the step began. */
  readonly at: number;
  /** Share of one core since the sample before; null where the system does not tell. */
  readonly cpu: number | null;
  readonly rssMiB: number | null;
}

/** One stretch of load on one server. Null: not known, or the protocol has no such thing. */
export interface Step {
  readonly kind: 'step';
  /** When it ended, ISO 8601. */
  readonly at: string;
  readonly target: string;
  readonly phase: string;
  /** Messages a second that were to be sent. */
  readonly rate: number;
  readonly seconds: number;
  readonly messagesPerSecond: number;
  readonly deliveriesPerSecond: number;
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly p99Ms: number | null;
  readonly p999Ms: number | null;
  readonly maxMs: number | null;
  readonly endedEarly: boolean;
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly doubled: number;
  readonly reordered: number;
  readonly healed: number;
  readonly blocked: number;
  readonly refused: number;
  readonly serverCpu: number | null;
  readonly serverWaited: number | null;
  readonly serverRssMiB: number | null;
  readonly loopLagP99Ms: number | null;
  readonly loopLagMaxMs: number | null;
  readonly fdatasyncs: number | null;
  /** Of the busiest generator. */
  readonly generatorCpu: number | null;
  readonly generatorWaited: number | null;
  readonly samples: readonly Sample[];
  /** Of the latencies (bench/generator/latency.ts). */
  readonly histogram: LatencyDump;
}

/** Where a run's news go. */
export interface News {
  /** A line that stays. */
  say(text: string): void;
  /** How it stands at this moment: the next takes its place. */
  now(text: string): void;
  step(step: Step): void;
}

export const noNews: News = { say: () => undefined, now: () => undefined, step: () => undefined };
