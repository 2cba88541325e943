// What a stretch of load says about the processes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WindowResult } from '../../bench/generator/traffic.ts';
import { type Stretch, usedOf } from '../../bench/runs/side.ts';
import { generatorBusyWhy } from '../../bench/runs/summary.ts';

/** One second in which each generator used that share of that core. */
function stretchOf(generators: readonly (readonly [core: number | undefined, share: number])[]): Stretch {
  const at = (ms: number, cpuSeconds: number) => ({ atMs: ms, cpuSeconds, waitedSeconds: 0 });
  return {
    result: {} as WindowResult,
    server: { before: at(0, 0), after: at(1_000, 0.5) },
    generators: generators.map(([core, share]) => ({ core, before: at(0, 0), after: at(1_000, share) })),
    fdatasyncs: null,
  };
}

test('the busiest generator counts, and those that share a core are one', () => {
  const busiest = (...generators: readonly (readonly [number | undefined, number])[]): number | null => usedOf([stretchOf(generators)])[1].utilisation;
  assert.equal(busiest([1, 0.25], [2, 0.5]), 0.5);
  assert.equal(busiest([1, 0.25], [1, 0.5], [2, 0.5]), 0.75);
  assert.equal(busiest([undefined, 0.25], [undefined, 0.5]), 0.5);
});

test('three generators that fill one core together make a run void, though none is busy by itself', () => {
  assert.equal(
    generatorBusyWhy([
      stretchOf([
        [1, 0.3],
        [2, 0.3],
        [3, 0.3],
      ]),
    ]),
    undefined,
  );
  assert.match(
    generatorBusyWhy([
      stretchOf([
        [1, 0.31],
        [1, 0.31],
        [1, 0.31],
      ]),
    ]) as string,
    /busy 93 % of the time/,
  );
});
