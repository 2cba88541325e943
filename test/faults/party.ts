// Who talks while things break: SDK clients and raw ones in direct chats, small groups and large ones, with members that are put out and let in again.
import { setTimeout as delay } from 'node:timers/promises';
import { directChatId } from '../../src/protocol/direct.ts';
import type { ChatId, UserId } from '../../src/structures/ids.ts';
import type { Client, History } from './history.ts';
import { RoamingRaw } from './roaming-raw.ts';
import { RoamingSdk } from './roaming-sdk.ts';
import type { Seeded } from './seeded.ts';
import type { LogIn, Whereabouts } from './whereabouts.ts';

export interface PartyOptions {
  readonly sdk: number;
  readonly raw: number;
  /** Direct chats of each user with the next ones. */
  readonly neighbours: number;
  readonly smallGroups: number;
  readonly largeGroups: number;
}

export const usualParty: PartyOptions = { sdk: 14, raw: 28, neighbours: 2, smallGroups: 8, largeGroups: 2 };

interface Group {
  readonly chatId: ChatId;
  readonly owner: RoamingSdk;
  /** Those that come and go, and who is in. */
  readonly guests: readonly UserId[];
  readonly present: Set<UserId>;
  changing: boolean;
}

/** What a client is in. `peer`: of a direct chat. */
interface Place {
  readonly chatId: ChatId;
  readonly peer: UserId | null;
}

type Guest = RoamingSdk | RoamingRaw;

const smallSize = 6;
const guestsPerGroup = 2;
const tickMs = 10;
/** So often a client goes to another node of its own will: nodes that were started again are not left alone. */
const roamEveryMs = 20_000;
const settleMsMax = 180_000;

export class Party {
  readonly clients: readonly Guest[];
  readonly groups: readonly Group[];
  readonly chatIds: ReadonlySet<ChatId>;
  readonly #places: ReadonlyMap<Guest, readonly Place[]>;
  readonly #seeded: Seeded;

  private constructor(clients: readonly Guest[], groups: readonly Group[], places: ReadonlyMap<Guest, readonly Place[]>, seeded: Seeded) {
    this.clients = clients;
    this.groups = groups;
    this.#places = places;
    this.#seeded = seeded;
    this.chatIds = new Set([...places.values()].flatMap((own) => own.map(({ chatId }) => chatId)));
  }

  /** Accounts, chats and connections; resolves when everybody is in. All nodes must be well. */
  static async gather(
    options: PartyOptions,
    { whereabouts, history, seeded }: { readonly whereabouts: Whereabouts; readonly history: History; readonly seeded: Seeded },
  ): Promise<Party> {
    const word = seeded.below(1e9).toString(36);
    const users = options.sdk + options.raw;
    const logIns: LogIn[] = [];
    // Hashing a password takes a node's time: one after the other.
    for (let nth = 0; nth < users; nth += 1) logIns.push(await whereabouts.register(`guest-${word}-${nth}`));
    const sdks = await Promise.all(logIns.slice(0, options.sdk).map((logIn, nth) => RoamingSdk.start(`sdk${nth}`, logIn, whereabouts, history)));
    const raws = logIns.slice(options.sdk).map((logIn, nth) => new RoamingRaw(`raw${nth}`, logIn, whereabouts, history));
    // Second devices, of the other kind than the first.
    const twins = [
      new RoamingRaw('sdk0-twin', await whereabouts.logIn(`guest-${word}-0`), whereabouts, history),
      new RoamingRaw('sdk1-twin', await whereabouts.logIn(`guest-${word}-1`), whereabouts, history),
    ];
    const clients: readonly Guest[] = [...sdks, ...raws, ...twins];
    const places = new Map<Guest, Place[]>(clients.map((client) => [client, []]));
    const join = (chatId: ChatId, userIds: ReadonlySet<UserId>, peerOf: (of: Guest) => UserId | null): void => {
      for (const [client, own] of places) {
        if (!userIds.has(client.userId)) continue;
        own.push({ chatId, peer: peerOf(client) });
        if (client.kind === 'raw') client.device.join(chatId, peerOf(client));
      }
    };
    const ids = logIns.map(({ tokens }) => tokens.userId);
    for (const [at, one] of ids.entries()) {
      for (let step = 1; step <= options.neighbours; step += 1) {
        const other = ids[(at + step) % users] as UserId;
        join(directChatId(one, other), new Set([one, other]), ({ userId }) => (userId === one ? other : one));
      }
    }
    const groups: Group[] = [];
    for (let nth = 0; nth < options.smallGroups + options.largeGroups; nth += 1) {
      const owner = sdks[nth % sdks.length] as RoamingSdk;
      const from = seeded.below(users);
      const size = nth < options.smallGroups ? smallSize : users;
      const others = ids.map((_, at) => ids[(from + at) % users] as UserId).filter((userId) => userId !== owner.userId);
      const members = others.slice(0, size - 1);
      const { chatId } = await owner.client.createGroup(`group ${nth}`, members);
      join(chatId, new Set([owner.userId, ...members]), () => null);
      groups.push({ chatId, owner, guests: members.slice(-guestsPerGroup), present: new Set(members.slice(-guestsPerGroup)), changing: false });
    }
    for (const client of clients) if (client.kind === 'raw') client.start();
    const party = new Party(clients, groups, places, seeded);
    await party.#until(() => clients.every(({ isSettled }) => isSettled), 'nobody is connected');
    return party;
  }

  get known(): readonly Client[] {
    return this.clients.map(({ name, userId, deviceId, kind }) => ({ name, userId, deviceId, kind }));
  }

  /** Writes at that rate, anybody anywhere, changes members and reads, until the signal. */
  async talk(perSecond: number, until: AbortSignal): Promise<void> {
    const seeded = this.#seeded;
    const startedMs = performance.now();
    let done = 0;
    while (!until.aborted) {
      const due = Math.min(((performance.now() - startedMs) * perSecond) / 1_000, done + perSecond / 10);
      for (; done < due; done += 1) {
        const client = seeded.of(this.clients);
        const { chatId, peer } = seeded.of(this.#places.get(client) as readonly Place[]);
        if (peer !== null || client.isIn(chatId)) client.post(chatId, peer);
        if (client.kind === 'sdk' && seeded.below(4) === 0) client.read(chatId).catch(() => undefined);
        if (seeded.below(Math.ceil((perSecond * roamEveryMs) / 1_000 / this.clients.length)) === 0) seeded.of(this.clients).roam();
        if (seeded.below(Math.ceil(perSecond)) === 0) void this.#change(seeded.of(this.groups));
      }
      await delay(tickMs);
    }
  }

  /** Puts out the first guest of each group, so that the end of a run has some who must not hear of it. Resolves when that is done. */
  async partWithSome(): Promise<void> {
    for (const group of this.groups) {
      await this.#until(() => !group.changing, `the members of ${group.chatId} are still being changed`);
      const [first] = group.guests;
      if (first !== undefined && group.present.has(first)) await this.#turn(group, first);
    }
  }

  /** Resolves when every send has its answer and everybody has what they have heard of. False where that does not come. */
  async settle(): Promise<boolean> {
    return this.#until(() => this.clients.every(({ isSettled }) => isSettled) && this.groups.every(({ changing }) => !changing), undefined);
  }

  async stop(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.stop()));
  }

  async #change(group: Group): Promise<void> {
    if (group.changing || group.guests.length === 0) return;
    await this.#turn(group, this.#seeded.of(group.guests));
  }

  async #turn(group: Group, guest: UserId): Promise<void> {
    group.changing = true;
    const change = group.present.has(guest) ? 'removed' : 'added';
    if (await group.owner.change(group.chatId, change, guest)) {
      if (change === 'added') group.present.add(guest);
      else group.present.delete(guest);
    }
    group.changing = false;
  }

  async #until(isSo: () => boolean, otherwise: string | undefined): Promise<boolean> {
    const startedMs = performance.now();
    while (!isSo()) {
      if (performance.now() - startedMs > settleMsMax) {
        if (otherwise === undefined) return false;
        throw new Error(`after ${settleMsMax} ms: ${otherwise}`);
      }
      await delay(50);
    }
    return true;
  }
}
