// The way to the CQL store: one driver for all stores of a process, with what is tried again, for how long, and how much at once.
import { type Client, types } from 'cassandra-driver';
import { type ClientOptions, connectedClient, ended, fenceProfile } from './client.cql.ts';
import { outcomeOf, reasonOf } from './errors.cql.ts';
import { StoreRefused, StoreUnavailable } from './faults.ts';
import { Gate } from './gate.cql.ts';
import { isAway, Outage } from './outage.cql.ts';

export type Row = types.Row;
export interface Statement {
  readonly query: string;
  readonly params: readonly unknown[];
}
export interface ReadOptions {
  /** Finishes appends that a coordinator has left half done, and sees them. */
  readonly serial?: boolean;
  readonly fetchSize?: number;
  /** About how much the answer may hold. */
  readonly bytes?: number;
  readonly pageState?: string | undefined;
}
export interface Page {
  readonly rows: readonly Row[];
  readonly next: string | undefined;
}

const { localQuorum, localSerial } = types.consistencies;
const triesMax = 5;
const restMs = { first: 40, max: 1_000 };
const schemaTimeoutMs = 30_000;
const shutdownMsMax = 1_000;
const probeMs = 1_000;
/** A statement waits so long for a store of which no node is there. */
const awayMsMax = 1_000;
/** What a request weighs beside its values, and a read by its answer. */
const requestBytes = 256;
const readBytes = 4 * 1024;

export class CqlSession {
  readonly client: Client;
  readonly keyspace: string;
  readonly dataCenter: string;
  /** Since the opening, for metrics: conditional statements whose outcome was unknown for a while; submissions of them after the first; other tries after the first; tries that failed; serial reads. */
  readonly counts = { unknown: 0, resubmitted: 0, repeated: 0, failed: 0, serialReads: 0 };
  readonly #gate = new Gate();
  readonly #outage = new Outage();
  #trouble: string | undefined;
  #probe: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();

  private constructor(client: Client, keyspace: string, dataCenter: string) {
    this.client = client;
    this.keyspace = keyspace;
    this.dataCenter = dataCenter;
    client.on('hostUp', () => void this.#look());
  }

  /** Rejects with what to do where nobody answers, or says no. */
  static async connect(options: ClientOptions): Promise<CqlSession> {
    const { client, dataCenter } = await connectedClient(options);
    return new CqlSession(client, options.keyspace, dataCenter);
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

  async page(query: string, params: readonly unknown[], { serial = false, fetchSize = 5_000, pageState, bytes = readBytes }: ReadOptions = {}): Promise<Page> {
    if (serial) this.counts.serialReads += 1;
    const options = {
      prepare: true,
      isIdempotent: true,
      fetchSize,
      consistency: serial ? localSerial : localQuorum,
      ...(serial && { executionProfile: fenceProfile }),
      ...(pageState !== undefined && { pageState }),
    };
    const result = await this.#again(bytes, () => this.client.execute(query, params as unknown[], options));
    return { rows: result.rows, next: result.pageState ?? undefined };
  }

  /** Something that may be done twice. Rejects with StoreUnavailable where it is not certain that it was done. */
  async write(query: string, params: readonly unknown[]): Promise<void> {
    const bytes = requestBytes + bytesIn(params);
    await this.#again(bytes, () => this.client.execute(query, params as unknown[], { prepare: true, isIdempotent: true, consistency: localQuorum }));
  }

  /** The same for several statements about one partition: all or none. */
  async writeAll(statements: readonly Statement[]): Promise<void> {
    const [only] = statements;
    if (only === undefined) return;
    if (statements.length === 1) return this.write(only.query, only.params);
    await this.#again(bytesOf(statements), () =>
      this.client.batch(statements as { query: string; params: unknown[] }[], { prepare: true, isIdempotent: true, consistency: localQuorum, logged: false }),
    );
  }

  /**
   * A conditional change of one partition, submitted, as it is, until it is answered: absence in a read would prove nothing, a slow coordinator may still carry it out.
   * `false`: the condition did not hold, perhaps because an earlier submission of the same has been carried out. StoreUnavailable: certainly not carried out.
   */
  async decide(statements: readonly Statement[]): Promise<boolean> {
    const bytes = bytesOf(statements);
    let isUnknown = false;
    for (let tries = 1; ; tries += 1) {
      if (this.#outage.isOn && !(await this.#outage.over(isUnknown ? Number.POSITIVE_INFINITY : awayMsMax)) && !isUnknown) throw this.#away();
      try {
        return (await this.#pass(bytes, () => this.client.batch(statements as { query: string; params: unknown[] }[], conditional))).wasApplied();
      } catch (error) {
        const outcome = error instanceof StoreUnavailable ? 'absent' : outcomeOf(error);
        if (outcome === 'refused' && !isUnknown) throw new StoreRefused(reasonOf(error), { cause: error });
        this.#failed(error);
        if (outcome === 'absent' && !isUnknown && (tries >= triesMax || this.#closing.signal.aborted)) throw new StoreUnavailable(reasonOf(error), { cause: error });
        if (outcome === 'unknown' && !isUnknown) {
          isUnknown = true;
          this.counts.unknown += 1;
        }
        if (isUnknown && this.#closing.signal.aborted) throw new Error('the store is closed, and whether the last conditional write stands is unknown', { cause: error });
      }
      if (isUnknown) this.counts.resubmitted += 1;
      else this.counts.repeated += 1;
      await this.#rest(tries);
    }
  }

  /** A change of the schema; resolves when all nodes have it. */
  async change(query: string): Promise<void> {
    await this.#again(requestBytes, () => this.client.execute(query, [], { readTimeout: schemaTimeoutMs }));
  }

  /** Why the last statement failed, until one succeeds, which is tried every second. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Requests under way, and those that wait for their turn. */
  get load(): { readonly requests: number; readonly waiting: number } {
    return this.#gate;
  }

  /** Nothing is tried again from now on. */
  stopTrying(): void {
    this.#closing.abort();
    this.#outage.close();
  }

  async close(): Promise<void> {
    this.stopTrying();
    const shut = ended(this.client);
    // Over a connection that is stuck the driver waits for answers that nobody needs any more; it goes on by itself.
    await Promise.race([shut, new Promise<void>((resolve) => setTimeout(resolve, shutdownMsMax).unref())]);
    shut.catch(() => undefined);
  }

  async #again<Value>(bytes: number, ask: () => Promise<Value>): Promise<Value> {
    for (let tries = 1; ; tries += 1) {
      if (this.#outage.isOn && !(await this.#outage.over(awayMsMax))) throw this.#away();
      try {
        return await this.#pass(bytes, ask);
      } catch (error) {
        if (error instanceof StoreUnavailable) throw error;
        if (outcomeOf(error) === 'refused') throw new StoreRefused(reasonOf(error), { cause: error });
        this.#failed(error);
        if (tries >= triesMax || this.#closing.signal.aborted) throw new StoreUnavailable(reasonOf(error), { cause: error });
      }
      this.counts.repeated += 1;
      await this.#rest(tries);
    }
  }

  #away(): StoreUnavailable {
    return new StoreUnavailable(this.#trouble ?? 'no node of the store is up');
  }

  /** Asks by itself from now on whether the store is back: a node that is not ready is not asked for anything. */
  #failed(error: unknown): void {
    this.counts.failed += 1;
    this.#trouble = reasonOf(error);
    if (isAway(error)) this.#outage.begin();
    this.#probe ??= setTimeout(() => void this.#look(), probeMs * (0.75 + Math.random() / 2)).unref();
  }

  async #look(): Promise<void> {
    clearTimeout(this.#probe);
    this.#probe = undefined;
    if (this.#trouble === undefined || this.#closing.signal.aborted) return;
    const query = `SELECT value FROM ${this.keyspace}.about WHERE name = 'version'`;
    await this.#pass(requestBytes, () => this.client.execute(query, [], { isIdempotent: true, consistency: localQuorum })).catch((error: unknown) => this.#failed(error));
  }

  /** Once, within what the gate allows. */
  async #pass<Value>(bytes: number, ask: () => Promise<Value>): Promise<Value> {
    const turn = this.#gate.enter(bytes);
    if (turn !== undefined) await turn;
    try {
      const value = await ask();
      this.#trouble = undefined;
      this.#outage.end();
      return value;
    } finally {
      this.#gate.leave(bytes);
    }
  }

  /** Longer each time, and never the same for two: those who collided do not collide again. Over at once when nothing is to be tried again. */
  #rest(tries: number): Promise<void> {
    const ms = Math.min(restMs.max, restMs.first * 2 ** (tries - 1)) * (0.5 + Math.random());
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done);
      if (signal.aborted) done();
    });
  }
}

const conditional = { prepare: true, isIdempotent: false, logged: false, consistency: localQuorum, serialConsistency: localSerial, executionProfile: fenceProfile };

function bytesOf(statements: readonly Statement[]): number {
  return statements.reduce((bytes, { params }) => bytes + requestBytes + bytesIn(params), 0);
}

function bytesIn(params: readonly unknown[]): number {
  let bytes = 0;
  for (const param of params) if (Buffer.isBuffer(param)) bytes += param.byteLength;
  return bytes;
}
