// The same run several times: void ones don't count, and of those that do the median one is the result.
import { jsonOf, type Result, voidWhyOf } from './figures.ts';
import type { Scenario } from './scenarios/scenario.ts';

/** So many tries for each run that counts: a machine on which every other run is void measures nothing. */
const triesEach = 2;

export interface Repeated {
  /** The median one; the last void one where none counts. */
  readonly result: Result;
  /** The figure that the median is of, of every run that counts. */
  readonly values: readonly number[];
  readonly voids: number;
  /** Whether as many counted as were asked for. */
  readonly whole: boolean;
}

export async function repeated(times: number, figure: (result: Result) => number | null, once: (attempt: number) => Promise<Result>): Promise<Repeated> {
  const good: { readonly result: Result; readonly value: number }[] = [];
  let voids = 0;
  let last: Result | undefined;
  for (let attempt = 1; good.length < times && attempt <= (times === 1 ? 1 : times * triesEach); attempt += 1) {
    last = await once(attempt);
    if (voidWhyOf(last.ours, last.baseline) === null) good.push({ result: last, value: figure(last) ?? 0 });
    else voids += 1;
    if (isBroken(last)) return { result: last, values: good.map(({ value }) => value), voids, whole: false }; // a promise was broken: no median makes that good
  }
  const sorted = good.toSorted((a, b) => a.value - b.value);
  const median = sorted[Math.floor((sorted.length - 1) / 2)];
  return { result: median?.result ?? (last as Result), values: sorted.map(({ value }) => value), voids, whole: good.length >= times };
}

/** What the median is of: the share of the baseline; without one the scenario's own figure, or the latency. */
export function figureOf({ load }: Scenario): (result: Result) => number | null {
  return (result) => {
    const { figures, notes } = result.ours;
    if (load.kind === 'storm') return notes.convergedMs;
    if (load.kind === 'soak') return notes.rssMibPerHour;
    return jsonOf(result).share ?? (result.shareOf === undefined ? null : figures[result.shareOf]) ?? figures.p99Ms;
  };
}

function isBroken({ ours: { figures } }: Result): boolean {
  return (figures.lost ?? 0) + (figures.doubled ?? 0) + (figures.reordered ?? 0) > 0;
}
