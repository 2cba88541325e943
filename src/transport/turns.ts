// What the sockets of every library share: frames wait for the end of the turn, the window holds, and handlers are called when no library is on the stack.
import { closes } from '../protocol/errors.ts';
import type { Socket, SocketHandlers } from './server.ts';

/** Counted for the header of each queued frame, so that a window full of small ones is not twice its size on the wire. */
const headerBytes = 4;
const closeReasonBytesMax = 123; // RFC 6455: a control frame holds 125

/** A socket with its frames of this turn. A library adds how bytes are written and how the connection ends. No closure and no timer belongs to one: idle ones are many. */
export abstract class TurnSocket implements Socket {
  readonly id: number;
  data: unknown = undefined;
  readonly turns: Turns;
  /** The first queued frame; the others are in `rest`, so that the usual turn of one frame makes no array. */
  first: Uint8Array | undefined = undefined;
  rest: Uint8Array[] | undefined = undefined;
  /** Bytes that wait in the library and here. Kept only while `first` is set. */
  waitingBytes = 0;
  open = true;
  /** Something was refused or skipped, so `drained` is owed. */
  owesDrained = false;
  /** Topics of which a frame was skipped and not yet reported. */
  skips: string[] | undefined = undefined;
  /** Over for the handlers: `closed` has been told, or will be at the end of the turn. */
  gone = false;
  /** Stands in the list of those that have news for the handlers. */
  listed = false;

  constructor(id: number, turns: Turns) {
    this.id = id;
    this.turns = turns;
  }

  abstract get remoteAddress(): string;
  abstract subscribe(topic: string): void;
  abstract unsubscribe(topic: string): void;
  /** Bytes that the library holds because the system did not take them. */
  abstract bufferedBytes(): number;
  /** Gives the queue to the library. What the library refuses stays queued, and is offered again when it has room. */
  abstract writeOut(): void;
  /** Sends the close frame after all that is queued. */
  abstract finish(code: number, reason: string): void;

  send(frame: Uint8Array): boolean {
    if (!this.open || this.offer(frame)) return true;
    this.owesDrained = true;
    return false;
  }

  close(code: number, reason: string): void {
    if (!this.open) return;
    this.open = false;
    this.writeOut();
    this.finish(code, cut(reason));
    this.#end(); // for the handlers; what is on the way may take the peer its time
  }

  /** Queues the frame unless the window is full. */
  offer(frame: Uint8Array): boolean {
    if (this.first === undefined) {
      const buffered = this.bufferedBytes();
      if (buffered > this.turns.windowBytesMax) return false;
      this.waitingBytes = buffered + frame.byteLength + headerBytes;
      this.first = frame;
      this.turns.dirtied(this);
      return true;
    }
    if (this.waitingBytes > this.turns.windowBytesMax) return false;
    this.waitingBytes += frame.byteLength + headerBytes;
    if (this.rest === undefined) this.rest = [frame];
    else this.rest.push(frame);
    return true;
  }

  /** Keeps, from the frames of this turn, those from `index` on (0 is `first`). */
  keepFrom(index: number): void {
    const rest = this.rest;
    if (index > 0) {
      this.first = rest?.[index - 1];
      this.rest = rest !== undefined && rest.length > index ? rest.slice(index) : undefined;
    }
    let bytes = this.bufferedBytes();
    if (this.first !== undefined) bytes += this.first.byteLength + headerBytes;
    for (const frame of this.rest ?? []) bytes += frame.byteLength + headerBytes;
    this.waitingBytes = bytes;
  }

  hasRoom(): boolean {
    return (this.first === undefined ? this.bufferedBytes() : this.waitingBytes) <= this.turns.windowBytesMax / 2;
  }

  /** A published frame was left out. */
  skipped(topic: string): void {
    if (!this.open) return;
    this.owesDrained = true;
    if (this.skips === undefined) this.skips = [topic];
    else if (!this.skips.includes(topic)) this.skips.push(topic);
    this.turns.list(this);
  }

  /** The library has written something out. */
  relieved(): void {
    if (this.first !== undefined) this.writeOut();
    if (this.owesDrained && this.hasRoom()) this.turns.list(this);
  }

  /** The library has let go of the connection. */
  lost(): void {
    this.first = undefined;
    this.rest = undefined;
    this.#end();
  }

  #end(): void {
    if (this.gone) return;
    this.open = false;
    this.gone = true;
    this.owesDrained = false;
    this.turns.connections -= 1;
    this.turns.list(this);
  }
}

/** The turns of one server: which sockets have something to write, and which have news. */
export class Turns {
  readonly windowBytesMax: number;
  /** Those that are open to the handlers. */
  connections = 0;
  readonly #handlers: SocketHandlers;
  readonly #onFault: (fault: unknown) => void;
  readonly #soon: (run: () => void) => void;
  readonly #dirty: TurnSocket[] = [];
  #news: TurnSocket[] = [];
  #faults: unknown[] = [];
  #scheduled = false;
  #lastId = 0;

  /** `soon` runs its argument at the end of this turn of the event loop. */
  constructor(windowBytesMax: number, handlers: SocketHandlers, onFault: (fault: unknown) => void, soon: (run: () => void) => void) {
    this.windowBytesMax = windowBytesMax;
    this.#handlers = handlers;
    this.#onFault = onFault;
    this.#soon = soon;
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  opened(socket: TurnSocket): void {
    this.connections += 1;
    try {
      this.#handlers.opened(socket);
    } catch (fault) {
      this.#failed(socket, fault);
    }
  }

  received(socket: TurnSocket, bytes: Uint8Array): void {
    if (!socket.open) return;
    try {
      this.#handlers.received(socket, bytes);
    } catch (fault) {
      this.#failed(socket, fault);
    }
  }

  dirtied(socket: TurnSocket): void {
    this.#dirty.push(socket);
    if (!this.#scheduled) this.#schedule();
  }

  /** Calls no handler: whoever flushes is not called back. */
  flush(): void {
    const dirty = this.#dirty;
    if (dirty.length === 0) return;
    for (const socket of dirty) {
      socket.writeOut();
      if (socket.owesDrained && socket.hasRoom()) this.list(socket);
    }
    dirty.length = 0;
  }

  list(socket: TurnSocket): void {
    if (socket.listed) return;
    socket.listed = true;
    this.#news.push(socket);
    if (!this.#scheduled) this.#schedule();
  }

  #schedule(): void {
    this.#scheduled = true;
    this.#soon(this.#endTurn);
  }

  readonly #endTurn = (): void => {
    this.#scheduled = false;
    this.flush();
    const news = this.#news;
    if (news.length > 0) this.#news = [];
    for (const socket of news) {
      socket.listed = false;
      try {
        this.#tell(socket);
      } catch (fault) {
        this.#failed(socket, fault);
      }
    }
    const faults = this.#faults;
    if (faults.length === 0) return;
    this.#faults = [];
    for (const fault of faults) this.#onFault(fault);
  };

  /** In the order that makes sense to the listener: what was missed, that there is room again, the end. */
  #tell(socket: TurnSocket): void {
    if (socket.gone) return this.#handlers.closed(socket);
    const skips = socket.skips;
    socket.skips = undefined;
    for (const topic of skips ?? []) if (socket.open) this.#handlers.skipped(socket, topic);
    if (!socket.open || !socket.owesDrained || !socket.hasRoom()) return;
    socket.owesDrained = false;
    this.#handlers.drained(socket);
  }

  #failed(socket: TurnSocket, fault: unknown): void {
    socket.close(closes.internal.code, closes.internal.says);
    this.#faults.push(fault);
    if (!this.#scheduled) this.#schedule();
  }
}

/** At most as many bytes of UTF-8 as a close frame holds, never half a character. */
function cut(reason: string): string {
  if (Buffer.byteLength(reason) <= closeReasonBytesMax) return reason;
  let end = closeReasonBytesMax;
  const bytes = Buffer.from(reason);
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString();
}
