// A device's place in a chat under load: what it receives is judged without decoding, its watermark told as a real client tells it, what was left out of the pushes pulled.
import { decodeEntry, encodeFrame, type FromDevice, type ToDevice } from '../../src/protocol/codec.ts';
import { limits } from '../../src/protocol/limits.ts';
import { type Entry, entryKinds } from '../../src/protocol/messages.ts';
import type { ChatId, DeviceId, UserId } from '../../src/structures/ids.ts';
import { bodyHeadBytes, counterAt, dueMsAt, isBodyHead, senderAt } from './body.ts';
import { lastHead, readHead } from './entry-head.ts';
import { clientFrame } from './framing.ts';
import { headPlaces, PushedFrames, rowSeqAt } from './pushed-frames.ts';
import { eachRow } from './rows.ts';
import { type SendLink, SendWindow } from './send-window.ts';
import { readAtMs } from './socket.ts';
import type { Sender, Tally } from './speaker.ts';

/** What a place needs of its device. */
export interface MemberLink extends SendLink {
  readonly account: { readonly deviceId: DeviceId };
  nextRequest(): number;
  /** Resolves with the answer that carries `request`. */
  ask(frame: FromDevice, request: number): Promise<ToDevice>;
}

/** Which chat, and who is who in it: the members of all chats are numbered through, those of one chat stand together. */
export interface Place {
  readonly chatId: ChatId;
  /** Of a direct chat. */
  readonly peer: UserId | undefined;
  readonly index: number;
  readonly firstOfChat: number;
  readonly chatMembers: number;
  /** This member's flows are `flowBase` … `flowBase + chatMembers - 1`, one per sender. */
  readonly flowBase: number;
  /** The chat's last seq before the load. */
  readonly baseSeq: number;
}

const seqAt = 24; // of an `entry` frame: array, type, chat id (1 + 21)

export class Member implements Sender {
  readonly place: Place;
  readonly window: SendWindow;
  readonly #device: MemberLink;
  readonly #tally: Tally;
  readonly #bodyBytes: number;
  readonly #pushedFrames: PushedFrames;
  #seenSeq: number; // highest pushed or pulled
  #wholeSeq: number; // everything up to here is known to have come
  #have: number; // how many seqs have come, our own among them
  #healedSeq = 0; // a push up to here may repeat what was pulled
  #toldSeq = 0;
  #healing = false;

  /** `pushedFrames`: the chat's, shared by all of its members that are here. */
  constructor(device: MemberLink, place: Place, bodyBytes: number, tally: Tally, pushedFrames: PushedFrames = new PushedFrames(bodyBytes)) {
    this.#device = device;
    this.#pushedFrames = pushedFrames;
    this.place = place;
    this.#tally = tally;
    this.#bodyBytes = bodyBytes;
    this.#seenSeq = this.#wholeSeq = this.#have = place.baseSeq;
    this.window = new SendWindow(device, { chatId: place.chatId, peer: place.peer, sender: place.index, bodyBytes }, tally);
  }

  get chatMembers(): number {
    return this.place.chatMembers;
  }

  send(dueMs: number): void {
    this.window.send(dueMs);
  }

  giveUpWaiting(): number {
    return this.window.giveUpWaiting();
  }

  /** Tells the server how far this device has received, if that has moved. */
  acknowledge(): void {
    if (this.#seenSeq <= this.#toldSeq) return;
    this.#toldSeq = this.#seenSeq;
    this.#device.write(clientFrame(encodeFrame({ kind: 'delivered', chatId: this.place.chatId, seq: this.#seenSeq })));
  }

  /** Takes an `entry` frame by fixed positions; false when it is no measured message or has another form (the caller decodes it). */
  entry(bytes: Buffer, view: DataView, start: number, end: number): boolean {
    const read = readHead(bytes, view, start + seqAt, end, this.#bodyBytes);
    if (read) this.#push(lastHead.seq, lastHead.sender, lastHead.counter, lastHead.dueMs);
    return read;
  }

  /** The same of a `pushed` frame, in which our own may be among those of others: `sent` counts them. */
  pushed(bytes: Buffer, view: DataView, start: number, end: number): boolean {
    const frame = this.#pushedFrames.read(bytes, view, start, end);
    if (frame === undefined) return this.#pushedRows(bytes, view, start, end);
    const { heads, duesMs, count } = frame;
    const { index } = this.place;
    for (let at = 0, place = 0; at < count; at += 1, place += headPlaces) {
      const sender = heads[place + 1] as number;
      if (sender !== index) this.#push(heads[place] as number, sender, heads[place + 2] as number, duesMs[at] as number);
    }
    return true;
  }

  /** Takes a `sent` frame; false when it answers none of this member's sends. */
  sent(view: DataView, start: number): boolean {
    this.#have += 1;
    return this.window.sent(view, start);
  }

  /** Whatever had to be decoded. */
  other(frame: ToDevice): void {
    if (frame.kind === 'refused') this.window.refused(frame.request, frame.why);
    else if (frame.kind === 'lagging') this.#heal();
    else if (frame.kind === 'moved' && frame.rows.some((row) => row.chatId === this.place.chatId && row.head > this.#seenSeq)) this.#heal();
    else if (frame.kind === 'entry' && frame.chatId === this.place.chatId) this.#decoded(frame, false);
  }

  /** Those that are no measured messages among them. */
  #pushedRows(bytes: Buffer, view: DataView, start: number, end: number): boolean {
    return eachRow(bytes, start, end, (from, to) => {
      if (!readHead(bytes, view, from + rowSeqAt, to, this.#bodyBytes)) this.other({ kind: 'entry', ...decodeEntry(bytes.subarray(from, to)) });
      else if (lastHead.sender !== this.place.index) this.#push(lastHead.seq, lastHead.sender, lastHead.counter, lastHead.dueMs);
    });
  }

  #push(seq: number, sender: number, counter: number, dueMs: number): void {
    const flow = this.#flowOf(sender);
    if (flow < 0 || seq <= this.#healedSeq) return;
    if (seq > this.#seenSeq) this.#seenSeq = seq;
    this.#have += 1;
    if (this.#have === this.#seenSeq) this.#wholeSeq = seq;
    this.#tally.pushed(flow, counter, dueMs, readAtMs);
  }

  #flowOf(sender: number): number {
    const from = sender - this.place.firstOfChat;
    if (from >= 0 && from < this.place.chatMembers) return this.place.flowBase + from;
    this.#tally.broken('an entry of another chat was delivered');
    return -1;
  }

  #decoded({ seq, entryKind, body, device }: Entry, pulled: boolean): void {
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    if (seq > this.#seenSeq) this.#seenSeq = seq;
    if (entryKind !== entryKinds.message || body.byteLength < bodyHeadBytes || device === this.#device.account.deviceId || !isBodyHead(view, 0)) {
      if (!pulled) this.#have += 1;
      return;
    }
    if (!pulled) return this.#push(seq, senderAt(view, 0), counterAt(view, 0), dueMsAt(view, 0));
    const flow = this.#flowOf(senderAt(view, 0));
    if (flow >= 0) this.#tally.pulled(flow, counterAt(view, 0), dueMsAt(view, 0), performance.now());
  }

  /** Pulls from the last seq that is surely whole up to the chat's head. */
  #heal(): void {
    if (this.#healing) return;
    this.#healing = true;
    this.#pull()
      .catch((error: unknown) => this.#tally.broken(`a pull failed: ${String(error)}`))
      .finally(() => {
        this.#healing = false;
      });
  }

  async #pull(): Promise<void> {
    for (let through = this.#wholeSeq, head = through + 1; through < head; ) {
      const request = this.#device.nextRequest();
      const answer = await this.#device.ask({ kind: 'pull', request, chatId: this.place.chatId, after: through, upTo: this.#seenSeq, limit: limits.pullEntriesMax }, request);
      if (answer.kind !== 'entries') throw new Error(`${answer.kind} instead of entries`);
      for (const entry of answer.entries) this.#decoded(entry, true);
      ({ through, head } = answer);
      this.#wholeSeq = this.#have = this.#healedSeq = through;
      if (through > this.#seenSeq) this.#seenSeq = through;
    }
  }
}
