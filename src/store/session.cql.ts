// The way to the CQL store: one driver for all stores of a process, with what is tried again, where, and for how long.
import type { ConnectionOptions } from 'node:tls';
import * as driver from 'cassandra-driver';
import { auth, Client, ExecutionProfile, errors, policies, type tracker, types } from 'cassandra-driver';
import { isAboutCredentials, outcomeOf, reasonOf } from './errors.cql.ts';
import { StoreRefused, StoreUnavailable } from './faults.ts';
import { ReplicasFirst, Suspects } from './replicas.cql.ts';

export interface SessionOptions {
  /** `host` or `host:port`, some nodes of the store; the others are found through them. */
  readonly contactPoints: readonly string[];
  /** Only its nodes are asked. */
  readonly localDataCenter: string;
  readonly keyspace: string;
  readonly credentials?: { readonly username: string; readonly password: string } | undefined;
  /** As for tls.connect; undefined: in the clear. */
  readonly tls?: ConnectionOptions | undefined;
  /** Where nodes are reached at other addresses than they know of each other (a proxy, an address translation). */
  readonly addresses?: policies.addressResolution.AddressTranslator | undefined;
  /** How long a statement may take before the node counts as slow and the next one is asked. */
  readonly readTimeoutMs?: number;
}

export type Row = types.Row;
export interface Statement {
  readonly query: string;
  readonly params: readonly unknown[];
}
export interface ReadOptions {
  /** Finishes appends that a coordinator has left half done, and sees them. */
  readonly serial?: boolean;
  readonly fetchSize?: number;
  readonly pageState?: string | undefined;
}
export interface Page {
  readonly rows: readonly Row[];
  readonly next: string | undefined;
}

const { localQuorum, localSerial } = types.consistencies;
const triesMax = 5;
const restMs = { first: 40, max: 1_000 };
const connectTimeoutMs = 5_000;
const schemaTimeoutMs = 30_000;
const fence = 'fence';

export class CqlSession {
  readonly client: Client;
  readonly keyspace: string;
  /** Since the opening; for metrics. Appends whose outcome was unknown for a while, and tries again of any kind. */
  readonly counts = { unknown: 0, again: 0 };
  #trouble: string | undefined;
  #closing = false;

  private constructor(client: Client, keyspace: string) {
    this.client = client;
    this.keyspace = keyspace;
  }

  /** Rejects with what to do where nobody answers, or says no. */
  static async connect(options: SessionOptions): Promise<CqlSession> {
    if (!/^[a-z][a-z0-9_]{0,47}$/.test(options.keyspace))
      throw new StoreRefused(`"${options.keyspace}" cannot be a keyspace: a–z, 0–9 and _, at most 48, beginning with a letter.`);
    const client = new Client(clientOptions(options));
    try {
      await client.connect();
    } catch (error) {
      await client.shutdown().catch(() => undefined);
      throw whyNotConnected(error, options);
    }
    const found = new Set(client.hosts.values().map(({ datacenter }) => datacenter));
    if (found.has(options.localDataCenter)) return new CqlSession(client, options.keyspace);
    await client.shutdown();
    throw new StoreRefused(`The store at ${options.contactPoints.join(', ')} has no data centre "${options.localDataCenter}", only ${[...found].join(', ')}.`);
  }

  /** Of all pages. */
  async read(query: string, params: readonly unknown[], options: ReadOptions = {}): Promise<readonly Row[]> {
    const rows: Row[] = [];
    let pageState: string | undefined;
    do {
      const page = await this.page(query, params, { ...options, pageState });
      rows.push(...page.rows);
      pageState = page.next;
    } while (pageState !== undefined);
    return rows;
  }

  async one(query: string, params: readonly unknown[], options: ReadOptions = {}): Promise<Row | undefined> {
    return (await this.page(query, params, options)).rows[0];
  }

  async page(query: string, params: readonly unknown[], { serial = false, fetchSize = 5_000, pageState }: ReadOptions = {}): Promise<Page> {
    const options = {
      prepare: true,
      isIdempotent: true,
      fetchSize,
      consistency: serial ? localSerial : localQuorum,
      ...(serial && { executionProfile: fence }),
      ...(pageState !== undefined && { pageState }),
    };
    const result = await this.#again(() => this.client.execute(query, params as unknown[], options));
    return { rows: result.rows, next: result.pageState ?? undefined };
  }

  /** Something that may be done twice. Rejects with StoreUnavailable where it is not certain that it was done. */
  async write(query: string, params: readonly unknown[]): Promise<void> {
    await this.#again(() => this.client.execute(query, params as unknown[], { prepare: true, isIdempotent: true, consistency: localQuorum }));
  }

  /** The same for several statements about one partition: all or none. */
  async writeAll(statements: readonly Statement[]): Promise<void> {
    const [only] = statements;
    if (only === undefined) return;
    if (statements.length === 1) return this.write(only.query, only.params);
    await this.#again(() =>
      this.client.batch(statements as { query: string; params: unknown[] }[], { prepare: true, isIdempotent: true, consistency: localQuorum, logged: false }),
    );
  }

  /**
   * A conditional change of one partition, submitted, as it is, until it is answered: absence in a read would prove nothing, a slow coordinator may still carry it out.
   * `false`: the condition did not hold, perhaps because an earlier submission of the same has been carried out. StoreUnavailable: certainly not carried out.
   */
  async decide(statements: readonly Statement[]): Promise<boolean> {
    let isUnknown = false;
    for (let tries = 1; ; tries += 1) {
      try {
        const result = await this.client.batch(statements as { query: string; params: unknown[] }[], {
          prepare: true,
          isIdempotent: false,
          logged: false,
          consistency: localQuorum,
          serialConsistency: localSerial,
          executionProfile: fence,
        });
        this.#trouble = undefined;
        return result.wasApplied();
      } catch (error) {
        const outcome = outcomeOf(error);
        if (outcome === 'refused') throw new StoreRefused(reasonOf(error), { cause: error });
        this.#trouble = reasonOf(error);
        if (outcome === 'absent' && !isUnknown) throw new StoreUnavailable(reasonOf(error), { cause: error });
        if (!isUnknown) this.counts.unknown += 1;
        isUnknown = true;
        if (this.#closing) throw new Error('the store is closed, and whether the last append stands is unknown', { cause: error });
      }
      this.counts.again += 1;
      await rest(tries);
    }
  }

  /** A change of the schema; resolves when all nodes have it. */
  async change(query: string): Promise<void> {
    await this.#again(() => this.client.execute(query, [], { readTimeout: schemaTimeoutMs }));
  }

  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Nothing is tried again from now on. */
  closing(): void {
    this.#closing = true;
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.client.shutdown();
  }

  async #again<Value>(ask: () => Promise<Value>): Promise<Value> {
    for (let tries = 1; ; tries += 1) {
      try {
        const value = await ask();
        this.#trouble = undefined;
        return value;
      } catch (error) {
        if (outcomeOf(error) === 'refused') throw new StoreRefused(reasonOf(error), { cause: error });
        this.#trouble = reasonOf(error);
        if (tries >= triesMax || this.#closing) throw new StoreUnavailable(reasonOf(error), { cause: error });
      }
      this.counts.again += 1;
      await rest(tries);
    }
  }
}

/** Longer each time, and never the same for two: those who collided do not collide again. */
function rest(tries: number): Promise<void> {
  const ms = Math.min(restMs.max, restMs.first * 2 ** (tries - 1)) * (0.5 + Math.random());
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function clientOptions(options: SessionOptions): ConstructorParameters<typeof Client>[0] {
  const { contactPoints, localDataCenter, keyspace, credentials, tls, addresses, readTimeoutMs = 3_000 } = options;
  const suspects = new Suspects();
  const where = { keyspace, localDataCenter, suspects };
  return {
    contactPoints: [...contactPoints],
    // Not told of the data centre, whose absence it would take for an outage, leaving connections behind: our policies know it.
    ...(credentials && { authProvider: new auth.PlainTextAuthProvider(credentials.username, credentials.password) }),
    ...(tls && { sslOptions: tls }),
    policies: {
      loadBalancing: new ReplicasFirst({ ...where, order: 'turns' }),
      // An append that is sent twice at once competes with itself.
      speculativeExecution: new policies.speculativeExecution.NoSpeculativeExecutionPolicy(),
      // Conditional statements are ordered by the store's own ballots, and everything else that races says its timestamp itself.
      timestampGeneration: null as unknown as policies.timestampGeneration.TimestampGenerator, // none
      ...(addresses && { addressResolution: addresses }),
    },
    profiles: [new ExecutionProfile(fence, { loadBalancing: new ReplicasFirst({ ...where, order: 'token' }), consistency: localQuorum, serialConsistency: localSerial })],
    queryOptions: { consistency: localQuorum, serialConsistency: localSerial },
    socketOptions: { readTimeout: readTimeoutMs, connectTimeout: connectTimeoutMs, tcpNoDelay: true },
    pooling: { coreConnectionsPerHost: { [types.distance.local]: 1 }, heartBeatInterval: 5_000 },
    requestTracker: new SlowNodes(suspects),
    monitorReporting: { enabled: false },
  };
}

/** The driver wants a descendant of its class, which its types call an interface. */
const { RequestTracker } = (driver as unknown as { readonly tracker: { readonly RequestTracker: new () => object } }).tracker;

class SlowNodes extends RequestTracker implements tracker.RequestTracker {
  readonly #suspects: Suspects;

  constructor(suspects: Suspects) {
    super();
    this.#suspects = suspects;
  }

  onError(host: { readonly address: string }, _query: unknown, _parameters: unknown, _options: unknown, _length: number, error: Error): void {
    if (error instanceof errors.OperationTimedOutError) this.#suspects.add(host.address);
  }

  onSuccess(host: { readonly address: string }): void {
    this.#suspects.clear(host.address);
  }

  shutdown(): void {}
}

function whyNotConnected(error: unknown, { contactPoints, credentials }: SessionOptions): Error {
  const cause = { cause: error };
  const where = contactPoints.join(', ');
  if (isAboutCredentials(error)) {
    const who = credentials === undefined ? 'it wants credentials, and none are set' : `it refuses the user "${credentials.username}" with the password that is set`;
    return new StoreRefused(`The store at ${where} answers, but ${who}.`, cause);
  }
  return new StoreUnavailable(`The store at ${where} cannot be reached: ${reasonOf(error)}`, cause);
}
