// Commands per second through the kernel alone, without a commit: one entity, and ten thousand. `node bench/micro-kernel.ts [seconds]`
import type { ActorDefinition, Step } from '../src/actors/runtime/actor.ts';
import { systemClock } from '../src/actors/runtime/clock.ts';
import type { KernelEvent } from '../src/actors/runtime/events.ts';
import { createKernel } from '../src/actors/runtime/kernel.ts';

interface Add {
  readonly amount: number;
}
interface Added {
  readonly sum: number;
}
interface Sum {
  readonly sum: number;
}

const wave = 1_000; // told at once, then the event loop gets its turn
const seconds = Number(process.argv[2] ?? 3);
const add: Add = { amount: 1 };
let performed = 0;

const adder: ActorDefinition<string, Sum, Add, Added, undefined> = {
  kind: 'adder',
  mailboxMax: 2_000,
  mailboxBytesMax: 1_000_000,
  batchMax: 256,
  batchBytesMax: 1_000_000,
  passivateAfterMs: 300_000,
  sizeOf: () => 100,
  load: () => ({ state: { sum: 0 }, context: undefined }),
  step: (state, command): Step<Sum, Added> => {
    const next = { sum: state.sum + command.amount };
    return { state: next, effects: [next] };
  },
  isDurable: () => false,
  commit: () => undefined,
  perform: () => {
    performed += 1;
  },
  giveBack: (_command, why) => {
    throw new Error(`given back: ${why}`);
  },
  readsOnly: () => false,
};

function complain(event: KernelEvent): void {
  if (event.kind !== 'passivated') console.error(event);
}

async function measure(entities: number): Promise<void> {
  const clock = systemClock();
  const kernel = createKernel({ clock, random: Math.random, afterTurn: () => undefined, report: complain });
  kernel.host(adder);
  const ids = Array.from({ length: entities }, (_, at) => `entity-${at}`);
  const rates: number[] = [];
  let next = 0;
  for (let round = 0; round < 4; round += 1) {
    performed = 0;
    let told = 0;
    const started = performance.now();
    while (performance.now() - started < (seconds * 1_000) / 4) {
      for (let at = 0; at < wave; at += 1) {
        kernel.tell('adder', ids[next] as string, add);
        next = next + 1 === entities ? 0 : next + 1;
      }
      told += wave;
      await new Promise((resolve) => setImmediate(resolve));
    }
    while (performed < told) await new Promise((resolve) => setImmediate(resolve));
    rates.push(performed / (performance.now() - started));
  }
  await kernel.stop();
  const best = Math.max(...rates) * 1_000;
  console.log(`${entities} entities: ${(best / 1e6).toFixed(2)} M commands/s (best of ${rates.length}: ${rates.map((rate) => (rate / 1_000).toFixed(2)).join(', ')})`);
}

for (const entities of [1, 100, 10_000]) await measure(entities);
