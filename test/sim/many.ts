// Many worlds in several processes: each takes the next seed when it has done one. A world that takes too long has failed as well, and its process is ended.
import { type ChildProcess, fork } from 'node:child_process';
import { complaintsIn, simulate } from './simulate.ts';

export interface ManyWorlds {
  readonly from: number;
  readonly count: number;
  /** A number, or a range of which each seed has one: `2-5`. */
  readonly nodes: string;
  readonly processes: number;
  print(line: string): void;
}

/** What a process tells of one world. */
interface Told {
  readonly seed: number;
  readonly failed: string | undefined;
  readonly frames: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** A world takes seconds; one that runs for so long never ends. */
const stuckMs = 120_000;
const progressEveryMs = 10_000;

/** How many nodes the world of that seed has. */
export function nodesIn(nodes: string, seed: number): number {
  const [least = 1, most = least] = nodes.split('-').map(Number);
  return least + (seed % (most - least + 1));
}

/** Tells which seeds fail. The exit code: 0 if none does. */
export async function manyWorlds({ from, count, nodes, processes, print }: ManyWorlds): Promise<number> {
  const startedMs = performance.now();
  const failed: number[] = [];
  let next = from;
  let done = 0;
  let frames = 0;
  const counts: Record<string, number> = {};
  const progress = setInterval(() => print(`… ${done} of ${count}, ${failed.length} failed, ${seconds(startedMs)} s`), progressEveryMs);
  const takes = (): number | undefined => (next < from + count ? next++ : undefined);
  const tells = (told: Told): void => {
    done += 1;
    frames += told.frames;
    for (const [what, count] of Object.entries(told.counts)) counts[what] = (counts[what] ?? 0) + count;
    if (told.failed === undefined) return;
    failed.push(told.seed);
    print(told.failed);
  };
  await Promise.all(Array.from({ length: Math.min(processes, count) }, () => work(nodes, takes, tells)));
  clearInterval(progress);
  print(`${count} seeds from ${from}, nodes ${nodes}: ${failed.length} failed; ${frames} frames in ${seconds(startedMs)} s of ${processes} processes`);
  if (Object.keys(counts).length > 0) print(`in them: ${namedCounts(counts)}`);
  if (failed.length > 0) print(`failed: ${failed.sort((one, other) => one - other).join(' ')}`);
  return failed.length > 0 ? 1 : 0;
}

/** One process after the other, as long as there are seeds: one that dies takes a single world with it. */
async function work(nodes: string, takes: () => number | undefined, tells: (told: Told) => void): Promise<void> {
  let child: ChildProcess | undefined;
  for (let seed = takes(); seed !== undefined; seed = takes()) {
    child ??= fork(`${import.meta.dirname}/run.ts`, ['--worker']);
    const told = await tellsOf(child, seed, nodesIn(nodes, seed));
    if (told === 'dead') child = undefined;
    tells(
      told === 'dead'
        ? { seed, failed: `seed ${seed}: its process ended, or went on for ${stuckMs / 1_000} s; ${again(seed, nodesIn(nodes, seed))}`, frames: 0, counts: {} }
        : told,
    );
  }
  child?.disconnect();
}

function tellsOf(child: ChildProcess, seed: number, nodes: number): Promise<Told | 'dead'> {
  return new Promise((resolve) => {
    const stuck = setTimeout(() => child.kill('SIGKILL'), stuckMs);
    const over = (told: Told | 'dead'): void => {
      clearTimeout(stuck);
      child.off('message', over).off('exit', died);
      resolve(told);
    };
    const died = (): void => over('dead');
    child.on('message', over).on('exit', died);
    child.send({ seed, nodes });
  });
}

/** In one of the processes: runs the worlds it is given, one at a time. */
export function serveWorlds(): void {
  let running = { seed: 0, nodes: 1 };
  const tell = (told: Told): void => void process.send?.(told);
  process.on('unhandledRejection', (error) => {
    const text = error instanceof Error ? error.stack : String(error);
    process.send?.({ seed: running.seed, failed: `seed ${running.seed}: a promise was rejected and nobody heard: ${text}`, frames: 0, counts: {} } satisfies Told, () =>
      process.exit(1),
    );
  });
  process.on('disconnect', () => process.exit()); // whoever wanted to know is gone
  process.on('message', (world: { readonly seed: number; readonly nodes: number }) => {
    running = world;
    simulate(world).then(
      (verdict) => tell({ seed: world.seed, failed: verdict.complaints.length > 0 ? complaintsIn(verdict) : undefined, frames: verdict.frames, counts: verdict.counts }),
      (error: unknown) =>
        tell({
          seed: world.seed,
          failed: `seed ${world.seed}: ${error instanceof Error ? error.stack : String(error)}; ${again(world.seed, world.nodes)}`,
          frames: 0,
          counts: {},
        }),
    );
  });
}

function namedCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([what, count]) => `${count} ${what}`)
    .sort()
    .join(' · ');
}

function again(seed: number, nodes: number): string {
  return `node test/sim/run.ts --seed ${seed}${nodes > 1 ? ` --nodes ${nodes}` : ''} --trace`;
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1_000).toFixed(1);
}
