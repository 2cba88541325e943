// A Redis for one test file, and connections to it under a prefix of their own.
import type { TestContext } from 'node:test';
import { z } from 'zod';
import { RedisServer, type RedisOptions as ServerOptions } from '../../scripts/services/redis.ts';
import { RedisConnection, type RedisReport } from '../../src/store/connection.redis.ts';
import { type RedisOptions, redisOptionsOf, redisSettings } from '../../src/store/redis-settings.ts';

export async function redisFor(t: { after(job: () => Promise<void>): void }, options: ServerOptions = {}): Promise<RedisServer> {
  const server = await RedisServer.start(options, (text) => process.stderr.write(`${text}\n`));
  t.after(() => server.stop());
  return server;
}

/** As the settings would have it, with `more` of them. */
export function optionsFor({ url }: { readonly url: string }, more: Readonly<Record<string, string>> = {}): RedisOptions {
  return redisOptionsOf(z.object(redisSettings).parse({ PARLEY_REDIS: url, ...more })) as RedisOptions;
}

let prefixes = 0;

export interface Joined {
  readonly connection: RedisConnection;
  readonly reports: RedisReport[];
  readonly prefix: string;
}

/** A connection that ends with the test, with nobody else's keys under its prefix unless one is named. */
export async function joined(t: TestContext, server: { readonly url: string }, prefix = `test${(prefixes += 1)}`): Promise<Joined> {
  const reports: RedisReport[] = [];
  const connection = await RedisConnection.open(optionsFor(server, { PARLEY_REDIS_PREFIX: prefix }), { onReport: (report) => reports.push(report) });
  t.after(() => connection.close());
  return { connection, reports, prefix };
}

/** Resolves as soon as it holds; rejects after a while. Looks again at each turn of a short timer: Redis and its client give no other sign. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, msMax = 10_000): Promise<void> {
  const startedMs = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedMs > msMax) throw new Error(`Not within ${msMax} ms: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
