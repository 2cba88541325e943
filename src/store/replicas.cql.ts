// Which node of the store is asked first. Conditional statements go to the first replica in token order: two that race for a log then meet in one place instead of duelling.
import { type Client, type EmptyCallback, type ExecutionOptions, type HostMap, policies, types } from 'cassandra-driver';

type Host = ReturnType<HostMap['values']>[number];

/** A node that let a statement wait for too long is asked last for this long; then one statement tries it. */
const suspectMs = 10_000;
const probeMs = 5_000;

/** Nodes that were slow to answer, by address. */
export class Suspects {
  readonly #untilMs = new Map<string, number>();

  add(address: string): void {
    this.#untilMs.set(address, Date.now() + suspectMs);
  }

  /** It has answered. */
  clear(address: string): void {
    if (this.#untilMs.size > 0) this.#untilMs.delete(address);
  }

  /** Whether to ask it last. */
  isSuspect(address: string): boolean {
    return this.#untilMs.has(address);
  }

  /** For a statement that would ask it first. True once its time is over, which then begins again: one statement tries it. */
  mayTry(address: string): boolean {
    const untilMs = this.#untilMs.get(address);
    const nowMs = Date.now();
    if (untilMs === undefined || nowMs < untilMs) return false;
    this.#untilMs.set(address, nowMs + probeMs);
    return true;
  }

  get size(): number {
    return this.#untilMs.size;
  }
}

export interface Place {
  readonly keyspace: string;
  /** Undefined until it is known: then all nodes count. */
  dataCenter: string | undefined;
}

export interface ReplicaOptions {
  readonly place: Place;
  readonly suspects: Suspects;
  /** `token`: replicas in token order, always. `turns`: another one first each time, to share the load. */
  readonly order: 'token' | 'turns';
}

/** Replicas of the statement's partition first, then the other nodes of our data centre; those of others never. */
export class ReplicasFirst extends policies.loadBalancing.LoadBalancingPolicy {
  readonly #options: ReplicaOptions;
  #client: Client | undefined;
  #hosts: HostMap | undefined;
  #turn = 0;

  constructor(options: ReplicaOptions) {
    super();
    this.#options = options;
  }

  override init(client: Client, hosts: HostMap, callback: EmptyCallback): void {
    this.#client = client;
    this.#hosts = hosts;
    callback(undefined as unknown as Error); // its type knows no success
  }

  override getDistance(host: Host): types.distance {
    const { dataCenter } = this.#options.place;
    return dataCenter === undefined || host.datacenter === dataCenter ? types.distance.local : types.distance.ignored;
  }

  override newQueryPlan(_keyspace: string, executionOptions: ExecutionOptions | null, callback: (error: Error, plan: Iterator<Host>) => void): void {
    callback(undefined as unknown as Error, this.#plan(executionOptions).values());
  }

  override getOptions(): Map<string, object> {
    return new Map();
  }

  #plan(executionOptions: ExecutionOptions | null): readonly Host[] {
    const { order, suspects, place } = this.#options;
    const all = (this.#hosts?.values() ?? []).filter((host) => this.getDistance(host) === types.distance.local);
    this.#turn += 1;
    const replicas = this.#replicasOf(executionOptions, place.keyspace);
    const first = order === 'token' ? replicas : turned(replicas, this.#turn);
    const others = turned(
      all.filter((host) => !replicas.includes(host)),
      this.#turn,
    );
    const plan = [...first, ...others];
    if (suspects.size === 0) return plan;
    const slow = new Set(plan.filter((host, at) => suspects.isSuspect(host.address) && !(at === 0 && suspects.mayTry(host.address))));
    return [...plan.filter((host) => !slow.has(host)), ...slow];
  }

  #replicasOf(executionOptions: ExecutionOptions | null, keyspace: string): readonly Host[] {
    const routingKey = (executionOptions as { getRoutingKey?(): Buffer | Buffer[] | null } | null)?.getRoutingKey?.();
    if (!routingKey || Array.isArray(routingKey)) return [];
    const replicas: readonly Host[] | null = this.#client?.getReplicas(keyspace, routingKey) ?? null;
    return (replicas ?? []).filter((host) => this.getDistance(host) === types.distance.local);
  }
}

function turned(hosts: readonly Host[], turn: number): readonly Host[] {
  if (hosts.length < 2) return hosts;
  const from = turn % hosts.length;
  return [...hosts.slice(from), ...hosts.slice(0, from)];
}
