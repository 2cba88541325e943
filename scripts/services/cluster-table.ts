// Shows how a cluster is while it runs: each node's standing, shards, sessions and rates, drawn anew in place on a terminal, a block at each change of the nodes elsewhere.
import type { Cluster } from './cluster.ts';
import type { ClusterNode, View } from './cluster-node.ts';

export interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

interface Sample {
  readonly atMs: number;
  readonly counts: Readonly<Record<(typeof counted)[number], number>>;
}

const counted = ['entries', 'frames_out', 'forwards', 'superseded'] as const;
const everyMs = 1_000;
const heads = ['node', 'pid', 'state', 'shards', 'sessions', 'chats', 'entries/s', 'frames/s', 'forwards/s', 'superseded', 'lag ms', 'API'];

export class ClusterTable {
  readonly #cluster: Cluster;
  readonly #screen: Screen;
  readonly #samples = new Map<ClusterNode, Sample>();
  #timer: NodeJS.Timeout | undefined;
  #drawn = 0;
  #lastStates = '';

  constructor(cluster: Cluster, screen: Screen) {
    this.#cluster = cluster;
    this.#screen = screen;
  }

  show(): void {
    const again = async (): Promise<void> => {
      await this.draw();
      if (this.#timer !== undefined) this.#timer = setTimeout(() => void again(), everyMs);
    };
    this.#timer = setTimeout(() => void again(), 0);
  }

  hide(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Once, now. */
  async draw(): Promise<void> {
    const rows = await Promise.all(this.#cluster.nodes.map((node) => this.#row(node)));
    const states = rows.map(([name, pid, state, shards]) => [name, pid, state, shards].join(' ')).join();
    if (!this.#screen.isTTY && states === this.#lastStates) return; // in a log only what changes
    this.#lastStates = states;
    const lines = columns([heads, ...rows]);
    this.#screen.write(
      `${this.#screen.isTTY && this.#drawn > 0 ? `\u001b[${this.#drawn}A` : ''}${lines.map((line) => `${line}${this.#screen.isTTY ? '\u001b[K' : ''}\n`).join('')}`,
    );
    this.#drawn = lines.length;
  }

  async #row(node: ClusterNode): Promise<readonly string[]> {
    const { name, apiUrl } = node;
    if (!node.isRunning) return [name, '', 'not running'];
    const pid = `${node.parley.pid}`;
    try {
      const [view, ready, metrics] = await Promise.all([node.view(), node.ready(), node.metrics()]);
      const own = view.nodes.find((row) => row.node === name);
      const number = (key: string): number => metrics.get(`parley_${key}`) ?? 0;
      const sample: Sample = { atMs: performance.now(), counts: Object.fromEntries(counted.map((key) => [key, number(`${key}_total`)])) as Sample['counts'] };
      const before = this.#samples.get(node);
      this.#samples.set(node, sample);
      const rate = (key: (typeof counted)[number]): string =>
        before === undefined ? '' : `${Math.max(0, Math.round(((sample.counts[key] - before.counts[key]) * 1_000) / (sample.atMs - before.atMs)))}`;
      const lag = (metrics.get('parley_event_loop_lag_seconds{stat="p99"}') ?? 0) * 1_000;
      return [
        name,
        pid,
        stateOf(view, ready.reasons, own?.state),
        `${view.shards[name] ?? 0}`,
        `${number('sessions')}`,
        `${number('chats_awake')}`,
        rate('entries'),
        rate('frames_out'),
        rate('forwards'),
        `${number('superseded_total')}`,
        lag.toFixed(1),
        apiUrl,
      ];
    } catch {
      return [name, pid, 'does not answer'];
    }
  }
}

function stateOf({ standing, nodes }: View, reasons: readonly string[], state = 'joining'): string {
  if (reasons.length > 0) return reasons.join('; ').slice(0, 40);
  return standing === 'whole' ? `${state}, sees ${nodes.length}` : standing;
}

function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = heads.map((_, at) => Math.max(...rows.map((row) => (row[at] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
