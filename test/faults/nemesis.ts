// Does what the schedule says, and notes what was seen of it.
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { TcpProxy } from '../../scripts/services/tcp-proxy.ts';
import { difference, type Effects, metSince, Watch } from './effects.ts';
import { type Ground, type GroundNode, olderLevel, thisLevel } from './ground.ts';
import type { History } from './history.ts';
import { type Effect, type Fault, kinds } from './schedule.ts';

export interface Outcome extends Fault {
  /** Whom it has hit, by name. */
  readonly whom: string;
  readonly beganMs: number;
  readonly healedMs: number;
  /** Until it was over for all, as far as one can tell: the end of the rest after it. */
  readonly overMs: number;
  readonly effects: Effects;
  /** Whether one of the effects that its kind must have was seen. */
  readonly wasSeen: boolean;
}

interface Inflicted {
  /** Seen by the nemesis itself. */
  readonly effects?: Effects;
  heal(): Promise<void> | void;
}

/** So long after the healing, effects still count as the fault's. */
const afterMs = 1_500;

export class Nemesis {
  readonly outcomes: Outcome[] = [];
  readonly watch: Watch;
  readonly #ground: Ground;
  readonly #history: History;
  readonly #say: (text: string) => void;

  constructor(ground: Ground, history: History, say: (text: string) => void) {
    this.#ground = ground;
    this.#history = history;
    this.#say = say;
    this.watch = new Watch(ground.nodes);
  }

  /** Resolves when all is done and healed, or, once `until` says so, with the fault that is under way. */
  async run(lanes: readonly (readonly Fault[])[], until: AbortSignal): Promise<void> {
    await Promise.all(
      lanes.map(async (faults) => {
        for (const fault of faults) {
          if (until.aborted) return;
          await this.#one(fault);
        }
      }),
    );
  }

  async #one(fault: Fault): Promise<void> {
    const { kind, nth, forMs, restMs, strength } = fault;
    const node = kinds[kind].on === 'node' ? this.#nodeFor(fault) : undefined;
    const whom = node?.name ?? (kinds[kind].on === 'store' ? `cassandra-${fault.on + 1}` : kind === 'flushRedis' ? 'redis' : 'nats');
    const watched = kind === 'jumpClock' || kind === 'pauseNode' ? node?.name : undefined;
    const from = this.#history.happenings.length;
    const before = await this.watch.totals(watched);
    const beganMs = this.#history.nowMs;
    this.#history.tell({ who: kind, what: 'fault', nth, on: whom, says: `for ${forMs} ms${strength > 0 ? `, ${strength}` : ''}` });
    const inflicted = await this.#inflict(fault, node as GroundNode);
    await delay(forMs);
    await inflicted.heal();
    const healedMs = this.#history.nowMs;
    this.#history.tell({ who: kind, what: 'healed', nth, on: whom, says: '' });
    await delay(afterMs + restMs);
    const ofClients = metSince(this.#history, from, node === undefined ? undefined : whom);
    const effects = { ...difference(await this.watch.totals(watched), before), ...ofClients, ...inflicted.effects };
    const wasSeen = kinds[kind].seenBy.some((effect: Effect) => (effects[effect] ?? 0) > 0);
    const outcome = { ...fault, whom, beganMs, healedMs, overMs: this.#history.nowMs, effects, wasSeen };
    this.outcomes.push(outcome);
    this.#say(`${String(this.outcomes.length).padStart(4)} ${lineOf(outcome)}`);
  }

  /** The first node stays what it is: once all have the new level, none may have the older one any more. */
  #nodeFor({ kind, on, heads }: Fault): GroundNode {
    const { nodes } = this.#ground;
    return nodes[kind === 'upgradeNode' && on === 0 && nodes.length > 2 ? (heads ? 1 : 2) : on] as GroundNode;
  }

  async #inflict(fault: Fault, node: GroundNode): Promise<Inflicted> {
    const { kind, strength, heads, on } = fault;
    const ground = this.#ground;
    switch (kind) {
      case 'killNode':
        await node.kill();
        return { heal: () => node.start() };
      case 'pauseNode':
        node.pause();
        return { heal: () => node.resume() };
      case 'drainNode':
        await node.drain();
        return { heal: () => node.start() };
      case 'upgradeNode':
        await node.drain();
        return { heal: () => node.start(node.level === olderLevel ? thisLevel : olderLevel) }; // back too, as long as no new kind may be written yet
      case 'jumpClock':
        await node.clock.jumpTo(heads ? strength : -strength);
        return { heal: () => node.clock.jumpTo(0) };
      case 'cutNats':
        return cut(node.ways.nats);
      case 'cutStore':
        return cut(node.ways.store);
      case 'cutRedis':
        return cut(node.ways.redis);
      case 'slowNats':
        return slow(node.ways.nats, strength);
      case 'slowStore':
        return slow(node.ways.store, strength);
      case 'slowRedis':
        return slow(node.ways.redis, strength);
      case 'restartNats':
        await ground.nats.kill('SIGKILL');
        return { heal: () => ground.nats.restart() };
      case 'killStore': {
        const effects = { cut: connectionsOf(ground.nodes.map(({ ways }) => ways.store[on] as TcpProxy)) };
        await ground.store(on).kill('SIGKILL');
        return { effects, heal: () => ground.store(on).restart() };
      }
      case 'pauseStore':
        await ground.store(on).kill('SIGSTOP');
        return { heal: () => ground.store(on).kill('SIGCONT') };
      case 'flushRedis':
        return { effects: { keys: await flush(ground.redis.port) }, heal: () => undefined };
    }
  }
}

export function lineOf({ nth, kind, whom, beganMs, healedMs, effects, wasSeen }: Outcome): string {
  const seen = Object.entries(effects).filter(([, value]) => value > 0);
  return `#${nth} ${kind} on ${whom} at ${(beganMs / 1_000).toFixed(1)} s for ${((healedMs - beganMs) / 1_000).toFixed(1)} s${wasSeen ? '' : ' NOT SEEN'}: ${seen.map(([name, value]) => `${name} ${value}`).join(', ')}`;
}

function cut(ways: readonly TcpProxy[]): Inflicted {
  const effects = { cut: connectionsOf(ways) };
  for (const way of ways) way.cut();
  return {
    effects,
    heal() {
      for (const way of ways) way.mend();
    },
  };
}

function slow(ways: readonly TcpProxy[], delayMs: number): Inflicted {
  const from = delayedBy(ways);
  const effects = { delayed: 0 };
  for (const way of ways) way.slow(delayMs);
  return {
    effects,
    heal() {
      for (const way of ways) way.slow(0);
      effects.delayed = delayedBy(ways) - from;
    },
  };
}

const delayedBy = (ways: readonly TcpProxy[]): number => ways.reduce((sum, { delayed }) => sum + delayed, 0);
const connectionsOf = (ways: readonly TcpProxy[]): number => ways.reduce((sum, { connections }) => sum + connections, 0);

async function flush(port: number): Promise<number> {
  const redis = new Redis({ host: '127.0.0.1', port });
  try {
    const keys = await redis.dbsize();
    await redis.flushall();
    return keys;
  } finally {
    redis.disconnect();
  }
}
