// One Parley node of a cluster on this machine: started, killed, stopped and started again under the same name and ports.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './debian.ts';
import { type Ended, Parley, ParleyFailed, type ParleyOptions } from './parley.ts';
import type { TcpProxy } from './tcp-proxy.ts';

/** Between one node and what it stands on. */
export interface Ways {
  readonly nats: TcpProxy;
  /** One for each node of Cassandra. */
  readonly cassandra: readonly TcpProxy[];
  readonly redis?: TcpProxy;
}

export interface NodeOptions {
  readonly environment: Readonly<Record<string, string>>;
  readonly ways?: Ways;
  /** Sockets; the API is one above, the operators' listener two. Left out: any free ones. */
  readonly firstPort?: number;
  readonly transport?: ParleyOptions['transport'];
  readonly nodeOptions?: readonly string[];
}

/** What a node sees of the cluster: GET /cluster of its operators' listener. */
export interface View {
  readonly node: string;
  readonly standing: string;
  readonly level: number;
  readonly shards: Readonly<Record<string, number>>;
  readonly nodes: readonly { readonly node: string; readonly state: string; readonly sessions: number; readonly chats: number; readonly isSuspected: boolean }[];
}

/** An answer of a process that was told to stand still, or of a host that is out of reach, is not waited for. */
const askMsMax = 2_000;

export class ClusterNode {
  readonly name: string;
  /** Undefined unless the cluster was started `proxied`. */
  readonly ways: Ways | undefined;
  readonly socketPort: number;
  readonly apiPort: number;
  readonly opsPort: number;
  /** Of all its processes so far; the last one runs, or has ended. */
  readonly processes: Parley[] = [];
  readonly #options: NodeOptions;
  readonly #folder: string;

  private constructor(name: string, options: NodeOptions, ports: readonly [number, number, number], folder: string) {
    this.name = name;
    this.ways = options.ways;
    [this.socketPort, this.apiPort, this.opsPort] = ports;
    this.#options = options;
    this.#folder = folder;
  }

  static async create(name: string, options: NodeOptions): Promise<ClusterNode> {
    const { firstPort } = options;
    const ports = firstPort === undefined ? await freePorts() : ([firstPort, firstPort + 1, firstPort + 2] as const);
    return new ClusterNode(name, options, ports, await mkdtemp(join(tmpdir(), `parley-${name}-`)));
  }

  /** The process that runs, or ran last. */
  get parley(): Parley {
    const last = this.processes.at(-1);
    if (last === undefined) throw new Error(`node ${this.name} has not been started`);
    return last;
  }

  get isRunning(): boolean {
    return this.processes.at(-1)?.isRunning ?? false;
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.apiPort}`;
  }

  get socketUrl(): string {
    return `ws://127.0.0.1:${this.socketPort}`;
  }

  get opsUrl(): string {
    return `http://127.0.0.1:${this.opsPort}`;
  }

  /** Resolves when it serves. `environment`, `under` and `nodeOptions` are for this process alone: libfaketime, say, or another feature level. */
  async start(own: Pick<ParleyOptions, 'environment' | 'under' | 'nodeOptions'> = {}): Promise<void> {
    if (this.isRunning) throw new ParleyFailed(`node ${this.name} runs already`);
    const { environment, transport, nodeOptions = [] } = this.#options;
    const ports = { PARLEY_PORT: `${this.socketPort}`, PARLEY_API_PORT: `${this.apiPort}`, PARLEY_OPS_PORT: `${this.opsPort}` };
    const parley = await Parley.start({
      data: this.#folder, // where nothing is written
      environment: { ...ports, PARLEY_NODE: this.name, ...environment, ...own.environment },
      nodeOptions: [...nodeOptions, ...(own.nodeOptions ?? [])],
      ...(transport && { transport }),
      ...(own.under && { under: own.under }),
    });
    this.processes.push(parley);
  }

  /** Resolves when it has gone. SIGTERM drains it. */
  kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<Ended> {
    return this.parley.kill(signal);
  }

  /** It stands still, connections and all, until `goOn`. */
  pause(): void {
    process.kill(this.parley.pid, 'SIGSTOP');
  }

  goOn(): void {
    process.kill(this.parley.pid, 'SIGCONT');
  }

  /** Drains it, and starts it again. */
  async restart(own: Parameters<ClusterNode['start']>[0] = {}): Promise<void> {
    await this.kill('SIGTERM');
    await this.start(own);
  }

  async view(): Promise<View> {
    return (await this.#ask('/cluster')) as View;
  }

  async ready(): Promise<{ readonly ready: boolean; readonly reasons: readonly string[] }> {
    return (await this.#ask('/readyz')) as { ready: boolean; reasons: string[] };
  }

  /** Its metrics by name; with labels as they are written: `parley_refusals_total{why="busy"}`. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(`${this.opsUrl}/metrics`, { signal: AbortSignal.timeout(askMsMax) })).text();
    return new Map(
      text
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
    );
  }

  /** Ends it if it runs, and what belongs to it. */
  async stop(): Promise<void> {
    if (this.isRunning) {
      this.goOn(); // one that stands still would not hear
      await this.parley.stop();
    }
    if (this.ways) await Promise.all([this.ways.nats, ...this.ways.cassandra, ...(this.ways.redis ? [this.ways.redis] : [])].map((proxy) => proxy.stop()));
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #ask(path: string): Promise<unknown> {
    return (await fetch(`${this.opsUrl}${path}`, { signal: AbortSignal.timeout(askMsMax) })).json();
  }
}

async function freePorts(): Promise<[number, number, number]> {
  const ports = new Set<number>();
  while (ports.size < 3) ports.add(await freePort());
  return [...ports] as [number, number, number];
}
