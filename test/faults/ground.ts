// What the nemesis breaks: Parley nodes, Cassandra, NATS and Redis as real processes, each node with a clock and with ways to the services of its own.
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Cassandra, type CassandraNode, quickly } from '../../scripts/services/cassandra.ts';
import { freePort } from '../../scripts/services/debian.ts';
import { JumpingClock } from '../../scripts/services/faketime.ts';
import { NatsServer } from '../../scripts/services/nats.ts';
import { type Ended, lastingAddress, Parley, ParleyFailed } from '../../scripts/services/parley.ts';
import { RedisServer } from '../../scripts/services/redis.ts';
import { TcpProxy } from '../../scripts/services/tcp-proxy.ts';
import type { Address } from './whereabouts.ts';

export interface GroundOptions {
  readonly nodes: number;
  readonly stores: number;
  /** Where the logs of the nodes go. */
  readonly folder: string;
  readonly say: (text: string) => void;
  /** Further settings of the nodes. */
  readonly settings?: Readonly<Record<string, string>>;
}

export type Service = 'nats' | 'store' | 'redis';

const detour = new URL('detour.mjs', import.meta.url).href;
const heartbeatMs = 5_000;
const restMs = 500;
/** Of the nodes, at first: as a build before this one would have it. */
export const olderLevel = 1;
export const thisLevel = 2;

export class Ground {
  readonly nodes: readonly GroundNode[];
  readonly cassandra: Cassandra;
  readonly nats: NatsServer;
  readonly redis: RedisServer;

  private constructor(nodes: readonly GroundNode[], cassandra: Cassandra, nats: NatsServer, redis: RedisServer) {
    this.nodes = nodes;
    this.cassandra = cassandra;
    this.nats = nats;
    this.redis = redis;
  }

  /** Resolves when all nodes serve. */
  static async start(options: GroundOptions): Promise<Ground> {
    await mkdir(options.folder, { recursive: true });
    const [cassandra, nats, redis] = await Promise.all([
      Cassandra.start({ nodes: options.stores, java: quickly }, options.say),
      NatsServer.start({}, options.say),
      RedisServer.start({}, options.say),
    ]);
    const nodes = await Promise.all(Array.from({ length: options.nodes }, (_, at) => GroundNode.prepare(`node-${at + 1}`, { cassandra, nats, redis }, options)));
    const ground = new Ground(nodes, cassandra, nats, redis);
    try {
      await nodes[0]?.start(); // it makes the keyspace
      await Promise.all(nodes.slice(1).map((node) => node.start()));
      return ground;
    } catch (error) {
      await ground.stop();
      throw error;
    }
  }

  get addresses(): readonly Address[] {
    return this.nodes.map(({ name, socketUrl, apiUrl }) => ({ name, socketUrl, apiUrl }));
  }

  store(at: number): CassandraNode {
    return this.cassandra.nodes[at] as CassandraNode;
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    await Promise.all([this.cassandra.stop(), this.nats.stop(), this.redis.stop()]);
  }
}

interface Services {
  readonly cassandra: Cassandra;
  readonly nats: NatsServer;
  readonly redis: RedisServer;
}

export class GroundNode {
  readonly name: string;
  readonly socketUrl: string;
  readonly apiUrl: string;
  readonly opsUrl: string;
  readonly clock: JumpingClock;
  /** To the store: one for each of its nodes. */
  readonly ways: Readonly<Record<Service, readonly TcpProxy[]>>;
  level = olderLevel;
  /** Rises with each process. */
  life = 0;
  /** Starts that failed and were repeated. */
  failedStarts = 0;
  /** Told when a process ends that nobody has ended. */
  onEnd: (ended: Ended) => void = () => undefined;
  /** Of the lines of its log those about errors, of all its processes. */
  readonly errors: string[] = [];
  readonly #environment: Readonly<Record<string, string>>;
  readonly #log: string;
  readonly #say: (text: string) => void;
  #parley: Parley | undefined;
  #isEnding = false;

  private constructor(name: string, clock: JumpingClock, ways: GroundNode['ways'], environment: Readonly<Record<string, string>>, { folder, say }: GroundOptions) {
    this.name = name;
    this.clock = clock;
    this.ways = ways;
    this.#environment = environment;
    this.#log = join(folder, `${name}.log`);
    this.#say = say;
    this.socketUrl = `ws://127.0.0.1:${environment['PARLEY_PORT']}`;
    this.apiUrl = `http://127.0.0.1:${environment['PARLEY_API_PORT']}`;
    this.opsUrl = `http://127.0.0.1:${environment['PARLEY_OPS_PORT']}`;
  }

  static async prepare(name: string, { cassandra, nats, redis }: Services, options: GroundOptions): Promise<GroundNode> {
    const clock = await JumpingClock.start(options.say);
    const store = await Promise.all(cassandra.nodes.map(({ address }) => TcpProxy.start({ host: address, port: cassandra.port })));
    const ways = { store, nats: [await TcpProxy.start({ port: nats.port })], redis: [await TcpProxy.start({ port: redis.port })] } as const;
    const environment = {
      ...(await lastingAddress()),
      PARLEY_OPS_PORT: `${await freePort()}`,
      PARLEY_NODE: name,
      PARLEY_NATS: `nats://127.0.0.1:${ways.nats[0].port}`,
      PARLEY_CQL: cassandra.contactPoints.join(','),
      PARLEY_CQL_REPLICAS: `${cassandra.nodes.length}`,
      PARLEY_REDIS: `redis://127.0.0.1:${ways.redis[0].port}`,
      PARLEY_HEARTBEAT_MS: `${heartbeatMs}`,
      PARLEY_LOG: 'info',
      TEST_DETOURS: cassandra.nodes.map(({ address }, at) => `${address}:${cassandra.port}=${store[at]?.port}`).join(','),
      ...clock.environment,
      ...options.settings,
    };
    return new GroundNode(name, clock, ways, environment, options);
  }

  get isRunning(): boolean {
    return this.#parley?.isRunning ?? false;
  }

  /** Tries until it serves: other faults may stand in its way. */
  async start(level = this.level): Promise<void> {
    this.level = level;
    for (;;) {
      try {
        this.#parley = await Parley.start({ environment: { ...this.#environment, PARLEY_FEATURE_LEVEL: `${this.level}` }, nodeOptions: ['--import', detour] });
        this.life += 1;
        const started = this.#parley;
        void started.ended.then((ended) => started === this.#parley && !this.#isEnding && this.onEnd(ended));
        this.#isEnding = false;
        return;
      } catch (error) {
        if (!(error instanceof ParleyFailed)) throw error;
        this.failedStarts += 1;
        // The others have gone on without it: an operator starts it as new as they are.
        if (error.message.includes('Start a build that is as new as the others')) this.level = thisLevel;
        this.#say(`${this.name} did not start: ${error.message.split('\n').slice(0, 4).join(' | ')}`);
        await delay(restMs);
      }
    }
  }

  async kill(): Promise<void> {
    this.#isEnding = true;
    await this.#parley?.kill('SIGKILL');
    await this.#keepLog();
  }

  /** As an operator ends it. */
  async drain(): Promise<Ended | undefined> {
    this.#isEnding = true;
    const ended = await this.#parley?.stop();
    await this.#keepLog();
    return ended;
  }

  pause(): void {
    if (this.#parley?.isRunning) process.kill(this.#parley.pid, 'SIGSTOP');
  }

  resume(): void {
    if (this.#parley?.isRunning) process.kill(this.#parley.pid, 'SIGCONT');
  }

  async stop(): Promise<void> {
    this.resume();
    for (const way of Object.values(this.ways).flat()) {
      way.mend();
      way.slow(0);
    }
    await this.drain();
    for (const way of Object.values(this.ways).flat()) await way.stop();
    await this.clock.stop();
  }

  async #keepLog(): Promise<void> {
    const { lines = [] } = this.#parley ?? {};
    if (this.#parley === undefined) return;
    this.errors.push(...this.#parley.logged('error'));
    this.#parley = undefined;
    await appendFile(this.#log, `${lines.join('\n')}\n\n`);
  }
}
