// When a quiet process gives memory back, and that V8 really does.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { QuietCollector } from '../../src/structures/quiet.node.ts';

const run = promisify(execFile);
const mib = 1_048_576;

/** Looks at these moments, one after the other; says at which of them it collected. What is held is then what is used and 2 MiB. */
function collectedAt(moments: readonly { readonly used: number; readonly held: number; readonly busy: number }[]): readonly number[] {
  const at: number[] = [];
  let now = 0;
  let gone = 0;
  const moment = () => moments[now] as (typeof moments)[0];
  const quiet = new QuietCollector({
    usedBytes: () => moment().used * mib,
    heldBytes: () => (moment().held - gone) * mib,
    busyShare: () => moment().busy,
    collect() {
      at.push(now);
      gone = moment().held - moment().used - 2;
    },
  });
  for (; now < moments.length; now += 1) {
    quiet.look();
    gone = 0;
  }
  return at;
}

test('it collects once it has been quiet for two looks, and again only when the heap has grown', () => {
  const loaded = { used: 30, held: 60, busy: 0.5 };
  const calm = { used: 30, held: 60, busy: 0.01 };
  const done = { used: 30, held: 32, busy: 0.01 };
  assert.deepEqual(collectedAt([loaded, loaded, calm, calm, done, done]), [3]);
  assert.deepEqual(collectedAt([calm, loaded, calm, loaded, calm]), []);
  assert.deepEqual(collectedAt([calm, calm, done, loaded, calm, calm, done]), [1, 5]);
});

test('what died since the last time counts, though it looks as if it lived', () => {
  const first = { used: 30, held: 60, busy: 0 };
  const more = { used: 50, held: 55, busy: 0 };
  assert.deepEqual(collectedAt([first, first, more, more]), [1, 2]);
});

test('neither for little nor where much lives', () => {
  assert.deepEqual(collectedAt([1, 2, 3].map(() => ({ used: 10, held: 15, busy: 0 }))), []);
  assert.deepEqual(collectedAt([1, 2, 3].map(() => ({ used: 200, held: 400, busy: 0 }))), []);
});

const program = `
import { setTimeout } from 'node:timers/promises';
const { heapOfV8, QuietCollector } = await import(${JSON.stringify(new URL('../../src/structures/quiet.node.ts', import.meta.url).href)});
const queue = new Array(60_000);
for (let at = 0; at < 1_500_000; at += 1) queue[at % queue.length] = { at, more: [at] };
const heap = heapOfV8(() => 0);
const before = heap.heldBytes();
const collector = new QuietCollector(heap);
for (let look = 0; look < 3; look += 1) { collector.look(); await setTimeout(1); }
console.log(JSON.stringify({ before, after: heap.heldBytes(), used: heap.usedBytes(), isWhole: queue.every(({ at, more }, place) => at % queue.length === place && more[0] === at), gc: typeof gc }));
`;

test('V8 gives back what it holds and does not use, and loses nothing', async () => {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program]);
  const { before, after, used, isWhole, gc } = JSON.parse(stdout) as {
    readonly before: number;
    readonly after: number;
    readonly used: number;
    readonly isWhole: boolean;
    readonly gc: string;
  };
  assert.ok(isWhole && before > after + 16 * mib && after < used + 8 * mib && gc === 'undefined', stdout);
});
