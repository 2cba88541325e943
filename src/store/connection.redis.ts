// One connection to Redis that never keeps anybody waiting: what does not answer soon counts as gone, and is tried again by itself.
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { StoreRefused, StoreUnavailable } from './faults.ts';
import type { RedisOptions } from './redis-settings.ts';

export const redisMax = {
  /** A command that takes longer has failed, and the connection is made anew. */
  commandMs: 1_000,
  /** Commands that wait for their answer; one more fails at once. */
  commands: 2_000,
  /** How long the start of a node waits for the first answer. */
  openMs: 3_000,
  retryMs: 2_000,
  /** The same error of single commands is reported once in so long. */
  sameErrorMs: 60_000,
} as const;

export interface RedisReport {
  readonly level: 'info' | 'warn';
  readonly says: string;
}

export interface RedisConnectionNeeds {
  /** Once when it is lost and once when it is back, not for each command. */
  onReport(report: RedisReport): void;
}

export class RedisConnection {
  readonly client: Redis;
  readonly prefix: string;
  readonly #where: string;
  readonly #wantsTls: boolean;
  readonly #needs: RedisConnectionNeeds;
  readonly #backs: (() => void)[] = [];
  readonly #reported = new Map<string, number>();
  #waiting = 0;
  /** Undefined until the first answer or failure. */
  #isUp: boolean | undefined;
  #closing = false;
  /** Given up, and not yet closed. */
  #isDropped = false;
  #lastError: Error | undefined;

  private constructor(options: RedisOptions, needs: RedisConnectionNeeds) {
    this.#needs = needs;
    this.#where = `Redis at ${options.host}:${options.port}`;
    this.#wantsTls = options.tls !== undefined;
    this.prefix = options.prefix;
    this.client = clientOf(options);
    this.client.on('error', (error: Error) => {
      this.#lastError = error;
    });
    this.client.on('close', () => this.#lost());
    this.client.on('ready', () => this.#back());
  }

  /** Resolves also when Redis is out of reach: a node starts without it. Throws StoreRefused for settings that will never work. */
  static async open(options: RedisOptions, needs: RedisConnectionNeeds): Promise<RedisConnection> {
    const connection = new RedisConnection(options, needs);
    const wrong = await connection.#firstOutcome();
    if (wrong === undefined) return connection;
    connection.close();
    throw new StoreRefused(`${connection.#where}: ${wrong}`);
  }

  get isUp(): boolean {
    return this.#isUp === true && !this.#isDropped && this.client.status === 'ready';
  }

  /** Rejects with StoreUnavailable: at once while Redis is out of reach or too much waits, else within `redisMax.commandMs`. */
  async run<Answer>(work: (client: Redis) => Promise<Answer>): Promise<Answer> {
    if (!this.isUp) throw new StoreUnavailable(`${this.#where} is out of reach.`);
    if (this.#waiting >= redisMax.commands) throw new StoreUnavailable(`${this.#where}: ${redisMax.commands} commands wait already.`);
    this.#waiting += 1;
    try {
      return await answered(work(this.client));
    } catch (cause) {
      this.#failed(cause as Error);
      throw new StoreUnavailable(`${this.#where}: a command failed.`, { cause });
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Runs `job` now if it is up, and whenever it is back: it may then have forgotten everything. */
  onBack(job: () => void): void {
    this.#backs.push(job);
    if (this.isUp) job();
  }

  close(): void {
    this.#closing = true;
    this.client.disconnect();
  }

  #firstOutcome(): Promise<string | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(undefined), redisMax.openMs);
      const settle = (wrong: string | undefined): void => {
        clearTimeout(timer);
        this.client.off('ready', ready).off('close', closed);
        if (wrong === undefined && !this.isUp) this.#sayLost();
        resolve(wrong);
      };
      const ready = (): void => settle(undefined);
      const closed = (): void => settle(this.#lastError && lastingFault(this.#lastError));
      this.client.once('ready', ready).once('close', closed);
    });
  }

  #back(): void {
    if (this.#isUp === false) this.#needs.onReport({ level: 'info', says: `${this.#where} is back: presence and rate limits are shared again.` });
    this.#isUp = true;
    this.#lastError = undefined;
    for (const job of this.#backs) job();
  }

  #lost(): void {
    this.#isDropped = false;
    if (this.#isUp === true && !this.#closing) this.#sayLost();
  }

  #sayLost(): void {
    const hint =
      this.#isUp === undefined && (this.#lastError as NodeJS.ErrnoException | undefined)?.code !== 'ECONNREFUSED' ? `; ${firstTimeHints[this.#wantsTls ? 'tls' : 'plain']}` : '';
    const why = (this.#lastError === undefined ? 'it has closed the connection, or does not answer' : (lastingFault(this.#lastError) ?? this.#lastError.message)) + hint;
    this.#isUp = false;
    this.#needs.onReport({
      level: 'warn',
      says: `${this.#where} is out of reach (${why}). Until it is back nobody's presence is known beyond this node, and rate limits count for this node alone; messages go on.`,
    });
  }

  #failed(error: Error): void {
    if (error instanceof NoAnswer) {
      if (this.#isDropped) return;
      this.#isDropped = true;
      this.#lastError = error;
      return this.client.disconnect(true);
    }
    if (error.name !== 'ReplyError') return; // the connection broke: `close` says so
    const kind = error.message.split(' ', 1)[0] as string;
    const nowMs = performance.now();
    if (nowMs - (this.#reported.get(kind) ?? Number.NEGATIVE_INFINITY) < redisMax.sameErrorMs) return;
    this.#reported.set(kind, nowMs);
    this.#needs.onReport({
      level: 'warn',
      says: `${this.#where} does not do what it is asked (${lastingFault(error) ?? error.message}). Until it does, this node keeps presence and rate limits to itself.`,
    });
  }
}

function clientOf({ host, port, database, user, password, tls }: RedisOptions): Redis {
  return new Redis({
    host,
    port,
    db: database,
    ...(user !== '' && { username: user }),
    ...(password !== '' && { password }),
    ...(tls && {
      tls: {
        ...(tls.caFile !== undefined && { ca: contentOf('PARLEY_REDIS_TLS_CA', tls.caFile) }),
        ...(tls.certFile !== undefined && { cert: contentOf('PARLEY_REDIS_TLS_CERT', tls.certFile) }),
        ...(tls.keyFile !== undefined && { key: contentOf('PARLEY_REDIS_TLS_KEY', tls.keyFile) }),
      },
    }),
    connectionName: 'parley',
    connectTimeout: redisMax.openMs,
    disconnectTimeout: redisMax.commandMs, // one that is stopped would keep its half of the connection for ever
    socketTimeout: 2 * redisMax.commandMs,
    enableOfflineQueue: false, // nothing waits for its return
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 6), redisMax.retryMs) * (0.5 + Math.random() / 2),
  });
}

function contentOf(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new StoreRefused(`${setting}: ${file} cannot be read (${(cause as NodeJS.ErrnoException).code}).`, { cause });
  }
}

class NoAnswer extends Error {}

/** What has arrived by then is read first: that this process stood still meanwhile is not Redis's silence. */
function answered<Answer>(answer: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(() => reject(new NoAnswer(`no answer within ${redisMax.commandMs} ms`))), redisMax.commandMs);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** What may be behind a connection that breaks off, or stays silent, from the very first. */
const firstTimeHints = {
  tls: 'it may want a certificate (PARLEY_REDIS_TLS_CERT), or not speak TLS there (redis:// instead of rediss://)',
  plain: 'it may want TLS (rediss:// instead of redis://)',
};

/** What to do, where waiting does not help. Undefined: it may come by itself. */
function lastingFault(error: Error): string | undefined {
  const { message } = error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (/^NOAUTH/.test(message)) return 'it wants a password: set PARLEY_REDIS_PASSWORD';
  if (/^WRONGPASS|invalid password/.test(message)) return 'it refuses the name or password: look at PARLEY_REDIS_USER and PARLEY_REDIS_PASSWORD';
  if (/^NOPERM/.test(message)) return 'its user may not do what Parley does: give it the rights ~PREFIX:* +@all -@dangerous +info';
  if (/^ERR DB index/.test(message)) return 'it has no database of that number: look at PARLEY_REDIS';
  if (/^UNABLE_TO|SELF_SIGNED|^CERT_|ERR_TLS_CERT/.test(code)) return `its certificate is not good (${code}): PARLEY_REDIS_TLS_CA names who may sign it`;
  if (/^ERR_SSL_.*(?:CERTIFICATE|ALERT)/.test(code)) return `it refuses this node's certificate (${code}): look at PARLEY_REDIS_TLS_CERT`;
  if (/^ERR_SSL|^EPROTO/.test(code)) return `it does not speak TLS there (${code}): redis:// instead of rediss://, or another port`;
  if (error.name === 'ParserError') return 'what answers there is no Redis, or one that wants TLS: look at PARLEY_REDIS';
  return undefined;
}
