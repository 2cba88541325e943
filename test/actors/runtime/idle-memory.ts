// Run by memory.test.ts in a process of its own, with --expose-gc: what an idle entity costs. Prints one line of JSON.
import { systemClock } from '../../../src/actors/runtime/clock.ts';
import { createKernel } from '../../../src/actors/runtime/kernel.ts';

const entities = 100_000;
const collect = globalThis.gc;
if (collect === undefined) throw new Error('run with --expose-gc');

const state = { nothing: true };
const command = {};
let performed = 0;
const kernel = createKernel({ clock: systemClock(), random: Math.random, afterTurn: () => undefined, report: () => undefined });
kernel.host({
  kind: 'idler',
  mailboxMax: 100,
  mailboxBytesMax: 10_000,
  batchMax: 16,
  batchBytesMax: 10_000,
  passivateAfterMs: 3_600_000,
  sizeOf: () => 1,
  load: () => ({ state, context: undefined }),
  step: () => ({ state, effects: [command] }),
  isDurable: () => false,
  commit: () => undefined,
  perform: () => {
    performed += 1;
  },
  giveBack: (_command, why) => {
    throw new Error(why);
  },
  readsOnly: () => false,
});

const ids = Array.from({ length: entities }, (_, at) => `u${`${at}`.padStart(20, 'x')}`);
const measured = (): { readonly heap: number; readonly rss: number } => {
  for (let times = 0; times < 3; times += 1) collect();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, rss };
};

/** In portions, as they connect in life: the run queue and its mailboxes stay small. */
async function wakeAll(): Promise<void> {
  for (let from = 0; from < entities; from += 1_000) {
    for (const id of ids.slice(from, from + 1_000)) {
      kernel.tell('idler', id, command);
      kernel.tell('idler', id, command);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  while (performed < 2 * entities) await new Promise((resolve) => setImmediate(resolve));
}

const before = measured();
await wakeAll();
const after = measured();
const awake = kernel.awake('idler');
console.log(JSON.stringify({ awake, heapBytes: (after.heap - before.heap) / entities, rssBytes: (after.rss - before.rss) / entities }));
await kernel.stop();
