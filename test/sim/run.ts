// Runs worlds by seed: `npm run sim -- --seeds 10000 [--from N] [--nodes 3]` tells which fail; `--seed N [--trace]` shows one. `--nodes 2-5`: each seed has a number of its own.
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { manyWorlds, nodesIn, serveWorlds } from './many.ts';
import { complaintsIn, simulate } from './simulate.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    nodes: { type: 'string', default: '1' },
    processes: { type: 'string', default: String(availableParallelism()) },
    trace: { type: 'boolean', default: false },
    /** Used by itself: one of the processes that run worlds. */
    worker: { type: 'boolean', default: false },
  },
});
const print = (line: string): void => void process.stdout.write(`${line}\n`);

if (values.worker) serveWorlds();
else if (values.seed !== undefined) await one(Number(values.seed));
else process.exitCode = await manyWorlds({ from: Number(values.from), count: Number(values.seeds), nodes: values.nodes, processes: Number(values.processes), print });

async function one(seed: number): Promise<void> {
  process.on('unhandledRejection', (error) => {
    print(`seed ${seed}: a promise was rejected and nobody heard: ${error instanceof Error ? error.stack : String(error)}`);
    process.exit(1);
  });
  const verdict = await simulate({ seed, nodes: nodesIn(values.nodes, seed), ...(values.trace && { trace: print }) });
  print(verdict.complaints.length > 0 ? complaintsIn(verdict) : `seed ${seed}: all is well; ${verdict.entries} entries, ${verdict.frames} frames`);
  process.exitCode = verdict.complaints.length > 0 ? 1 : 0;
}
