// Does what the schedule says, and notes what was seen of it.
import { setTimeout as delay } from 'node:timers/promises';
import type { TcpProxy } from '../../scripts/services/tcp-proxy.ts';
import { type Effects, Meetings, ofAll, plus, since, type Tally, Watch } from './effects.ts';
import { type Ground, type GroundNode, olderLevel, thisLevel } from './ground.ts';
import type { History } from './history.ts';
import { cut, emptied, type Inflicted, killed, plain, slowed, stopped } from './inflicted.ts';
import { type Effect, type Kind, kinds, ofOne } from './kinds.ts';
import type { Prober } from './prober.ts';
import { type Fault, nextOf } from './schedule.ts';

export interface Outcome extends Fault {
  /** Whom it has hit, by name. */
  readonly whom: string;
  readonly beganMs: number;
  readonly healedMs: number;
  /** Until it was over for all, as far as one can tell. */
  readonly overMs: number;
  /** Of the effects by which its kind must be seen those that were, of whom it has hit. None: it has tested nothing. */
  readonly evidence: Effects;
  /** What was seen anywhere meanwhile. */
  readonly effects: Effects;
}

export interface NemesisNeeds {
  readonly ground: Ground;
  readonly history: History;
  readonly prober: Prober;
  readonly say: (text: string) => void;
}

/** So long after the healing, effects still count as the fault's. */
const afterMs = 1_000;
/** A fault that was not seen yet goes on for so long, or is watched for so long after it. */
const patienceMs = 15_000;
const lookEveryMs = 100;

export class Nemesis {
  readonly outcomes: Outcome[] = [];
  readonly watch: Watch;
  readonly #meetings: Meetings;
  readonly #needs: NemesisNeeds;

  constructor(needs: NemesisNeeds) {
    this.#needs = needs;
    this.watch = new Watch(needs.ground.nodes);
    this.#meetings = new Meetings(needs.history);
  }

  /** Up to so many at once. Resolves when all is done and healed, or, once `until` says so, with those that are under way. */
  async run(faults: readonly Fault[], atOnce: number, until: AbortSignal): Promise<void> {
    const left = [...faults];
    const underWay = new Map<Fault, Promise<void>>();
    for (;;) {
      const next = until.aborted || underWay.size >= atOnce ? undefined : nextOf(left, [...underWay.keys()]);
      if (next !== undefined) {
        left.splice(left.indexOf(next), 1);
        const done = this.#one(next).finally(() => underWay.delete(next));
        underWay.set(next, done);
      } else if (underWay.size > 0) await Promise.race(underWay.values());
      else return;
    }
  }

  async #one(fault: Fault): Promise<void> {
    const { kind, nth, forMs, strength } = fault;
    const { ground, history, prober, say } = this.#needs;
    const { on, seenBy, seenAfter, way }: Kind = kinds[kind];
    const node = on === 'node' ? (ground.nodes[fault.on] as GroundNode) : undefined;
    const whom = node?.name ?? (on === 'store' ? `cassandra-${fault.on + 1}` : kind === 'flushRedis' ? 'redis' : 'nats');
    await this.watch.look();
    const before = this.#tally();
    const beganMs = history.nowMs;
    history.tell({ who: kind, what: 'fault', nth, on: whom, says: `for ${forMs} ms${strength > 0 ? `, ${strength}` : ''}` });
    const inflicted = await this.#inflict(fault, node as GroundNode);
    const asking = prober.ask(way !== undefined ? [node as GroundNode] : on === 'store' ? ground.nodes : []);
    const found = (): Found => {
      const tally = since(this.#tally(), before);
      const all = ofAll(tally);
      const own = node === undefined ? all : (tally.get(node.name) ?? {});
      const itsOwn = { ...inflicted.seen, turnedAway: asking.turnedAway };
      return { evidence: onlyOf(plus(own, itsOwn), seenBy), effects: plus({ ...all, ...onlyOf(own, ofOne) }, itsOwn) };
    };
    const isSeen = async (): Promise<boolean> => {
      await inflicted.look?.();
      return Object.keys(found().evidence).length > 0;
    };
    await delay(forMs);
    if (!seenAfter) await until(isSeen);
    await inflicted.heal();
    const healedMs = history.nowMs;
    history.tell({ who: kind, what: 'healed', nth, on: whom, says: '' });
    await delay(afterMs);
    if (seenAfter) await until(isSeen);
    await asking.stop();
    inflicted.end?.();
    await this.watch.look();
    const outcome = { ...fault, whom, beganMs, healedMs, overMs: history.nowMs, ...found() };
    this.outcomes.push(outcome);
    say(`${String(this.outcomes.length).padStart(4)} ${lineOf(outcome)}`);
  }

  /** What was seen since the beginning, by nodes and by clients. */
  #tally(): Tally {
    const tally = new Map(this.watch.totals);
    for (const [name, effects] of this.#meetings.totals) tally.set(name, plus(tally.get(name) ?? {}, effects));
    return tally;
  }

  async #inflict(fault: Fault, node: GroundNode): Promise<Inflicted> {
    const { kind, strength, heads, on } = fault;
    const { ground } = this.#needs;
    const waysToStore = ground.nodes.map(({ ways }) => ways.store[on] as TcpProxy);
    switch (kind) {
      case 'killNode':
        await node.kill();
        return plain(() => node.start());
      case 'pauseNode':
        node.pause();
        return plain(() => node.resume());
      case 'drainNode':
        await node.drain();
        return plain(() => node.start());
      case 'upgradeNode':
        await node.drain();
        return plain(() => node.start(node.level === olderLevel ? thisLevel : olderLevel)); // back too, as long as no new kind may be written yet
      case 'jumpClock':
        await node.clock.jumpTo(heads ? strength : -strength);
        return plain(() => node.clock.jumpTo(0));
      case 'cutNats':
        return cut(node.ways.nats);
      case 'cutStore':
        return cut(node.ways.store);
      case 'cutRedis':
        return cut(node.ways.redis);
      case 'slowNats':
        return slowed(node.ways.nats, strength);
      case 'slowStore':
        return slowed(node.ways.store, strength);
      case 'slowRedis':
        return slowed(node.ways.redis, strength);
      case 'restartNats':
        await ground.nats.kill('SIGKILL');
        return plain(() => ground.nats.restart());
      case 'killStore':
        return killed(ground.store(on), waysToStore);
      case 'pauseStore':
        return stopped(ground.store(on), waysToStore);
      case 'flushRedis':
        return emptied(ground.redis.port);
    }
  }
}

interface Found {
  readonly evidence: Effects;
  readonly effects: Effects;
}

export function lineOf({ nth, round, kind, whom, beganMs, healedMs, evidence, effects }: Outcome): string {
  const seen = Object.entries(evidence);
  const others = Object.entries(effects).filter(([name, value]) => value > 0 && !(name in evidence));
  const list = (entries: readonly (readonly [string, number])[]): string => entries.map(([name, value]) => `${name} ${value}`).join(', ');
  return `#${nth} (${round}) ${kind} on ${whom} at ${(beganMs / 1_000).toFixed(1)} s for ${((healedMs - beganMs) / 1_000).toFixed(1)} s: ${seen.length === 0 ? 'NOT SEEN' : list(seen)}; ${list(others)}`;
}

/** Those of them that there are. */
function onlyOf(effects: Effects, names: readonly Effect[]): Effects {
  return Object.fromEntries(names.flatMap((name) => ((effects[name] ?? 0) > 0 ? [[name, effects[name]]] : [])));
}

async function until(isSeen: () => Promise<boolean>): Promise<void> {
  const startedMs = performance.now();
  while (!(await isSeen()) && performance.now() - startedMs < patienceMs) await delay(lookEveryMs);
}
