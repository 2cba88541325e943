// The clocks of all processes of a cluster at one moment, and what they did until a later one.
import type { Cluster } from '../../scripts/services/cluster.ts';
import { profileNowUs } from '../cpu-profile.ts';
import { namedThreadSecondsOf, threadSecondsOf } from '../targets/usage.ts';

export interface Stretch {
  readonly fromUs: number;
  readonly us: number;
  /** Seconds of processor of each node's main thread, by process. */
  readonly mains: ReadonlyMap<number, number>;
  mainOf(pids: readonly number[]): number;
  /** Of all other threads of all nodes. */
  readonly others: number;
  readonly natsServer: number;
  /** By what its threads do. */
  readonly cassandra: Readonly<Record<CassandraPart, number>>;
}

/** `compiling`: Java's compilers, which have less and less to do. `garbage`: its collector, and whatever else stops all threads. `behind`: flushes and compactions. `serving`: the rest. */
export const cassandraParts = ['serving', 'compiling', 'garbage', 'behind'] as const;
export type CassandraPart = (typeof cassandraParts)[number];

export class Moment {
  readonly #atUs = profileNowUs();
  readonly #mains: ReadonlyMap<number, number>;
  readonly #others: number;
  readonly #natsServer: number;
  readonly #cassandra: ReadonlyMap<string, number>;

  private constructor({ nodes, nats, cassandra }: Cluster) {
    const threads = new Map(nodes.map(({ parley: { pid } }) => [pid, threadsOf(pid)]));
    this.#mains = new Map([...threads].map(([pid, { main }]) => [pid, main]));
    this.#others = sum([...threads.values()].map(({ others }) => others));
    this.#natsServer = wholeOf(nats.pid);
    this.#cassandra = namedThreadSecondsOf(cassandra.nodes[0]?.pid ?? -1);
  }

  static of(cluster: Cluster): Moment {
    return new Moment(cluster);
  }

  until(to: Moment): Stretch {
    const mains = new Map([...this.#mains].map(([pid, seconds]) => [pid, (to.#mains.get(pid) ?? Number.NaN) - seconds]));
    return {
      fromUs: this.#atUs,
      us: to.#atUs - this.#atUs,
      mains,
      mainOf: (pids) => sum(pids.map((pid) => mains.get(pid) ?? Number.NaN)),
      others: to.#others - this.#others,
      natsServer: to.#natsServer - this.#natsServer,
      cassandra: partsOf(new Map([...to.#cassandra].map(([name, seconds]) => [name, seconds - (this.#cassandra.get(name) ?? 0)]))),
    };
  }
}

function threadsOf(pid: number): { readonly main: number; readonly others: number } {
  const threads = threadSecondsOf(pid);
  if (threads === null) throw new Error(`nothing is known of process ${pid}: it has ended, or this is not Linux`);
  return threads;
}

function wholeOf(pid: number | undefined): number {
  const { main, others } = threadsOf(pid ?? -1);
  return main + others;
}

function partsOf(threads: ReadonlyMap<string, number>): Record<CassandraPart, number> {
  const parts = { serving: 0, compiling: 0, garbage: 0, behind: 0 };
  for (const [name, seconds] of threads) parts[partOf(name)] += seconds;
  return parts;
}

function partOf(thread: string): CassandraPart {
  if (/^C[12] Compiler|^Sweeper thread/.test(thread)) return 'compiling';
  if (/^VM Thread|^GC |^G1 /.test(thread)) return 'garbage';
  return /Compaction|Memtable|PerDiskMemtable|IndexSummary/.test(thread) ? 'behind' : 'serving';
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
