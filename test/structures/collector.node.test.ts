// That V8 takes what it is told whatever it is doing, the marking of a full collection included. What it brings is measured, in bench/.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const module = JSON.stringify(new URL('../../src/structures/collector.node.ts', import.meta.url).href);

/** A queue of objects moves on and is collected again and again; V8 is told at one point of it. Says how many full collections there were before and after, and whether the queue is as it should be. */
const programOf = (cores: number, toldAt: number): string => `
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
const { collectSeldom } = await import(${module});
const full = [0, 0];
let told = 0;
new PerformanceObserver((list) => { for (const { detail } of list.getEntries()) if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) full[told] += 1; }).observe({ entryTypes: ['gc'] });
const queue = Array.from({ length: 40_000 }, () => undefined);
for (let at = 0; at < 1_500_000; at += 1) {
  queue[at % queue.length] = { at, text: String(at).padStart(20), more: [at, at + 1, at + 2, at + 3] };
  if (at === ${toldAt}) { collectSeldom(${cores}); told = 1; }
  if (at % 10_000 === 0) await setTimeout(1);
}
await setTimeout(50);
console.log(JSON.stringify({ full, isWhole: queue.every(({ at, text, more }, place) => at % queue.length === place && Number(text) === at && more[3] === at + 3) }));
`;

for (const cores of [1, 2]) {
  test(`told how to collect at any point of its collections, with ${cores} core(s), V8 goes on with them and loses nothing`, async () => {
    for (const toldAt of [0, 700_000, 706_000]) {
      const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', programOf(cores, toldAt)]);
      const { full, isWhole } = JSON.parse(stdout) as { readonly full: readonly [number, number]; readonly isWhole: boolean };
      assert.ok(isWhole && full[1] >= 1 && (toldAt === 0 || full[0] >= 1), stdout);
    }
  });
}
