// A device that keeps to the protocol through every loss of its connection: open sends are sent again in order, gaps are pulled, and it keeps a journal of every frame across all of it.
import type { ToDevice, Unknown } from '../../src/protocol/codec.ts';
import type { Refused } from '../../src/protocol/connection.ts';
import { refusals, type Why, whyOf } from '../../src/protocol/errors.ts';
import { numbersPerMs } from '../../src/protocol/limits.ts';
import type { Entry, Send, Sent } from '../../src/protocol/messages.ts';
import type { ChatId, UserId } from '../../src/structures/ids.ts';
import type { Account } from '../e2e/accounts.ts';
import { helloOf } from '../e2e/device.ts';
import { Journal } from '../e2e/journal.ts';
import { RawClient } from '../e2e/raw-client.ts';
import { type Place, placeOf } from './device-place.ts';

/** Sends of one device that wait in one chat; the protocol allows 16. */
const openMax = 12;

/** For whoever watches the device. */
export interface DeviceWatch {
  frame?(frame: ToDevice | Unknown): void;
  /** It has learnt that the send is in the log: by `sent`, or because it was shown the entry. */
  sent?(send: Send, seq: number): void;
  /** For good: the device gives it up. Without this a test has not planned for that, and the device throws. */
  refused?(send: Send, why: Why): void;
  /** The connection has ended, and not because of us. */
  closed?(why: string): void;
}

export class EnduringDevice {
  readonly account: Account;
  readonly journal: Journal;
  readonly places = new Map<ChatId, Place>();
  readonly refusals = new Map<string, number>();
  acknowledged = 0;
  resumed = false;
  #client: RawClient | undefined;
  #connection = 0;
  #lastNumber = 0;
  #lastRequest = 0;
  /** The chat that each pull asks for. */
  readonly #pulls = new Map<number, Place>();

  readonly #watch: DeviceWatch;

  constructor(account: Account, { journal = new Journal(), watch = {} }: { readonly journal?: Journal; readonly watch?: DeviceWatch } = {}) {
    this.account = account;
    this.journal = journal;
    this.#watch = watch;
  }

  /** `last`: the number of what this device has sent to it already. */
  join(chatId: ChatId, peer: UserId | null, last = 0): void {
    this.places.set(chatId, placeOf(chatId, peer, last));
  }

  /** Resolves when the socket is open and hello has been said; false where nobody listens any more. */
  async connect(url: string, accessToken = this.account.accessToken): Promise<boolean> {
    const connection = (this.#connection += 1);
    this.resumed = false;
    try {
      const client = await RawClient.connect(url, { journal: this.journal, onFrame: (frame) => connection === this.#connection && this.#received(frame) });
      if (connection !== this.#connection) {
        void client.cut();
        return false;
      }
      this.#client = client;
      client.tell(helloOf({ ...this.account, accessToken }));
      void client.closed.then(({ code, reason }) => connection === this.#connection && this.#watch.closed?.(`${code} ${reason}`));
      return true;
    } catch {
      return false;
    }
  }

  /** The connection is taken for lost, whatever still comes on it. */
  async lose(): Promise<void> {
    this.#connection += 1;
    this.resumed = false;
    const client = this.#client;
    this.#client = undefined;
    this.#pulls.clear();
    for (const place of this.places.values()) {
      place.pulling = false;
      place.doubted = undefined;
      clearTimeout(place.retry);
      place.retry = undefined;
    }
    await client?.cut();
  }

  /** Makes one more send to that chat; false where as many are open as may be. */
  post(chatId: ChatId, body: Uint8Array): boolean {
    const place = this.places.get(chatId) as Place;
    if (place.open.length >= openMax) return false;
    this.#lastNumber = Math.max(this.#lastNumber + 1, Date.now() * numbersPerMs);
    const send: Send = { kind: 'send', chatId, number: this.#lastNumber, after: place.last, contentType: 'text/plain', body, peer: place.peer };
    place.last = send.number;
    place.open.push(send);
    if (this.resumed && place.retry === undefined) this.#client?.tell(send);
    return true;
  }

  /** Whether everything it sent was acknowledged and it has all that it has heard of. */
  get isSettled(): boolean {
    if (!this.resumed) return false;
    for (const { open, cursor, heard } of this.places.values()) if (open.length > 0 || cursor < heard) return false;
    return true;
  }

  /** Asks what has moved since, as after a reconnect. */
  resumeAgain(): void {
    const cursors = [...this.places.values()].map(({ chatId, cursor }) => ({ chatId, seq: cursor, receiptsVersion: 0 }));
    this.#client?.tell({ kind: 'resume', request: (this.#lastRequest += 1), incarnation: this.#incarnation, cursors: cursors.filter(({ seq }) => seq > 0), last: true });
  }
  #incarnation = '';

  #received(frame: ToDevice | Unknown): void {
    this.#watch.frame?.(frame);
    switch (frame.kind) {
      case 'welcome':
        this.#incarnation = frame.incarnation;
        return this.resumeAgain();
      case 'moved':
        for (const { chatId, head } of frame.rows) this.#heard(chatId, head);
        if (frame.request === 0 || this.resumed) return;
        this.resumed = true; // everything that is open is sent again, in order
        return this.#resendAll();
      case 'entry':
        return this.#read(frame);
      case 'sent':
        return this.#sent(frame);
      case 'entries': {
        const place = this.#pulls.get(frame.request);
        if (place === undefined) return;
        this.#pulls.delete(frame.request);
        place.pulling = false;
        frame.entries.forEach(this.#read, this);
        this.#advance(place, Math.max(place.cursor, frame.through));
        if (place.doubted !== undefined && frame.through >= frame.head) this.#decide(place, place.doubted);
        return this.#pull(place);
      }
      case 'refused':
        return this.#refused(frame);
      case 'lagging':
        for (const place of this.places.values()) place.pulling = false;
        this.#pulls.clear();
        this.resumeAgain();
        return this.#resendAll();
      default:
        return;
    }
  }

  #resendAll(): void {
    for (const { open } of this.places.values()) for (const send of open) this.#client?.tell(send);
  }

  #sent({ chatId, number, seq }: Sent): void {
    const place = this.places.get(chatId);
    if (place === undefined) return;
    if (this.#stands(place, number, seq)) this.acknowledged += 1;
    this.#has(chatId, seq);
  }

  /** One of its own is as good as its `sent`: the cursor has passed it, so no pull will bring it again. */
  #read({ chatId, seq, device, number }: Entry): void {
    const place = this.places.get(chatId);
    if (place !== undefined && device === this.account.deviceId) this.#stands(place, number, seq);
    this.#has(chatId, seq);
  }

  /** The send with that number is in the log. True if it was open. */
  #stands(place: Place, number: number, seq: number): boolean {
    const at = place.open.findIndex((send) => send.number === number);
    if (at < 0) return false;
    for (const send of place.open.splice(at, 1)) this.#watch.sent?.(send, seq);
    place.peer = null;
    place.accepted = Math.max(place.accepted, number);
    return true;
  }

  #refused({ request, code, retryAfterMs, highest }: Refused): void {
    const why = whyOf(code) ?? `code ${code}`;
    this.refusals.set(why, (this.refusals.get(why) ?? 0) + 1);
    const pulled = this.#pulls.get(request);
    if (pulled !== undefined) {
      this.#pulls.delete(request);
      if (isFinal(code) && this.#watch.refused !== undefined) {
        pulled.pulling = false;
        pulled.heard = pulled.cursor;
        return;
      }
      setTimeout(() => {
        pulled.pulling = false;
        this.#pull(pulled);
      }, retryAfterMs ?? 100);
      return;
    }
    const place = [...this.places.values()].find(({ open }) => open.some(({ number }) => number === request));
    if (place === undefined) return;
    if (why === 'numberPassed') {
      if (highest === null) throw new Error(`number ${request} in ${place.chatId} was passed, although each send names the one before it`);
      // From before it was let in again. Those behind it were never stored either: each names the one before it.
      this.#lastNumber = Math.max(this.#lastNumber, highest);
      return this.#renumber(
        place,
        place.open.findIndex(({ number }) => number === request),
      );
    }
    if (why === 'settled') {
      place.doubted = request;
      return this.#pull(place);
    }
    if (isFinal(code) && this.#watch.refused !== undefined) return this.#giveUp(place, request, why as Why);
    const [oldest] = place.open;
    if (why === 'outOfOrder' && oldest?.number === request && highest !== null) place.open[0] = { ...oldest, after: highest };
    // Later, all of them: what came behind the refused one is out of order.
    place.retry ??= setTimeout(() => {
      place.retry = undefined;
      for (const send of place.open) this.#client?.tell(send);
    }, retryAfterMs ?? 20);
  }

  /** What was refused for good goes; what is behind it follows on what was accepted. */
  #giveUp(place: Place, number: number, why: Why): void {
    const at = place.open.findIndex((send) => send.number === number);
    const [given] = place.open.splice(at, 1);
    const follower = place.open[at];
    if (given !== undefined && follower !== undefined) place.open[at] = { ...follower, after: given.after };
    if (given !== undefined && follower === undefined) place.last = given.after;
    if (given !== undefined) this.#watch.refused?.(given, why);
  }

  /** To be called now and then where an answer may get lost on the way: sends again what is open, asks again what was not answered, and says that it lives. */
  nudge(): void {
    if (!this.resumed) return;
    for (const place of this.places.values()) {
      if (place.retry === undefined && place.doubted === undefined) for (const send of place.open) this.#client?.tell(send);
      place.pulling = false;
      this.#pull(place);
    }
    this.#client?.tell({ kind: 'ping', request: (this.#lastRequest += 1) });
  }

  /** The log has been pulled to its end. What is not in it was never stored: it and those behind it get new numbers. */
  #decide(place: Place, doubted: number): void {
    place.doubted = undefined;
    if (place.open.some(({ number }) => number === doubted)) this.#renumber(place, 0);
  }

  /** Those that are open get new numbers, from that one on. */
  #renumber(place: Place, from: number): void {
    let after = place.open[from - 1]?.number ?? place.accepted;
    for (const [at, send] of place.open.entries()) {
      if (at < from) continue;
      this.#lastNumber = Math.max(this.#lastNumber + 1, Date.now() * numbersPerMs);
      place.open[at] = { ...send, number: this.#lastNumber, after };
      after = this.#lastNumber;
    }
    place.last = after;
    for (const send of place.open) this.#client?.tell(send);
  }

  #heard(chatId: ChatId, seq: number): void {
    const place = this.places.get(chatId);
    if (place === undefined) return;
    place.heard = Math.max(place.heard, seq);
    this.#pull(place);
  }

  #has(chatId: ChatId, seq: number): void {
    const place = this.places.get(chatId);
    if (place === undefined) return;
    place.heard = Math.max(place.heard, seq);
    if (seq > place.cursor) place.ahead.add(seq);
    this.#advance(place, place.cursor);
    this.#pull(place);
  }

  #advance(place: Place, to: number): void {
    place.cursor = to;
    while (place.ahead.delete(place.cursor + 1)) place.cursor += 1;
    for (const seq of place.ahead) if (seq <= place.cursor) place.ahead.delete(seq);
  }

  #pull(place: Place): void {
    if (place.pulling || (place.cursor >= place.heard && place.doubted === undefined) || this.#client === undefined) return;
    place.pulling = true;
    const request = (this.#lastRequest += 1);
    this.#pulls.set(request, place);
    this.#client.tell({ kind: 'pull', request, chatId: place.chatId, after: place.cursor, upTo: place.heard, limit: 500 });
  }
}

/** Not to be tried again. */
function isFinal(code: number): boolean {
  const why = whyOf(code);
  return why !== undefined && refusals[why].action === 'never';
}
