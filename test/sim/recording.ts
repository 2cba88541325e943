// What left the servers and what reached them, frame by frame, as it was on the wire: the checkers judge from this, never from what a client made of it.
import type { ChatCommand } from '../../src/core/chat.ts';
import { decodeFromDevice, decodeToDevice, type FromDevice, Malformed, type ToDevice, type Unknown } from '../../src/protocol/codec.ts';
import type { Entry } from '../../src/protocol/messages.ts';
import type { ReceiptRow } from '../../src/store/receipts.ts';
import type { MemoryDisk } from '../../src/store/stores.memory.ts';
import type { ChatId, DeviceId, UserId } from '../../src/structures/ids.ts';

/** One device on one socket of one server process. */
export interface Party {
  readonly device: string;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly connection: number;
  readonly server: number;
}

/** A frame that left a server, with what the disk held in that moment. */
export interface Left {
  readonly atMs: number;
  readonly to: Party;
  readonly frame: ToDevice | Unknown;
  /** For `sent`: the entry that the disk had at its seq. */
  readonly stored: Entry | undefined;
  /** For `receipt`: that user's row. */
  readonly row: ReceiptRow | undefined;
  /** For `sent`: what the inboxes say of its chat. */
  readonly inboxes: ReadonlyMap<UserId, InboxHead> | undefined;
}

/** What one inbox says of one chat. */
export interface InboxHead {
  readonly head: number;
  readonly large: boolean;
  /** False: whoever reads it asks the chat. */
  readonly confirmed: boolean;
}

/** A frame that reached a server. */
export interface Came {
  readonly atMs: number;
  readonly from: Party;
  readonly frame: FromDevice | Unknown;
}

export class Recording {
  readonly left: Left[] = [];
  readonly came: Came[] = [];
  readonly #acknowledged = new Set<string>();
  /** How often a command of a device to a chat went from one node to another, by `askedAs`. */
  readonly passed = new Map<string, number>();
  /** Things that happened to the world, and bugs that showed by themselves, for the trace. */
  readonly notes: { readonly atMs: number; readonly text: string }[] = [];
  /** How often what the faults are there for has happened. */
  readonly counts: Record<string, number> = {};
  /** What should never happen, whatever the faults: exceptions that nobody injected. */
  readonly wrongs: string[] = [];
  readonly #disk: MemoryDisk;
  readonly #nowMs: () => number;
  readonly #trace: ((line: string) => void) | undefined;
  /** The last frame decoded: a published one goes to many. */
  #bytes: Uint8Array | undefined;
  #frame: ToDevice | Unknown | undefined;

  constructor(disk: MemoryDisk, nowMs: () => number, trace?: (line: string) => void) {
    this.#disk = disk;
    this.#nowMs = nowMs;
    this.#trace = trace;
  }

  leaves(to: Party, bytes: Uint8Array): void {
    const frame = this.#bytes === bytes && this.#frame !== undefined ? this.#frame : decodeToDevice(bytes);
    this.#bytes = bytes;
    this.#frame = frame;
    const stored = frame.kind === 'sent' ? this.stored(frame.chatId, frame.seq) : undefined;
    const row = frame.kind === 'receipt' ? this.#disk.receipts.get(frame.chatId)?.rows.get(frame.userId) : undefined;
    const inboxes = frame.kind === 'sent' ? this.#inboxes(frame.chatId) : undefined;
    if (frame.kind === 'sent') this.#acknowledged.add(`${to.deviceId} ${frame.number}`);
    this.left.push({ atMs: this.#nowMs(), to, frame, stored, row: row === undefined ? undefined : { ...row }, inboxes });
    this.#trace?.(`${this.#stamp()} ${to.device} <- ${shown(frame)}`);
  }

  /** Whether its device was told that it stands. */
  isAcknowledged({ device, number }: Entry): boolean {
    return this.#acknowledged.has(`${device} ${number}`);
  }

  comes(from: Party, bytes: Uint8Array): void {
    const frame = decoded(bytes);
    if (frame === undefined) return this.note(`${from.device} says what is no frame`);
    this.came.push({ atMs: this.#nowMs(), from, frame });
    this.#trace?.(`${this.#stamp()} ${from.device} -> ${shown(frame)}`);
  }

  passes(command: ChatCommand, isForwarded: boolean): void {
    if (!('from' in command) || !('number' in command || 'request' in command)) return;
    const key = askedAs(command.from.deviceId, command);
    this.passed.set(key, (this.passed.get(key) ?? 0) + 1);
    if (isForwarded) this.count('forwarded commands');
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  note(text: string): void {
    this.notes.push({ atMs: this.#nowMs(), text });
    this.#trace?.(`${this.#stamp()} ** ${text}`);
  }

  wrong(text: string): void {
    this.wrongs.push(text);
    this.note(`WRONG ${text}`);
  }

  stored(chatId: ChatId, seq: number): Entry | undefined {
    return this.#disk.logs.get(chatId)?.entries[seq - 1];
  }

  #inboxes(chatId: ChatId): ReadonlyMap<UserId, InboxHead> {
    const found = new Map<UserId, InboxHead>();
    for (const [userId, rows] of this.#disk.inboxes) {
      const row = rows.get(chatId);
      if (row !== undefined) found.set(userId, { head: row.head, large: row.large, confirmed: row.confirmed });
    }
    return found;
  }

  #stamp(): string {
    return (this.#nowMs() % 100_000_000).toFixed(1).padStart(11);
  }
}

/** A device's request, by its number or its request id. */
export function askedAs(deviceId: DeviceId, request: { readonly number: number } | { readonly request: number }): string {
  return 'number' in request ? `${deviceId} number ${request.number}` : `${deviceId} request ${request.request}`;
}

function decoded(bytes: Uint8Array): FromDevice | Unknown | undefined {
  try {
    return decodeFromDevice(bytes);
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** A frame in a line of the trace: bodies as text, lists by length. */
function shown(frame: object): string {
  return JSON.stringify(frame, (name, value: unknown) => {
    if (value instanceof Uint8Array) return value.byteLength <= 40 && name === 'body' ? new TextDecoder().decode(value) : `${value.byteLength} bytes`;
    if (name === 'entries' && Array.isArray(value)) return value.map((one: Entry) => one.seq).join(' ');
    return name === 'token' || name === 'says' ? undefined : value;
  });
}
