// The sending half of a device's place in a chat: at most 16 open sends, frames prepared once and patched per message, resends in order when the server was busy.
import { limits } from '../../src/protocol/limits.ts';
import type { ChatId, UserId } from '../../src/structures/ids.ts';
import { writeBodyHead } from './body.ts';
import { clientHeaderBytes, opcodes, writeClientHeader } from './framing.ts';

/** What a window tells the traffic. */
export interface SendTally {
  /** A send found the window full and waits; its latency counts all the same. */
  blocked(): void;
  /** The server answered `sent`. */
  accepted(): void;
  /** The server asks to send again later. */
  refused(why: string): void;
  /** Something that no working server does: the run is over. */
  broken(why: string): void;
}

/** What a window needs of its device. */
export interface SendLink {
  nextNumber(): number;
  /** A whole WebSocket frame, whose bytes won't change. */
  write(frame: Uint8Array): void;
}

export interface SendTarget {
  readonly chatId: ChatId;
  /** The other user of a direct chat, undefined in a group. */
  readonly peer: UserId | undefined;
  /** The sender's index in the bodies. */
  readonly sender: number;
  readonly bodyBytes: number;
}

interface Open {
  readonly number: number;
  frame: Buffer;
  refused: boolean;
}

const windowMax = limits.openSendsPerChatMax;
const contentType = 'application/octet-stream';
const retryMs = 20;
const uint64 = 0xcf;
const twoTo32 = 4_294_967_296;
const forNow: ReadonlySet<string> = new Set(['busy', 'tooManyInFlight', 'outOfOrder', 'unavailable', 'rateLimited']);

export class SendWindow {
  /** Messages written so far; each message's number in the bodies. */
  count = 0;
  readonly #device: SendLink;
  readonly #tally: SendTally;
  readonly #sender: number;
  readonly #template: Template;
  readonly #open: Open[] = [];
  readonly #due: number[] = []; // waiting for room
  #lastNumber = 0; // accepted or open
  #lastAccepted = 0;
  #repairing = false;
  #retrySoon = false;

  constructor(device: SendLink, target: SendTarget, tally: SendTally) {
    this.#device = device;
    this.#tally = tally;
    this.#sender = target.sender;
    this.#template = sendTemplate(target);
  }

  /** Sends a message that was due at `dueMs`, at once or when there is room. */
  send(dueMs: number): void {
    if (this.#open.length < windowMax && !this.#repairing && this.#due.length === 0) return this.#write(dueMs);
    this.#due.push(dueMs);
    this.#tally.blocked();
  }

  /** Forgets what was due and has not been written, and says how many: a window that is given up. */
  giveUpWaiting(): number {
    const dropped = this.#due.length;
    this.#due.length = 0;
    return dropped;
  }

  /** Takes a `sent` frame whose payload begins at `start`; false when its number is none of this window's. */
  sent(view: DataView, start: number): boolean {
    if (view.getUint8(start + 2) !== uint64) return false;
    const number = view.getUint32(start + 3) * twoTo32 + view.getUint32(start + 7);
    const at = this.#open[0]?.number === number ? 0 : this.#open.findIndex((one) => one.number === number);
    if (at < 0) return false;
    if (at > 0) this.#tally.broken('a send was accepted before an earlier one of its device and chat');
    this.#open.splice(0, at + 1);
    this.#lastAccepted = number;
    this.#tally.accepted();
    if (this.#repairing) this.#repairWhenAnswered();
    else this.#goOn();
    return true;
  }

  /** When all open sends are answered, those that were not accepted are sent again in order, under their numbers. */
  refused(number: number, why: string): void {
    const one = this.#open.find((open) => open.number === number);
    if (one === undefined || !forNow.has(why)) return this.#tally.broken(`refused: ${why}`);
    one.refused = true;
    this.#repairing = true;
    this.#tally.refused(why);
    this.#repairWhenAnswered();
  }

  #write(dueMs: number): void {
    const number = this.#device.nextNumber();
    const { bytes, numberAt, bodyAt } = this.#template;
    const frame = Buffer.allocUnsafe(bytes.byteLength);
    frame.set(bytes);
    writeNumbers(frame, numberAt, number, this.#lastNumber);
    writeBodyHead(frame, bodyAt, this.#sender, this.count, dueMs);
    this.count += 1;
    this.#lastNumber = number;
    this.#open.push({ number, frame, refused: false });
    this.#device.write(frame);
  }

  #goOn(): void {
    while (this.#due.length > 0 && this.#open.length < windowMax) this.#write(this.#due.shift() as number);
  }

  #repairWhenAnswered(): void {
    if (this.#retrySoon || !this.#open.every((one) => one.refused)) return;
    this.#retrySoon = true;
    setTimeout(() => this.#repair(), retryMs);
  }

  #repair(): void {
    this.#retrySoon = false;
    this.#repairing = false;
    let after = this.#lastAccepted;
    for (const one of this.#open) {
      one.refused = false;
      one.frame = Buffer.from(one.frame);
      writeNumbers(one.frame, this.#template.numberAt, one.number, after);
      after = one.number;
      this.#device.write(one.frame);
    }
    this.#goOn();
  }
}

/** `number` and `after` of a send, both as uint64: their places in the frame never move. */
function writeNumbers(frame: Buffer, at: number, number: number, after: number): void {
  frame[at] = uint64;
  frame.writeUInt32BE(Math.floor(number / twoTo32), at + 1);
  frame.writeUInt32BE(number >>> 0, at + 5);
  frame[at + 9] = uint64;
  frame.writeUInt32BE(Math.floor(after / twoTo32), at + 10);
  frame.writeUInt32BE(after >>> 0, at + 14);
}

interface Template {
  readonly bytes: Buffer;
  readonly numberAt: number;
  readonly bodyAt: number;
}

/** A whole client frame around a `send`, with room for what changes. */
function sendTemplate({ chatId, peer, bodyBytes }: SendTarget): Template {
  const before = Buffer.concat([Buffer.from([peer === undefined ? 0x96 : 0x97, 16, 0xb5]), Buffer.from(chatId)]);
  const type = Buffer.concat([Buffer.from([0xa0 | contentType.length]), Buffer.from(contentType), Buffer.from([0xc5, bodyBytes >> 8, bodyBytes & 255])]);
  const tail = peer === undefined ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0xb5]), Buffer.from(peer)]);
  const payload = Buffer.concat([before, Buffer.alloc(18), type, Buffer.alloc(bodyBytes, 'parley '), tail]);
  const header = clientHeaderBytes(payload.byteLength);
  const bytes = Buffer.concat([Buffer.alloc(header), payload]);
  writeClientHeader(bytes, 0, opcodes.binary, payload.byteLength);
  const numberAt = header + before.byteLength;
  return { bytes, numberAt, bodyAt: numberAt + 18 + type.byteLength };
}
