// Watermarks, both ways: tells the server how far this user has got, coalesced, and keeps what is known of the others.
import type { FromDevice } from '../protocol/codec.ts';
import type { MembersFrame } from '../protocol/members.ts';
import type { Entry } from '../protocol/messages.ts';
import type { Receipt } from '../protocol/receipts.ts';
import type { MovedRow } from '../protocol/sync.ts';
import type { Clock, Random, Timer } from '../structures/clock.ts';
import { type ChatId, isDirect, type UserId } from '../structures/ids.ts';
import { Lru } from '../structures/lru.ts';
import { NotConnected, Refused } from './faults.ts';
import type { Journal } from './journal.ts';
import type { Log, Place } from './log.ts';
import { type Me, membersOf, readUpTo } from './place.ts';
import type { Policy } from './policy.ts';
import type { Requests } from './requests.ts';
import { retryDelayMs } from './retry.ts';
import { adopted, isSmall, rowOf, type Tick, tickOf, withEntry, withWatermarks } from './rosters.ts';
import type { DeviceStorage, Roster } from './storage.ts';

export interface ReceiptNeeds {
  readonly me: Me;
  readonly clock: Clock;
  readonly random: Random;
  readonly policy: Policy;
  readonly requests: Requests;
  readonly journal: Journal;
  readonly storage: DeviceStorage;
  readonly log: () => Log;
  /** False while there is no connection. */
  readonly send: (frame: FromDevice) => boolean;
  /** A user's watermarks have risen. */
  readonly risen: (receipt: Pick<Receipt, 'chatId' | 'userId' | 'delivered' | 'read'>) => void;
  /** Something that a list of chats shows has changed. */
  readonly changed: (chatId: ChatId) => void;
}

/** A partial read looks back over so many kept entries at most; beyond them unread is counted anew once the watermark is there. */
const lookBackMax = 5_000;
const lookBackTries = 3;
const toldMax = 4_096;

export class Receipts {
  private readonly needs: ReceiptNeeds;
  private readonly rosters = new Map<ChatId, Roster>();
  /** Rosters that may have missed something. */
  private readonly stale = new Set<ChatId>();
  private readonly wanted = new Set<ChatId>();
  private readonly fetching = new Set<ChatId>();
  private up = false;
  /** What the program has read and the server has not been told. */
  private readonly toRead = new Map<ChatId, number>();
  private readonly toldAtMs = new Map<ChatId, number>();
  private readonly telling = new Map<ChatId, Timer>();
  private readonly unwritten = new Set<ChatId>();
  /** Where the program last heard that a user stands, by chat and user. */
  private told = new Lru<string, { readonly delivered: number; readonly read: number }>(toldMax);
  private lazyWrite: Timer | undefined;

  constructor(needs: ReceiptNeeds, kept: readonly Roster[]) {
    this.needs = needs;
    for (const roster of kept) this.rosters.set(roster.chatId, roster);
  }

  /** A connection stands, and the server has said what moved. */
  start(): void {
    this.up = true;
    for (const { now } of this.needs.log().places.values()) this.tell(now.chatId);
    this.fetch();
  }

  /** What was told a moment ago may not have arrived: it is told again with the next connection. */
  stop(): void {
    if (!this.up) return;
    this.up = false;
    const { clock, policy, log } = this.needs;
    for (const [chatId, atMs] of this.toldAtMs) {
      if (clock.nowMs() - atMs > policy.doubtfulMs) continue;
      const place = log().place(chatId);
      if (place.now.readTold > 0) this.toRead.set(chatId, Math.max(place.now.readTold, this.toRead.get(chatId) ?? 0));
      place.now = { ...place.now, deliveredTold: 0, readTold: 0 };
    }
    this.toldAtMs.clear();
    for (const timer of this.telling.values()) timer.cancel();
    this.telling.clear();
  }

  forget(): void {
    this.rosters.clear();
    this.stale.clear();
    this.wanted.clear();
    this.toRead.clear();
    this.told = new Lru(toldMax);
  }

  versionOf(chatId: ChatId): number {
    return this.rosters.get(chatId)?.receiptsVersion ?? 0;
  }

  rosterOf(chatId: ChatId): Roster | undefined {
    return this.rosters.get(chatId);
  }

  isStale(chatId: ChatId): boolean {
    return this.stale.has(chatId) || !this.rosters.has(chatId);
  }

  tickOf(chatId: ChatId, seq: number): Tick {
    return tickOf(this.rosters.get(chatId), this.needs.me.userId, seq);
  }

  placed({ now }: Place, entries: readonly Entry[]): void {
    const { chatId, fromOthers, deliveredTold } = now;
    const former = this.rosters.get(chatId);
    let roster = former;
    for (const entry of entries) {
      if (membersOf(entry) === undefined) continue;
      roster = withEntry(roster, entry);
      if (roster === undefined) this.want(chatId);
    }
    if (roster !== undefined && roster !== former) this.put(roster);
    if (roster === undefined && former === undefined) this.want(chatId);
    if (fromOthers > deliveredTold) this.tell(chatId);
  }

  moved({ chatId, read, receiptsVersion }: MovedRow): void {
    this.raiseRead(chatId, read, true).catch(() => undefined);
    // 0: who says that the head moved knows nothing of receipts.
    if (receiptsVersion === 0 || receiptsVersion === this.versionOf(chatId)) return;
    this.stale.add(chatId);
    if (isSmall(this.rosters.get(chatId), this.needs.policy.rosterEagerMembersMax)) this.want(chatId);
  }

  received({ chatId, userId, delivered, read }: Receipt): void {
    const roster = this.rosters.get(chatId);
    if (roster === undefined) this.want(chatId);
    else this.put(withWatermarks(roster, { userId, delivered, read }));
    if (userId === this.needs.me.userId) this.raiseRead(chatId, read, true).catch(() => undefined);
    this.tellRise(chatId, userId, delivered, read);
  }

  /** What comes from several nodes may come late: the program hears of rises only. */
  private tellRise(chatId: ChatId, userId: UserId, delivered: number, read: number): void {
    const key = `${chatId} ${userId}`;
    const former = this.told.get(key) ?? { delivered: 0, read: 0 };
    const next = { delivered: Math.max(former.delivered, delivered, read), read: Math.max(former.read, read) };
    if (next.delivered === former.delivered && next.read === former.read) return;
    this.told.set(key, next);
    this.needs.risen({ chatId, userId, ...next });
  }

  /** The program's user has seen everything up to `seq`. */
  read(chatId: ChatId, seq: number): Promise<void> {
    const { now } = this.needs.log().place(chatId);
    const upTo = Math.min(seq, now.seq);
    if (upTo > now.readTold && upTo > (this.toRead.get(chatId) ?? 0)) this.toRead.set(chatId, upTo);
    const raised = this.raiseRead(chatId, upTo, false);
    this.tell(chatId);
    return raised;
  }

  /** The server's answer to `getMembers`. */
  adopt(frame: MembersFrame): Roster {
    const { me, log, changed } = this.needs;
    const { chatId, title } = frame;
    const roster = adopted(this.rosters.get(chatId), frame, me.userId);
    this.stale.delete(chatId);
    this.put(roster);
    const own = rowOf(roster, me.userId);
    const place = log().place(chatId);
    const peer = place.now.peer ?? (isDirect(chatId) ? (frame.members.find(({ userId }) => userId !== me.userId)?.userId ?? me.userId) : null);
    place.now = {
      ...place.now,
      title: title === '' ? place.now.title : title,
      peer,
      deliveredTold: own?.delivered ?? place.now.deliveredTold,
      readTold: own?.read ?? place.now.readTold,
    };
    this.raiseRead(chatId, own?.read ?? 0, true).catch(() => undefined);
    this.tell(chatId);
    changed(chatId);
    return roster;
  }

  /** Writes what was put off. */
  async flush(): Promise<void> {
    this.lazyWrite?.cancel();
    this.lazyWrite = undefined;
    const rosters = [...this.unwritten].flatMap((chatId) => this.rosters.get(chatId) ?? []);
    const places = rosters.flatMap(({ chatId }) => this.needs.log().places.get(chatId) ?? []);
    this.unwritten.clear();
    if (rosters.length === 0) return;
    const changes = [
      ...rosters.map((roster) => ({ kind: 'roster' as const, roster })),
      ...places.filter(({ now }) => now.seq > 0).map(({ now }) => ({ kind: 'place' as const, place: now })),
    ];
    await this.needs.journal.write(changes).catch(() => undefined);
  }

  /** `told`: the server knows already. */
  private async raiseRead(chatId: ChatId, read: number, told: boolean): Promise<void> {
    const { log, journal, storage } = this.needs;
    if (read <= log().place(chatId).now.read) return;
    let between: readonly Entry[] = [];
    for (let tries = 0; tries < lookBackTries && read < log().place(chatId).now.seq; tries += 1) {
      const { seq } = log().place(chatId).now;
      await journal.write([]); // what was placed a moment ago is being written
      between = await storage.entries(chatId, { after: read - 1, before: seq + 1, limit: lookBackMax, from: 'first' });
      if (seq === log().place(chatId).now.seq) break; // else entries came in meanwhile
    }
    await this.setRead(chatId, read, between, told);
  }

  private async setRead(chatId: ChatId, read: number, between: readonly Entry[], told: boolean): Promise<void> {
    const { log, me, changed } = this.needs;
    const raise = log().update(chatId, (now) => {
      const next = readUpTo(now, read, between, me);
      return told && read > next.readTold ? { ...next, readTold: read } : next;
    });
    changed(chatId);
    await raise;
  }

  private want(chatId: ChatId): void {
    if (!this.fetching.has(chatId)) this.wanted.add(chatId);
    this.fetch();
  }

  private fetch(): void {
    for (const chatId of this.wanted) {
      if (!this.up || this.fetching.size >= this.needs.policy.rostersAtOnce) return;
      this.wanted.delete(chatId);
      this.fetching.add(chatId);
      void this.fetchOne(chatId);
    }
  }

  private async fetchOne(chatId: ChatId): Promise<void> {
    try {
      const answer = await this.needs.requests.ask({ kind: 'getMembers', chatId });
      if (answer.kind === 'members') this.adopt(answer);
    } catch (error) {
      this.fetchFailed(chatId, error);
    }
    this.fetching.delete(chatId);
    this.fetch();
  }

  private fetchFailed(chatId: ChatId, error: unknown): void {
    const { clock, policy, random } = this.needs;
    if (error instanceof NotConnected) this.wanted.add(chatId);
    else if (error instanceof Refused && error.action === 'never')
      this.stale.delete(chatId); // no member any more
    else clock.after(retryDelayMs(policy, random, 2, error instanceof Refused ? error.retryAfterMs : null), () => this.want(chatId));
  }

  /** Now, or as soon as the last time is long enough ago. */
  private tell(chatId: ChatId): void {
    if (!this.up || this.telling.has(chatId)) return;
    const { clock, policy, log } = this.needs;
    const { fromOthers, deliveredTold } = log().place(chatId).now;
    if (fromOthers <= deliveredTold && !this.toRead.has(chatId)) return;
    const dueMs = (this.toldAtMs.get(chatId) ?? Number.NEGATIVE_INFINITY) + policy.receiptEveryMs;
    if (clock.nowMs() >= dueMs) return this.tellNow(chatId);
    const timer = clock.after(dueMs - clock.nowMs(), () => {
      this.telling.delete(chatId);
      this.tellNow(chatId);
    });
    this.telling.set(chatId, timer);
  }

  private tellNow(chatId: ChatId): void {
    const { clock, log, send, me } = this.needs;
    const place = log().place(chatId);
    const { fromOthers, deliveredTold, readTold, member } = place.now;
    const read = this.toRead.get(chatId) ?? 0;
    if (!member) return void this.toRead.delete(chatId);
    // What is read is delivered as well: one frame tells both.
    const delivered = fromOthers > deliveredTold && fromOthers > read ? fromOthers : 0;
    if (delivered > 0 && !send({ kind: 'delivered', chatId, seq: delivered })) return;
    if (read > readTold && !send({ kind: 'read', chatId, seq: read })) return;
    this.toRead.delete(chatId);
    this.toldAtMs.set(chatId, clock.nowMs());
    place.now = { ...place.now, deliveredTold: Math.max(deliveredTold, delivered, read), readTold: Math.max(readTold, read) };
    const roster = this.rosters.get(chatId);
    if (roster !== undefined) this.put(withWatermarks(roster, { userId: me.userId, delivered, read }));
  }

  private put(roster: Roster): void {
    if (roster === this.rosters.get(roster.chatId)) return;
    this.rosters.set(roster.chatId, roster);
    this.unwritten.add(roster.chatId);
    this.lazyWrite ??= this.needs.clock.after(this.needs.policy.lazyWriteMs, () => void this.flush());
  }
}
