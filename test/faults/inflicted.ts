// What the nemesis does to ways and to services, how it is undone, and what can be seen of it from here.
import { Redis } from 'ioredis';
import type { TcpProxy } from '../../scripts/services/tcp-proxy.ts';
import type { Effects } from './effects.ts';

export interface Inflicted {
  /** So far; rises with looks. */
  readonly seen: Effects;
  look?(): Promise<void> | void;
  heal(): Promise<unknown> | unknown;
  /** Nothing is looked at any more. */
  end?(): void;
}

/** A server as its owner sees it. */
interface Store {
  kill(signal: NodeJS.Signals): Promise<void>;
  restart(): Promise<void>;
}

/** What does not answer for so long is not merely under way. */
const owedMs = 500;

/** Seen by others. */
export function plain(heal: () => Promise<unknown> | unknown): Inflicted {
  return { seen: {}, heal };
}

export function cut(ways: readonly TcpProxy[]): Inflicted {
  const ended = endedOf(ways);
  for (const way of ways) way.cut();
  return {
    ...ended,
    heal() {
      for (const way of ways) way.mend();
    },
  };
}

export function slowed(ways: readonly TcpProxy[], delayMs: number): Inflicted {
  const delayed = (): number => ways.reduce((sum, way) => sum + way.delayed, 0);
  const from = delayed();
  const seen = { delayed: 0 };
  const look = (): void => void (seen.delayed = delayed() - from);
  for (const way of ways) way.slow(delayMs);
  return {
    seen,
    look,
    heal() {
      look();
      for (const way of ways) way.slow(0);
    },
  };
}

export async function killed(store: Store, ways: readonly TcpProxy[]): Promise<Inflicted> {
  const ended = endedOf(ways);
  await store.kill('SIGKILL');
  return { ...ended, heal: () => store.restart() };
}

export async function stopped(store: Store, ways: readonly TcpProxy[], clock = (): number => performance.now()): Promise<Inflicted> {
  const debts = ways.map((way) => ({ way, asked: way.bytes.toServer, answered: way.bytes.toClient, sinceMs: Number.POSITIVE_INFINITY }));
  const seen = { owed: 0 };
  const look = (): void => {
    const nowMs = clock();
    for (const debt of debts) {
      const { toServer, toClient } = debt.way.bytes;
      if (toClient !== debt.answered) Object.assign(debt, { asked: toServer, answered: toClient, sinceMs: Number.POSITIVE_INFINITY });
      else if (toServer !== debt.asked) debt.sinceMs = Math.min(debt.sinceMs, nowMs);
    }
    seen.owed = Math.max(seen.owed, debts.filter(({ sinceMs }) => nowMs - sinceMs > owedMs).length);
  };
  await store.kill('SIGSTOP');
  return {
    seen,
    look,
    async heal() {
      look();
      await store.kill('SIGCONT');
    },
  };
}

/** Redis is past all proxies here. */
export async function emptied(port: number): Promise<Inflicted> {
  const redis = new Redis({ host: '127.0.0.1', port });
  redis.on('error', () => undefined); // the command that it breaks says so
  const seen = { keys: await redis.dbsize(), rewritten: 0 };
  await redis.flushall();
  return {
    seen,
    async look() {
      seen.rewritten = (await redis.keys('*:beat:*')).length; // a node says there that it lives
    },
    heal: () => undefined,
    end: () => redis.disconnect(),
  };
}

/** Of the connections that there are now those that are no more. New ones may come meanwhile. */
function endedOf(ways: readonly TcpProxy[]): Pick<Required<Inflicted>, 'seen' | 'look'> {
  const connections = (): number => ways.reduce((sum, way) => sum + way.connections, 0);
  const before = connections();
  const seen = { cut: 0 };
  return {
    seen,
    look() {
      seen.cut = Math.max(seen.cut, before - connections());
    },
  };
}
