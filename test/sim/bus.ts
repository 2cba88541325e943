// What nodes of a simulated world say to each other, as a link over NATS carries it: encoded, in order from one node to one address; late, twice or not at all.
import type { ToAll, ToNode } from '../../src/cluster/envelope.ts';
import { type AddressKind, decodeMessage, type Envelopes, encodeEnvelope } from '../../src/cluster/envelope-codec.ts';
import type { Link, LinkEvents, Receiver } from '../../src/cluster/link.ts';
import type { ChatId, UserId } from '../../src/structures/ids.ts';
import type { Faults } from './faults.ts';
import type { Network } from './network.ts';
import type { Draws } from './random.ts';
import type { Recording } from './recording.ts';

export interface BusNeeds {
  readonly network: Network;
  readonly random: Draws;
  readonly faults: () => Faults;
  readonly recording: Recording;
}

export interface PartyNeeds {
  readonly node: string;
  readonly receiver: Receiver;
  readonly events: LinkEvents;
  /** Runs the job unless the process is dead, and later while it stands still. */
  run(job: () => void): void;
}

const latencyMs = [0.5, 3] as const;
/** Interest takes a moment to spread. */
const spreadMs = [1, 40] as const;
/** A cut is noticed after up to this long. */
const noticedMsMax = 4_000;
const lostSpreadMs = 2_000;

export class Bus {
  readonly #needs: BusNeeds;
  #parties: Party[] = [];
  /** Nodes of different sides don't reach each other; those of no side reach everybody. */
  #sides = new Map<string, number>();
  /** `from to`: heartbeats that don't get through, though all else does. */
  readonly #deaf = new Set<string>();
  /** `from to`: nothing gets through, though it does in the other direction. */
  readonly #oneWay = new Set<string>();

  constructor(needs: BusNeeds) {
    this.#needs = needs;
  }

  join(needs: PartyNeeds): Party {
    const party = new Party(this, needs);
    this.#parties.push(party);
    return party;
  }

  leave(party: Party): void {
    this.#parties = this.#parties.filter((one) => one !== party);
  }

  split(sides: ReadonlyMap<string, number>): void {
    this.#sides = new Map(sides);
  }

  deafen(from: string, to: string, isDeaf: boolean): void {
    if (isDeaf) this.#deaf.add(`${from} ${to}`);
    else this.#deaf.delete(`${from} ${to}`);
  }

  block(from: string, to: string, isBlocked: boolean): void {
    if (isBlocked) this.#oneWay.add(`${from} ${to}`);
    else this.#oneWay.delete(`${from} ${to}`);
  }

  /** The node's way to all others is cut, or free again. It notices in its own time; what it said meanwhile leaves then. */
  cut(node: string, isCut: boolean): void {
    const { network, random } = this.#needs;
    for (const party of this.#parties.filter((one) => one.node === node)) {
      if (party.isCut === isCut) continue;
      party.isCut = isCut;
      network.needs.clock.after(isCut ? random.between(0, noticedMsMax) : random.between(0, 300), () => party.notices());
    }
  }

  heal(): void {
    this.#sides.clear();
    this.#deaf.clear();
    this.#oneWay.clear();
    for (const { node } of this.#parties) this.cut(node, false);
  }

  toNode(from: Party, to: string, envelope: ToNode): void {
    if (envelope.kind === 'toChat') this.#needs.recording.passes(envelope.command, envelope.forwarded);
    for (const party of this.#parties) if (party.node === to && party !== from) this.#carry('node', 'node', from, party, envelope, (heard) => party.receives(heard as ToNode));
  }

  toUser(from: Party, userId: UserId, envelope: Envelopes['user']): void {
    for (const party of this.#parties)
      if (party !== from && this.#wants(party.users.get(userId))) this.#carry('user', userId, from, party, envelope, (heard) => party.needs.receiver.forUser(userId, heard));
  }

  toChat(from: Party, chatId: ChatId, envelope: Envelopes['chat']): void {
    for (const party of this.#parties)
      if (party !== from && this.#wants(party.chats.get(chatId))) this.#carry('chat', chatId, from, party, envelope, (heard) => party.needs.receiver.forChat(chatId, heard));
  }

  toWatchers(from: Party, userId: UserId, envelope: Envelopes['presence']): void {
    for (const party of this.#parties)
      if (party !== from && this.#wants(party.watched.get(userId)))
        this.#carry('presence', userId, from, party, envelope, (heard) => party.needs.receiver.forWatchers(userId, heard));
  }

  toAll(from: Party, envelope: ToAll): void {
    const { random, faults } = this.#needs;
    for (const party of this.#parties) {
      if (party === from || this.#deaf.has(`${from.node} ${party.node}`) || random.chance(faults().heartbeatLossRate)) continue;
      this.#carry('all', 'all', from, party, envelope, (heard) => party.needs.events.fromAll(heard));
    }
  }

  /** When it begins to hear of what it subscribes now. */
  interest(): number {
    const { random, network } = this.#needs;
    return network.needs.clock.nowMs() + random.between(...spreadMs);
  }

  /** Told a random moment later, and once for many. */
  tellLost(party: Party): void {
    if (party.tellsLost) return;
    party.tellsLost = true;
    this.#needs.network.needs.clock.after(this.#needs.random.between(0, lostSpreadMs), () => {
      party.tellsLost = false;
      party.needs.run(() => party.needs.events.lost('gap'));
    });
  }

  #wants(sinceMs: number | undefined): boolean {
    return sinceMs !== undefined && sinceMs <= this.#needs.network.needs.clock.nowMs();
  }

  #reaches(from: Party, to: Party): boolean {
    const [one, other] = [this.#sides.get(from.node), this.#sides.get(to.node)];
    if (this.#oneWay.has(`${from.node} ${to.node}`)) return false;
    return !from.isCut && !to.isCut && (one === undefined || other === undefined || one === other);
  }

  #carry<Kind extends AddressKind>(kind: Kind, address: string, from: Party, to: Party, envelope: Envelopes[Kind], hand: (heard: Envelopes[Kind]) => void): void {
    const { network, random } = this.#needs;
    const faults = this.#needs.faults();
    const message = from.encoded(kind, envelope);
    if (!this.#reaches(from, to) || (kind !== 'all' && random.chance(faults.linkLossRate))) {
      if (kind === 'node') to.misses.add(from);
      if (kind !== 'all') this.#needs.recording.count(`lost envelopes to ${kind}s`);
      return;
    }
    const delay = random.chance(faults.delayRate) ? random.between(0, faults.delayMsMax) : 0;
    const nowMs = network.needs.clock.nowMs();
    const atMs = Math.max(nowMs + random.between(...latencyMs) + delay, from.lastMs.get(to)?.get(address) ?? 0);
    const last = from.lastMs.get(to) ?? new Map<string, number>();
    from.lastMs.set(to, last.set(address, atMs));
    const arrive = (): void =>
      to.needs.run(() => {
        if (!this.#parties.includes(to)) return;
        if (kind === 'node' && to.misses.delete(from)) this.tellLost(to); // the numbers of what came before and of this one show a hole
        for (const heard of decodeMessage(kind, message).envelopes) hand(heard);
      });
    network.at(atMs, arrive);
    // After a reconnect messages leave again. Those to a node are known again by their numbers.
    if ((kind === 'user' || kind === 'chat' || kind === 'presence') && random.chance(faults.doubleRate)) {
      this.#needs.recording.count('doubled envelopes');
      network.at(atMs + random.between(0, 2_000), arrive);
    }
  }
}

/** One process on the bus. */
export class Party {
  readonly needs: PartyNeeds;
  readonly node: string;
  readonly link: Link;
  readonly users = new Map<UserId, number>();
  readonly chats = new Map<ChatId, number>();
  readonly watched = new Map<UserId, number>();
  /** When the last one to each party arrives, by address: only what goes to one address keeps its order. */
  readonly lastMs = new Map<Party, Map<string, number>>();
  /** Who has said something that did not arrive, and nothing since. */
  readonly misses = new Set<Party>();
  isCut = false;
  tellsLost = false;
  #believesUp = true;
  /** What it said while it was cut off, to be said again. */
  #kept: (() => void)[] = [];
  #last: { readonly kind: AddressKind; readonly envelope: object; readonly message: Uint8Array } | undefined;
  readonly #bus: Bus;

  constructor(bus: Bus, needs: PartyNeeds) {
    this.#bus = bus;
    this.needs = needs;
    this.node = needs.node;
    this.link = this.#linkOf(needs);
  }

  /** Whatever it has noticed by now. */
  notices(): void {
    if (this.#believesUp === !this.isCut) {
      if (!this.isCut) this.#release(); // it was over before it was noticed
      return;
    }
    this.#believesUp = !this.isCut;
    this.needs.run(() => this.needs.events.linked(this.#believesUp));
    if (!this.#believesUp) return;
    this.#release();
    this.#bus.tellLost(this);
  }

  receives(envelope: Envelopes['node']): void {
    if (envelope.kind !== 'from') this.needs.receiver.fromNode(envelope);
  }

  /** The members of a chat get the same push one after the other. */
  encoded<Kind extends AddressKind>(kind: Kind, envelope: Envelopes[Kind]): Uint8Array {
    if (this.#last?.envelope !== envelope || this.#last.kind !== kind) this.#last = { kind, envelope, message: encodeEnvelope(kind, envelope) };
    return this.#last.message;
  }

  #release(): void {
    const kept = this.#kept;
    this.#kept = [];
    for (const say of kept) say();
  }

  /** What is said while the way is cut waits for its return. */
  #say(job: () => void): void {
    if (this.isCut || this.#kept.length > 0) this.#kept.push(job);
    else job();
  }

  #linkOf({ node, receiver }: PartyNeeds): Link {
    return {
      node,
      mayLose: true,
      toNode: (to, envelope) => (to === node ? receiver.fromNode(envelope) : this.#say(() => this.#bus.toNode(this, to, envelope))),
      toUser: (userId, envelope) => {
        receiver.forUser(userId, envelope);
        this.#say(() => this.#bus.toUser(this, userId, envelope));
      },
      toChat: (chatId, envelope) => {
        receiver.forChat(chatId, envelope);
        this.#say(() => this.#bus.toChat(this, chatId, envelope));
      },
      toWatchers: (userId, envelope) => {
        receiver.forWatchers(userId, envelope);
        this.#say(() => this.#bus.toWatchers(this, userId, envelope));
      },
      toAll: (envelope) => this.isCut || this.#bus.toAll(this, envelope),
      subscribeUser: (userId) => void (this.users.has(userId) || this.users.set(userId, this.#bus.interest())),
      unsubscribeUser: (userId) => void this.users.delete(userId),
      subscribeChat: (chatId) => void (this.chats.has(chatId) || this.chats.set(chatId, this.#bus.interest())),
      unsubscribeChat: (chatId) => void this.chats.delete(chatId),
      subscribePresence: (userId) => void (this.watched.has(userId) || this.watched.set(userId, this.#bus.interest())),
      unsubscribePresence: (userId) => void this.watched.delete(userId),
      flush: async () => undefined,
      close: async () => this.#bus.leave(this),
    };
  }
}
