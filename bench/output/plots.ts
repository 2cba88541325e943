// What the page of a report draws, from its steps: series as plain arrays. And the function that draws them in the browser: it goes into the page as text, so it may use nothing from outside of itself.
import type { Report } from './file.ts';
import type { Step } from './steps.ts';

export interface Plot {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  /** A logarithmic y axis. */
  readonly log: boolean;
  /** Points that are not joined. */
  readonly points: boolean;
  /** Axis x first, then one row a series; null: no value there. */
  readonly data: readonly (readonly (number | null)[])[];
  readonly series: readonly string[];
}

type Of = (step: Step) => number | null;

/** Plots that have something to show. */
export function plotsOf({ steps }: Report): readonly Plot[] {
  const under = steps.filter(({ phase }) => phase !== 'settle');
  const targets = [...new Set(under.map(({ target }) => target))];
  const byRate = (title: string, y: string, log: boolean, figures: readonly (readonly [string, Of])[]): Plot => {
    const sorted = under.toSorted((a, b) => a.deliveriesPerSecond - b.deliveriesPerSecond);
    const rows = targets.flatMap((target) => figures.map(([name, of]) => ({ name: `${target}${name}`, values: sorted.map((step) => (step.target === target ? of(step) : null)) })));
    return plot(
      { title, x: 'deliveries a second', y, log, points: true },
      sorted.map(({ deliveriesPerSecond }) => deliveriesPerSecond),
      rows,
    );
  };
  const plots = [
    byRate('Latency at rate', 'ms', true, [
      [', median', ({ p50Ms }) => p50Ms],
      [', 99 %', ({ p99Ms }) => p99Ms],
      [', 99.9 %', ({ p999Ms }) => p999Ms],
    ]),
    byRate('Processor at rate', 'share of a core', false, [
      [', server', ({ serverCpu }) => serverCpu],
      [', busiest generator', ({ generatorCpu }) => generatorCpu],
    ]),
    byRate('Event-loop lag of the server at rate, 99 %', 'ms', false, [['', ({ loopLagP99Ms }) => loopLagP99Ms]]),
    overTime('Memory of the server', 'MiB', under, targets, ({ rssMiB }) => rssMiB),
    overTime('Processor of the server', 'share of a core', under, targets, ({ cpu }) => cpu),
    distribution(under, targets),
  ];
  return plots.filter(({ series }) => series.length > 0);
}

function plot(head: Omit<Plot, 'data' | 'series'>, x: readonly number[], rows: readonly { readonly name: string; readonly values: readonly (number | null)[] }[]): Plot {
  const kept = rows.filter(({ values }) => values.some((value) => value !== null));
  return { ...head, data: [x, ...kept.map(({ values }) => values)], series: kept.map(({ name }) => name) };
}

/** All samples of all steps, on the clock of the run. */
function overTime(title: string, y: string, steps: readonly Step[], targets: readonly string[], of: (sample: Step['samples'][number]) => number | null): Plot {
  const moments = steps
    .flatMap(({ target, at, samples }) => samples.map((sample) => ({ target, atSeconds: Date.parse(at) / 1_000 - (samples.at(-1)?.at ?? 0) + sample.at, value: of(sample) })))
    .sort((a, b) => a.atSeconds - b.atSeconds);
  const from = moments[0]?.atSeconds ?? 0;
  const rows = targets.map((target) => ({ name: target, values: moments.map((moment) => (moment.target === target ? moment.value : null)) }));
  return plot(
    { title, x: 'seconds of the run', y, log: false, points: true },
    moments.map(({ atSeconds }) => Number((atSeconds - from).toFixed(2))),
    rows,
  );
}

/** Of the steps that were measured in full: how long the slowest 1 in N took. */
function distribution(steps: readonly Step[], targets: readonly string[]): Plot {
  const figures: readonly (readonly [number, Of])[] = [
    [2, ({ p50Ms }) => p50Ms],
    [10, ({ p90Ms }) => p90Ms],
    [100, ({ p99Ms }) => p99Ms],
    [1_000, ({ p999Ms }) => p999Ms],
  ];
  const rows = targets.map((target) => {
    const own = steps.filter((step) => step.target === target && step.phase !== 'search' && step.p99Ms !== null).toSorted((a, b) => (a.p99Ms ?? 0) - (b.p99Ms ?? 0));
    const median = own[Math.floor((own.length - 1) / 2)];
    return { name: target, values: figures.map(([, of]) => (median === undefined ? null : of(median))) };
  });
  return plot(
    { title: 'Latency of the slowest 1 in N (median step that was measured)', x: 'N', y: 'ms', log: true, points: false },
    figures.map(([inN]) => inN),
    rows,
  );
}

/** The little of uPlot and the browser that drawing needs. */
interface Drawing {
  readonly uPlot: new (options: object, data: readonly (readonly (number | null)[])[], into: object) => unknown;
  readonly place: (at: number) => object;
  readonly width: number;
}

/** Runs in the page. */
export function draw(plots: readonly Plot[], { uPlot, place, width }: Drawing): void {
  const colours = ['#1f6feb', '#d1242f', '#1a7f37', '#9a6700', '#8250df', '#0a7ea4', '#bc4c00', '#57606a', '#bf3989'];
  for (const [at, { title, x, y, log, points, data, series }] of plots.entries()) {
    const lines = series.map((label, line) => {
      const stroke = colours[line % colours.length];
      return points ? { label, stroke, paths: () => null, points: { show: true, size: 5, fill: stroke } } : { label, stroke, width: 2 };
    });
    const inN = x === 'N';
    new uPlot(
      {
        title,
        width,
        height: 320,
        scales: { x: { time: false, distr: inN ? 3 : 1 }, y: { distr: log ? 3 : 1 } },
        axes: [{ label: x }, { label: y, size: 70 }],
        series: [{ label: x }, ...lines],
      },
      data,
      place(at),
    );
  }
}
