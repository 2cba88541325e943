// Membership: who is there, and so which node owns a chat. Every node says every half second that it lives, and hears the others: no election, no lease, no lock.
import type { Clock, Random, Timer } from '../structures/clock.ts';
import type { ChatId } from '../structures/ids.ts';
import type { Heartbeats } from './heartbeats.ts';
import { type Placement, placementOf, shardCount, shardsOf } from './placement.ts';
import {
  commonLevel,
  firstView,
  type Heartbeat,
  holds,
  newestLife,
  placed,
  type Standing,
  step,
  type View,
  type ViewEffect,
  type ViewInput,
  type ViewRules,
  viewRules,
} from './view.ts';

/** The level that the cluster as a whole has reached: only rises, and lies in the store. */
export interface LevelStore {
  read(): Promise<number>;
  /** To the larger of the two. */
  raise(to: number): Promise<void>;
}

/** What the router asks for each command, and the system hears of. */
export interface Membership {
  readonly node: string;
  /** A hint: the store judges. Constant where the node is alone. */
  ownerOf(chatId: ChatId): string;
  /** Whether that node is among those in sight, whatever it may own. */
  sees(node: string): boolean;
  /** Whether sends are held back (`busy`): this node may be on the wrong side of a cut. */
  readonly holds: boolean;
  hear(events: MembershipEvents): void;
  /** Listens, then takes its place. Rejects with NodeIdTaken or TooOld; the node must not start then. */
  join(): Promise<void>;
  /** From now on others own what this node owned; it serves its devices still. */
  drain(): void;
  /** Says goodbye, and is silent. */
  leave(): void;
  /** The operator's word that those who are out of sight are not coming back: what is seen now is all there is. */
  shrink(): void;
  /** New kinds of entries and envelopes up to this level may be written: every node can read them. */
  readonly level: number;
  /** Where the sockets of other nodes are that serve devices better than this one, if it goes or is cut off: those that drain or may be gone are not among them. */
  elsewhere(): readonly string[];
  describe(): Described;
}

export interface MembershipEvents {
  /** Owners may be others now. `missed`: what other nodes sent may not have come. */
  changed(missed: boolean): void;
  /** Sessions look whether they have missed something. */
  heal(): void;
  /** Clients are better served by another node, if there is one. */
  sendAway(): void;
  /** Another process has this node's id; `yields`: this one has to end. */
  twin(yields: boolean): void;
}

/** For the operator. */
export interface Described {
  readonly standing: Standing;
  readonly level: number;
  readonly base: readonly string[];
  /** Shards by owner, as this node sees it. */
  readonly shards: Readonly<Record<string, number>>;
  readonly nodes: readonly DescribedNode[];
}
export interface DescribedNode extends Pick<Heartbeat, 'node' | 'state' | 'level' | 'sessions' | 'chats' | 'url'> {
  readonly startedAtMs: number;
  readonly silentMs: number;
  readonly isSuspected: boolean;
}

export class NodeIdTaken extends Error {}
export class TooOld extends Error {}

export interface MembershipNeeds {
  readonly node: string;
  /** From drawLife; the link's as well. */
  readonly life: number;
  /** The kinds of entries and envelopes that this build can read. */
  readonly level: number;
  readonly clock: Clock;
  readonly heartbeats: Heartbeats;
  readonly levels: LevelStore;
  load(): Pick<Heartbeat, 'sessions' | 'chats'>;
  /** Where devices reach this node's sockets; null or left out: as any other node. */
  url?(): string | null;
  readonly rules?: ViewRules;
}

/** What this build reads: rises with each new kind of entry, envelope or token. */
export const featureLevel = 2;

const numbersPerMs = 1_024;
const urlsMax = 1_024;
const freshMs = 10 * 60_000;

/** Tells two processes of one node id apart, and which of them began later. */
export function drawLife(nowMs: number, random: Random): number {
  return Math.floor(nowMs) * numbersPerMs + Math.floor(random() * numbersPerMs);
}

/** A node that is alone: it owns everything, always. */
export function singleNode(node: string): Membership {
  const nothing = (): void => undefined;
  return {
    node,
    ownerOf: () => node,
    sees: (one) => one === node,
    holds: false,
    hear: nothing,
    join: async () => undefined,
    drain: nothing,
    leave: nothing,
    shrink: nothing,
    level: Number.MAX_SAFE_INTEGER,
    elsewhere: () => [],
    describe: () => ({ standing: 'whole', level: featureLevel, base: [node], shards: { [node]: shardCount }, nodes: [] }),
  };
}

export class ClusterMembership implements Membership {
  readonly node: string;
  holds = false;
  level = 0;
  ownerOf: (chatId: ChatId) => string;
  #view: View;
  #placement: Placement;
  #number = 0;
  #hasJoined = false;
  #raising = false;
  #events: MembershipEvents[] = [];
  #timer: Timer | undefined;
  /** Also of nodes that are out of sight: who is cut off knows no others. */
  readonly #urls = new Map<string, string>();
  readonly #needs: MembershipNeeds;

  constructor(needs: MembershipNeeds) {
    const { node, life, level, clock, heartbeats, rules = viewRules } = needs;
    this.#needs = needs;
    this.node = node;
    this.#view = firstView({ node, life, level, rules }, clock.nowMs());
    this.#placement = placementOf([node]);
    this.ownerOf = this.#placement.ownerOf;
    heartbeats.onHeartbeat((heartbeat) => this.#hear(heartbeat));
    heartbeats.onLinked((isUp) => this.#input({ kind: 'linked', isUp }));
  }

  sees(node: string): boolean {
    return this.#view.live.includes(node);
  }

  hear(events: MembershipEvents): void {
    this.#events.push(events);
  }

  /** Silent while it listens: who has this id already must not be disturbed. */
  async join(): Promise<void> {
    const { levels, level, clock, node } = this.#needs;
    const reached = await levels.read();
    if (reached > level)
      throw new TooOld(`This build reads entries and envelopes up to level ${level}; the cluster already writes level ${reached}. Start a build that is as new as the others.`);
    this.level = reached;
    this.#tickLater();
    await new Promise<void>((resolve) => clock.after(3 * this.#view.rules.heartbeatMs, resolve));
    if (this.#hasTwin()) {
      this.#timer?.cancel();
      throw new NodeIdTaken(`Another process is node "${node}" already. Give each node an id of its own (PARLEY_NODE), or stop that process first.`);
    }
    this.#hasJoined = true;
    this.#publish();
    this.#conclude({ kind: 'changed', missed: false });
  }

  drain(): void {
    this.#input({ kind: 'go', state: 'draining' });
    this.#publish();
  }

  leave(): void {
    this.#input({ kind: 'go', state: 'leaving' });
    this.#publish();
    this.#timer?.cancel();
    this.#hasJoined = false;
  }

  shrink(): void {
    this.#input({ kind: 'shrink' });
  }

  elsewhere(): readonly string[] {
    const { live, rules } = this.#view;
    const nowMs = this.#needs.clock.nowMs();
    const isBetter = (node: string): boolean => {
      if (this.holds) return this.#view.standing !== 'minority' || !live.includes(node); // whom it sees is as badly off
      const life = newestLife(this.#view, node);
      return life?.last.state === 'up' && nowMs - life.heardMs < rules.suspectMs;
    };
    const own = this.#needs.url?.();
    const better = [...this.#urls].filter(([node, url]) => node !== this.node && url !== own && isBetter(node));
    // While nodes are restarted in turn, those that have been are not the next to go.
    const isFresh = (node: string): boolean => (newestLife(this.#view, node)?.last.life ?? 0) > Math.max(this.#view.life, (nowMs - freshMs) * numbersPerMs);
    const fresh = better.filter(([node]) => isFresh(node));
    return (fresh.length > 0 && !this.holds ? fresh : better).map(([, url]) => url);
  }

  describe(): Described {
    const { live, standing, base, node, state, life, rules } = this.#view;
    const { level: reads, load, url, clock } = this.#needs;
    const nowMs = clock.nowMs();
    const own = { last: { node, state, life, level: reads, url: url?.() ?? null, ...load() }, heardMs: nowMs };
    const nodes = live.flatMap((one): DescribedNode[] => {
      const known = one === node ? own : newestLife(this.#view, one);
      if (known === undefined) return [];
      const { state: of, level, sessions, chats, life: began, url: at } = known.last;
      const silentMs = nowMs - known.heardMs;
      return [{ node: one, state: of, level, sessions, chats, url: at, startedAtMs: Math.floor(began / numbersPerMs), silentMs, isSuspected: silentMs >= rules.suspectMs }];
    });
    return { standing, level: this.level, base: base ?? [], shards: shardsOf(this.#placement), nodes };
  }

  #hear(heartbeat: Heartbeat): void {
    const { node, state, url } = heartbeat;
    if (state === 'leaving') this.#urls.delete(node);
    else if (url !== null && this.#urls.get(node) !== url && (this.#urls.has(node) || this.#urls.size < urlsMax)) this.#urls.set(node, url);
    this.#input({ kind: 'heard', heartbeat });
  }

  #hasTwin(): boolean {
    const { node } = this;
    const own = newestLife(this.#view, node);
    return own !== undefined && own.count >= 2;
  }

  #tickLater(): void {
    const { clock } = this.#needs;
    this.#timer = clock.after(this.#view.rules.heartbeatMs, () => {
      this.#tickLater();
      this.#input({ kind: 'tick' });
      if (!this.#hasJoined) return;
      this.#publish();
      void this.#raiseLevel();
    });
  }

  #publish(): void {
    if (!this.#hasJoined) return;
    const { heartbeats, node, life, level, load, url } = this.#needs;
    this.#number += 1;
    heartbeats.publishHeartbeat({ kind: 'heartbeat', node, life, number: this.#number, level, state: this.#view.state, ...load(), url: url?.() ?? null });
  }

  /** First it stands in the store, so that no older node can start any more; only then new kinds are written. */
  async #raiseLevel(): Promise<void> {
    const common = commonLevel(this.#view);
    if (common <= this.level || this.#raising) return;
    this.#raising = true;
    try {
      await this.#needs.levels.raise(common);
      this.level = Math.max(this.level, common);
    } catch {
      // the store is out of reach: with the next tick
    } finally {
      this.#raising = false;
    }
  }

  #input(input: ViewInput): void {
    const { state, effects } = step(this.#view, input, this.#needs.clock.nowMs());
    this.#view = state;
    for (const effect of effects) this.#conclude(effect);
  }

  #conclude(effect: ViewEffect): void {
    if (effect.kind === 'changed') this.#place();
    if (!this.#hasJoined) return; // nobody knows this node yet, and nothing is served here
    for (const events of this.#events) {
      if (effect.kind === 'changed') events.changed(effect.missed);
      else if (effect.kind === 'twin') events.twin(effect.yields);
      else events[effect.kind]();
    }
  }

  #place(): void {
    this.holds = holds(this.#view);
    const nodes = placed(this.#view);
    if (nodes.join() === this.#placement.nodes.join()) return;
    this.#placement = placementOf(nodes);
    this.ownerOf = this.#placement.ownerOf;
  }
}
