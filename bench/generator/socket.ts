// One WebSocket connection on a bare TCP socket: every read of every connection lands in one static buffer, so receiving allocates nothing.
import { connect, type Socket } from 'node:net';
import { clientFrame, FrameWalker, FramingBroken, opcodes, upgradeRequest } from './framing.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** What a connection tells its owner. */
export interface SocketOwner {
  /** The upgrade is done: frames may be written. */
  opened(): void;
  /** One binary frame; valid during the call only. `nowMs`: when its read returned. */
  frame(bytes: Buffer, view: DataView, start: number, end: number): void;
  /** The connection has ended, for whatever reason. Called once. */
  ended(why: string): void;
}

const inboxBytes = 256 * 1024;
const upgradeAnswerBytesMax = 8 * 1024;
const inbox = Buffer.allocUnsafeSlow(inboxBytes); // shared: libuv reads into it and hands it to the callback in one go
const inboxView = new DataView(inbox.buffer, inbox.byteOffset, inbox.byteLength);

/** When the read that is being walked returned, on the clock of `performance.now()`. */
export let readAtMs = 0;

const dirty: FramedSocket[] = [];

/** Writes what this turn has queued; happens by itself at the end of the turn, or earlier for who is about to rest. */
export function flushSockets(): void {
  for (const socket of dirty) socket.flush();
  dirty.length = 0;
}

export class FramedSocket {
  readonly #socket: Socket;
  readonly #owner: SocketOwner;
  readonly #walker: FrameWalker;
  readonly #accept: string;
  readonly #queued: Uint8Array[] = [];
  #answer: string | undefined = ''; // the upgrade's answer as it comes; undefined once it is through
  #over = false;
  #why = 'the connection was closed';

  constructor({ host, port, path }: Endpoint, owner: SocketOwner) {
    this.#owner = owner;
    this.#walker = new FrameWalker((opcode, bytes, view, start, end) => this.#frame(opcode, bytes, view, start, end));
    const { request, accept } = upgradeRequest(`${host}:${port}`, path);
    this.#accept = accept;
    this.#socket = connect({ host, port, noDelay: true, onread: { buffer: inbox, callback: (bytes) => this.#read(bytes) } });
    this.#socket.once('connect', () => this.#socket.write(request));
    this.#socket.on('error', (error) => {
      this.#why = error.message;
    });
    this.#socket.once('close', () => this.#end());
  }

  /** Queues a frame made by `clientFrame` or the like; the bytes must not change afterwards. What a turn has queued for one socket leaves in one write. */
  write(frame: Uint8Array): void {
    if (this.#queued.push(frame) > 1) return;
    if (dirty.push(this) === 1) setImmediate(flushSockets);
  }

  /** Only `flushSockets` calls this. */
  flush(): void {
    const queued = this.#queued;
    this.#socket.write(queued.length === 1 ? (queued[0] as Uint8Array) : Buffer.concat(queued));
    queued.length = 0;
  }

  /** Ends the connection at once; `ended` follows. */
  destroy(): void {
    this.#why = 'we closed it';
    this.#socket.destroy();
  }

  /** Reset instead of the closing handshake: leaves no port behind in TIME_WAIT. */
  reset(): void {
    this.#why = 'we reset it';
    this.#socket.resetAndDestroy();
  }

  #read(bytesRead: number): boolean {
    readAtMs = performance.now();
    try {
      if (this.#answer === undefined) this.#walker.walk(inbox, inboxView, bytesRead);
      else this.#upgrade(bytesRead);
    } catch (error) {
      if (!(error instanceof FramingBroken)) throw error;
      this.#why = error.message;
      this.#socket.destroy();
    }
    return true;
  }

  #upgrade(bytesRead: number): void {
    this.#answer += inbox.toString('latin1', 0, bytesRead);
    const answer = this.#answer as string;
    const end = answer.indexOf('\r\n\r\n');
    if (end < 0) {
      if (answer.length > upgradeAnswerBytesMax) throw new FramingBroken('the answer to the upgrade has no end');
      return;
    }
    const head = answer.slice(0, end);
    if (!head.startsWith('HTTP/1.1 101') || !head.includes(this.#accept)) throw new FramingBroken(`no upgrade: ${head.split('\r\n')[0]}`);
    this.#answer = undefined;
    this.#owner.opened();
    const early = Buffer.from(answer.slice(end + 4), 'latin1'); // frames that came along with it
    if (early.byteLength > 0) this.#walker.walk(early, new DataView(early.buffer, early.byteOffset, early.byteLength), early.byteLength);
  }

  #frame(opcode: number, bytes: Buffer, view: DataView, start: number, end: number): void {
    if (opcode === opcodes.binary) this.#owner.frame(bytes, view, start, end);
    else if (opcode === opcodes.ping) this.#socket.write(clientFrame(bytes.subarray(start, end), opcodes.pong));
    else if (opcode === opcodes.close) {
      this.#why = end - start >= 2 ? `closed by the server: ${bytes.readUInt16BE(start)} ${bytes.toString('utf8', start + 2, end)}` : 'closed by the server';
      this.#socket.destroy();
    } else if (opcode !== opcodes.pong) throw new FramingBroken(`opcode ${opcode}`);
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner.ended(this.#why);
  }
}
