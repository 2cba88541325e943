// A whole cluster on this machine: Parley nodes with their NATS, Cassandra and Redis, on free ports and folders of their own, each stopped by its process.
// For tests, fault tests, the bench, and whoever wants to see it run.
import { Cassandra, type CassandraOptions, credentials } from './cassandra.ts';
import { ClusterNode, type NodeOptions, type Ways } from './cluster-node.ts';
import { NatsServer } from './nats.ts';
import { RedisServer } from './redis.ts';
import { TcpProxy } from './tcp-proxy.ts';

export interface ClusterOptions {
  /** Parley nodes, named n1, n2 …; 0: none yet (`add` starts them). */
  readonly nodes?: number;
  /** Of Cassandra: 1, or 3 with three replicas of everything. */
  readonly storeNodes?: 1 | 3;
  readonly redis?: boolean;
  /** Further lines of the configuration of NATS. */
  readonly natsConfiguration?: string;
  /** Where Cassandra keeps its data, and leaves it; left out: a temporary folder. */
  readonly folder?: string;
  readonly commitLog?: CassandraOptions['commitLog'];
  /** What else Cassandra is told. */
  readonly store?: Pick<CassandraOptions, 'configuration' | 'java'>;
  /** Whether Cassandra asks for a name and a password; the nodes then have them. */
  readonly authentication?: boolean;
  /** Settings and variables of all nodes. */
  readonly environment?: Readonly<Record<string, string>>;
  /** And of one of them. */
  readonly environmentOf?: (name: string) => Readonly<Record<string, string>>;
  /** Each node reaches NATS, Cassandra and Redis by proxies of its own, which can be cut, stalled and slowed: `node.ways`. */
  readonly proxied?: boolean;
  /** Ports for node n1 to count up from, three each; left out: any free ones, which a node keeps over its restarts. */
  readonly firstPort?: number;
  readonly transport?: NodeOptions['transport'];
  readonly nodeOptions?: readonly string[];
  /** In a process group of its own, which a Ctrl-C at the terminal does not reach. */
  readonly ownGroup?: boolean;
}

type Say = (text: string) => void;

export class Cluster {
  readonly nats: NatsServer;
  readonly cassandra: Cassandra;
  readonly redis: RedisServer | undefined;
  /** By name; also those that do not run now. */
  readonly nodes: ClusterNode[] = [];
  readonly #options: ClusterOptions;
  #added = 0;

  private constructor(nats: NatsServer, cassandra: Cassandra, redis: RedisServer | undefined, options: ClusterOptions) {
    this.nats = nats;
    this.cassandra = cassandra;
    this.redis = redis;
    this.#options = options;
  }

  /** Resolves when all nodes serve and see each other. What is missing on this machine is fetched or installed, and said. Rejects with what to do. */
  static async start(options: ClusterOptions = {}, say: Say = () => undefined): Promise<Cluster> {
    const {
      nodes = 3,
      storeNodes = 1,
      redis = true,
      natsConfiguration: configuration = '',
      folder,
      commitLog = 'periodic',
      authentication = false,
      ownGroup = false,
      store,
    } = options;
    const stops: (() => Promise<unknown>)[] = [];
    try {
      const nats = await NatsServer.start({ ownGroup, configuration }, say);
      stops.push(() => nats.stop());
      const cache = redis ? await RedisServer.start({ ownGroup }, say) : undefined;
      if (cache) stops.push(() => cache.stop());
      const cassandra = await Cassandra.start({ nodes: storeNodes, commitLog, authentication, ownGroup, ...store, ...(folder !== undefined && { folder }) }, say);
      stops.push(() => cassandra.stop());
      const cluster = new Cluster(nats, cassandra, cache, options);
      stops.push(() => cluster.#stopNodes());
      if (nodes > 0) await cluster.add(); // it makes the keyspace
      await Promise.all(Array.from({ length: Math.max(0, nodes - 1) }, () => cluster.add()));
      await cluster.whole();
      return cluster;
    } catch (error) {
      for (const stop of stops.toReversed()) await stop().catch(() => undefined);
      throw error;
    }
  }

  /** The node of that name: n1, n2 … */
  node(name: string): ClusterNode {
    const found = this.nodes.find((node) => node.name === name);
    if (found === undefined) throw new Error(`there is no node ${name}, only ${this.nodes.map((node) => node.name).join(', ')}`);
    return found;
  }

  get running(): readonly ClusterNode[] {
    return this.nodes.filter(({ isRunning }) => isRunning);
  }

  /** The HTTP APIs of all nodes, as the SDK takes them. */
  get apiUrls(): string {
    return this.nodes.map(({ apiUrl }) => apiUrl).join(',');
  }

  /** One more node, started. */
  async add(own: { readonly name?: string; readonly environment?: Readonly<Record<string, string>> } = {}): Promise<ClusterNode> {
    const { environment, environmentOf, proxied = false, firstPort, transport, nodeOptions, ownGroup = false } = this.#options;
    const nth = this.#added;
    this.#added += 1;
    const name = own.name ?? `n${nth + 1}`;
    const ways = proxied ? await this.#ways() : undefined;
    const node = await ClusterNode.create(name, {
      environment: { ...this.#services(ways), ...environment, ...environmentOf?.(name), ...own.environment },
      ownGroup,
      ...(ways && { ways }),
      ...(firstPort !== undefined && { firstPort: firstPort + 10 * nth }),
      ...(transport && { transport }),
      ...(nodeOptions && { nodeOptions }),
    });
    this.nodes.push(node);
    this.nodes.sort((one, other) => one.name.localeCompare(other.name, 'en', { numeric: true }));
    await node.start();
    return node;
  }

  /** Ends that node, for good. */
  async remove(name: string): Promise<void> {
    const node = this.node(name);
    this.nodes.splice(this.nodes.indexOf(node), 1);
    await node.stop();
  }

  /** Resolves when every node that runs sees all that run, and no other. */
  async whole(msMax = 30_000): Promise<void> {
    const startedMs = performance.now();
    for (;;) {
      const names = this.running.map(({ name }) => name).sort();
      const views = await Promise.all(this.running.map((node) => node.view().catch(() => undefined)));
      if (views.every((view) => view?.nodes.map(({ node }) => node).join() === names.join())) return;
      if (performance.now() - startedMs > msMax) throw new Error(`The nodes do not see each other: ${JSON.stringify(views.map((view) => view?.nodes.map(({ node }) => node)))}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Drains the nodes, then ends what they stand on. */
  async stop(): Promise<void> {
    await this.#stopNodes();
    await Promise.all([this.cassandra.stop(), this.redis?.stop(), this.nats.stop()]);
  }

  async #stopNodes(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  /** What a node is told of what it stands on, for one that is started otherwise. */
  get services(): Readonly<Record<string, string>> {
    return this.#services(undefined);
  }

  #services(ways: Ways | undefined): Readonly<Record<string, string>> {
    const { cassandra, nats, redis } = this;
    const at = (proxy: TcpProxy): string => `127.0.0.1:${proxy.port}`;
    return {
      PARLEY_NATS: ways ? `nats://${at(ways.nats)}` : nats.url,
      PARLEY_CQL: (ways ? ways.cassandra.map(at) : cassandra.contactPoints).join(','),
      ...(ways && { PARLEY_CQL_ADDRESSES: cassandra.nodes.map(({ address }, nth) => `${address}=${at(ways.cassandra[nth] as TcpProxy)}`).join(',') }),
      ...(this.#options.authentication && { PARLEY_CQL_USER: credentials.username, PARLEY_CQL_PASSWORD: credentials.password }),
      PARLEY_CQL_REPLICAS: `${cassandra.nodes.length}`,
      ...(redis && { PARLEY_REDIS: ways?.redis ? `redis://${at(ways.redis)}` : redis.url }),
    };
  }

  async #ways(): Promise<Ways> {
    const { nats, redis, cassandra } = this;
    return {
      nats: await TcpProxy.start({ port: nats.port }),
      cassandra: await Promise.all(cassandra.nodes.map(({ address }) => TcpProxy.start({ port: cassandra.port, host: address }))),
      ...(redis && { redis: await TcpProxy.start({ port: redis.port }) }),
    };
  }
}
