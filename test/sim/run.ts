// Runs worlds by seed: `node test/sim/run.ts --seeds 10000 [--from N] [--nodes N]` tells which fail; `--seed N [--trace]` shows one. `--nodes 3`: worlds of three nodes.
import { parseArgs } from 'node:util';
import { complaintsIn, simulate } from './simulate.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    nodes: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  },
});
const print = (line: string): void => void process.stdout.write(`${line}\n`);

const nodes = Number(values.nodes);
let running = 0;
process.on('unhandledRejection', (error) => {
  print(`seed ${running}: a promise was rejected and nobody heard: ${error instanceof Error ? error.stack : String(error)}`);
  process.exit(1);
});

if (values.seed === undefined) await many(Number(values.from), Number(values.seeds));
else await one(Number(values.seed));

async function one(seed: number): Promise<void> {
  running = seed;
  const verdict = await simulate({ seed, nodes, ...(values.trace && { trace: print }) });
  print(verdict.complaints.length > 0 ? complaintsIn(verdict) : `seed ${seed}: all is well; ${verdict.entries} entries, ${verdict.frames} frames`);
  process.exitCode = verdict.complaints.length > 0 ? 1 : 0;
}

async function many(from: number, count: number): Promise<void> {
  const startedMs = performance.now();
  let failed = 0;
  let frames = 0;
  for (let seed = from; seed < from + count; seed += 1) {
    running = seed;
    const verdict = await simulate({ seed, nodes });
    frames += verdict.frames;
    if (verdict.complaints.length === 0) continue;
    failed += 1;
    print(complaintsIn(verdict));
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  print(`${count} seeds from ${from}: ${failed} failed; ${frames} frames in ${seconds.toFixed(1)} s, ${((seconds * 1_000) / count).toFixed(0)} ms a seed`);
  process.exitCode = failed > 0 ? 1 : 0;
}
