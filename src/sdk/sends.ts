// Takes the outbox to the server: in order per chat, under numbers that make a resend harmless, until each item is in the log or refused for good.

import type { FromDevice } from '../protocol/codec.ts';
import { limits } from '../protocol/limits.ts';
import type { Entry, Sent } from '../protocol/messages.ts';
import type { Clock, Random } from '../structures/clock.ts';
import type { ChatId } from '../structures/ids.ts';
import { Closed, type Refused, TooMuchWaiting } from './faults.ts';
import { Flights } from './flights.ts';
import type { Journal } from './journal.ts';
import type { Claim, Log } from './log.ts';
import type { Numbers } from './numbers.ts';
import { frameOf, type Open, Outbox, type Queue, type SentItem } from './outbox.ts';
import { type Me, ownEntry } from './place.ts';
import type { Policy } from './policy.ts';
import { judgeRefusal } from './refusals.ts';
import { renumber } from './renumber.ts';
import { retryDelayMs } from './retry.ts';
import type { OutboxCommand, OutboxItem } from './storage.ts';

export interface SendNeeds {
  readonly me: Me;
  readonly clock: Clock;
  readonly random: Random;
  readonly policy: Policy;
  readonly journal: Journal;
  readonly numbers: Numbers;
  readonly log: () => Log;
  /** False while there is no connection. */
  readonly send: (frame: FromDevice) => boolean;
  /** Looks for an entry of this device with that number in the whole log. Rejects when it cannot tell just now. */
  readonly search: (chatId: ChatId, number: number) => Promise<Entry | undefined>;
  /** The server wants another token. */
  readonly relogin: () => void;
  readonly pending: (item: OutboxItem) => void;
  readonly sent: (sent: SentItem) => void;
  readonly refused: (item: OutboxItem, refused: Refused) => void;
}

export class Sends {
  readonly outbox = new Outbox();
  readonly needs: SendNeeds;
  private up = false;
  private closed = false;
  private openMax: number = limits.openSendsPerChatMax;
  private readonly flights = new Flights();

  constructor(needs: SendNeeds, kept: readonly OutboxItem[]) {
    this.needs = needs;
    this.outbox.restore(kept);
  }

  /** The item is sent as soon as it is kept durably and its turn has come; the promise tells its fate. Nobody has to wait for it: `sent` and `refused` are told as well. */
  enqueue(chatId: ChatId | null, command: OutboxCommand): { readonly item: OutboxItem; readonly sent: Promise<SentItem> } {
    const { numbers, journal, policy, pending } = this.needs;
    if (this.closed) throw new Closed('this client was closed');
    if (this.outbox.size >= policy.outboxItemsMax) throw new TooMuchWaiting('the outbox is full');
    const number = numbers.draw();
    const item: OutboxItem = { key: this.outbox.nextKey(number), number, chatId, command, atMs: numbers.serverNowMs(), sentSeq: null };
    const sent = new Promise<SentItem>((resolve, reject) => {
      const one = this.outbox.add(item, 'storing', false, resolve, reject);
      journal
        .write(
          [
            { kind: 'outbox', item },
            { kind: 'lastNumber', number },
          ],
          { sync: true },
        )
        .then(
          () => this.stored([one]),
          (error: Error) => {
            this.outbox.remove(one);
            reject(error);
          },
        );
    });
    sent.catch(() => undefined);
    pending(item);
    return { item, sent };
  }

  /** A connection stands and has been told the cursors: what is unanswered goes again. */
  start(openSendsPerChatMax: number, flyingMax: number): void {
    this.stop();
    this.up = true;
    this.openMax = Math.min(openSendsPerChatMax, limits.openSendsPerChatMax);
    this.flights.reset(flyingMax);
    for (const queue of this.outbox.queues()) this.pump(queue);
  }

  stop(): void {
    this.up = false;
    for (const queue of this.outbox.queues()) {
      queue.resting?.cancel();
      queue.resting = undefined;
      queue.tries = 0;
      this.land(queue);
      for (const one of queue.items) {
        one.owed = 0;
        one.doubt?.over.cancel();
        if (one.state === 'doubted') one.state = 'waiting'; // asked again
      }
    }
    this.flights.reset(1);
  }

  /** What is unsent stays in the storage. */
  close(): void {
    this.stop();
    this.closed = true;
    for (const one of this.outbox.all()) one.reject(new Closed('this client was closed; what it had to send goes out when it is opened again'));
  }

  sent({ number, chatId, seq, atMs }: Sent): void {
    const one = this.outbox.find(number);
    if (one === undefined) this.needs.log().hear(chatId, seq);
    else this.accepted(one, chatId, seq, atMs);
  }

  /** False where no item goes under that number. */
  refused(number: number, refused: Refused): boolean {
    const one = this.outbox.find(number);
    if (one === undefined) return false;
    this.answered(one, 1);
    one.owed = Math.max(0, one.owed - 1);
    judgeRefusal(this, one, refused);
    this.pump(one.queue);
    return true;
  }

  /** Items whose entries are among these, or were accepted at or below the cursor. They leave the outbox with the write that keeps those entries. */
  claim(chatId: ChatId, entries: readonly Entry[], seq: number): readonly Claim[] {
    const claims: Claim[] = [];
    const take = (one: Open, at: { readonly seq: number; readonly atMs: number }): void => {
      this.answered(one, one.flights);
      if (!this.outbox.remove(one)) return;
      one.state = 'accepted'; // for who may just be looking for it
      const sent: SentItem = { key: one.item.key, number: one.item.number, chatId, seq: at.seq, atMs: at.atMs };
      const done = (): void => {
        this.tell(one, sent);
        this.pump(one.queue);
      };
      claims.push({ key: one.item.key, done });
    };
    for (const entry of entries) {
      const one = entry.device === this.needs.me.deviceId && entry.number > 0 ? this.outbox.find(entry.number) : undefined;
      if (one !== undefined && (one.item.chatId ?? chatId) === chatId) take(one, entry);
    }
    for (const one of this.outbox.acceptedIn(chatId)) if ((one.item.sentSeq ?? seq + 1) <= seq) take(one, { seq: one.item.sentSeq ?? seq, atMs: one.item.atMs });
    return claims;
  }

  /** The server has another history: what it had taken and this device has not seen in the log goes again. */
  forget(): void {
    for (const one of this.outbox.all()) {
      if (one.state !== 'accepted') continue;
      one.state = 'waiting';
      one.unsure = true;
      const item: OutboxItem = { ...one.item, sentSeq: null, chatId: one.item.command.kind === 'createGroup' ? null : one.item.chatId };
      this.outbox.replace(one, item);
      this.needs.journal.write([{ kind: 'outbox', item }]).catch(() => undefined);
    }
  }

  /** Whatever the log says of it: it is there. */
  accepted(one: Open, chatId: ChatId, seq: number, atMs: number): void {
    const { journal, me } = this.needs;
    const log = this.needs.log();
    this.answered(one, one.flights);
    one.queue.tries = 0;
    if (one.state === 'accepted') return;
    const { key, number, command } = one.item;
    one.state = 'accepted';
    one.unsure = false;
    const known = { ...one.item, chatId, sentSeq: seq };
    this.outbox.replace(one, known);
    const place = log.place(chatId);
    place.now = { ...place.now, accepted: Math.max(place.now.accepted, number) };
    if (command.kind === 'createGroup') place.now = { ...place.now, title: command.title };
    if (command.kind === 'send') log.offer(ownEntry(me, { ...command, chatId, number, seq, atMs }));
    else log.hear(chatId, seq);
    if (this.outbox.find(number) === one) {
      const sent: SentItem = { key, number, chatId, seq, atMs };
      const placed = seq <= place.now.seq;
      if (placed) this.outbox.remove(one);
      journal.write([placed ? { kind: 'outboxDone', key } : { kind: 'outbox', item: known }]).then(
        () => this.tell(one, sent),
        () => undefined,
      );
    }
    this.pump(one.queue);
  }

  /** Refused for good. Whatever the queue was resting for: the server has judged its oldest item, so what stands behind it need not wait. */
  failed(one: Open, refused: Refused): void {
    if (!this.outbox.remove(one)) return;
    one.queue.tries = 0;
    one.queue.resting?.cancel();
    one.queue.resting = undefined;
    this.needs.journal.write([{ kind: 'outboxDone', key: one.item.key }]).then(
      () => {
        one.reject(refused);
        this.needs.refused(one.item, refused);
      },
      () => undefined,
    );
    this.pump(one.queue);
  }

  /** Nothing of the queue is sent for a while. */
  rest(queue: Queue, retryAfterMs: number | null): void {
    const { clock, policy, random } = this.needs;
    queue.tries += 1;
    queue.resting?.cancel();
    queue.resting = clock.after(retryDelayMs(policy, random, queue.tries, retryAfterMs), () => {
      queue.resting = undefined;
      this.pump(queue);
    });
  }

  /** Sends what may be sent: from the oldest on, without passing over anything, at most `openMax` unanswered. */
  pump(queue: Queue): void {
    if (!this.up || queue.resting !== undefined || queue.items.length === 0) return;
    if (queue.items.some(({ state }) => state === 'renumber')) return renumber(this, queue);
    const place = queue.chatId === null ? undefined : this.needs.log().place(queue.chatId).now;
    let after = place?.accepted ?? 0;
    let open = 0;
    for (const one of queue.items) {
      if (one.state !== 'accepted') {
        if (open >= this.openMax || (one.state !== 'flying' && one.state !== 'waiting')) break;
        if (one.state === 'waiting' && !this.fly(one, after, place?.seq === 0)) break;
        open += 1;
      }
      after = one.item.number;
    }
  }

  /** These are kept now. */
  stored(items: readonly Open[]): void {
    for (const one of items) if (one.state === 'storing') one.state = 'waiting';
    for (const queue of new Set(items.map((one) => one.queue))) this.pump(queue);
  }

  /** False where it cannot be sent just now. */
  fly(one: Open, after: number, first: boolean): boolean {
    if (!this.flights.hasRoom(one.queue) || !this.needs.send(frameOf(one.item, after, first))) return false;
    this.flights.took(one);
    one.owed += 1;
    one.state = 'flying';
    one.unsure = true;
    one.sentAtMs = this.needs.clock.nowMs();
    this.watch(one.queue);
    return true;
  }

  /** So many of the item's copies have been answered. What waited for room may go. */
  private answered(one: Open, copies: number): void {
    if (!this.flights.landed(one, copies)) return;
    for (let queue = this.flights.hungry(); queue !== undefined; queue = this.flights.hungry()) this.pump(queue);
  }

  /** Everything that flies is unanswered for too long, or its connection is gone: it waits for its turn again. */
  private land(queue: Queue): void {
    queue.watching?.cancel();
    queue.watching = undefined;
    for (const one of queue.items) {
      this.answered(one, one.flights);
      if (one.state === 'flying') one.state = 'waiting';
    }
  }

  private watch(queue: Queue): void {
    if (queue.watching !== undefined) return;
    const { clock, policy } = this.needs;
    const oldest = Math.min(...queue.items.filter(({ state }) => state === 'flying').map(({ sentAtMs }) => sentAtMs));
    if (oldest === Number.POSITIVE_INFINITY) return;
    queue.watching = clock.after(Math.max(1, oldest + policy.sendTimeoutMs - clock.nowMs()), () => {
      queue.watching = undefined;
      const late = queue.items.some(({ state, sentAtMs }) => state === 'flying' && clock.nowMs() - sentAtMs >= policy.sendTimeoutMs);
      if (late) this.land(queue);
      this.pump(queue);
      this.watch(queue);
    });
  }

  private tell(one: Open, sent: SentItem): void {
    if (one.told) return;
    one.told = true;
    one.resolve(sent);
    this.needs.sent(sent);
  }
}
