// One WebSocket connection: the upgrade, and frames in and out as bytes.
import { clientFrame, FrameWalker, opcodes, upgradeRequest } from './framing.ts';
import { type Address, FramingBroken, Wire, type WireOwner } from './wire.ts';

export { flushSockets, readAtMs } from './wire.ts';

export interface Endpoint extends Address {
  readonly path: string;
}

/** What a connection tells its owner. */
export interface SocketOwner {
  /** The upgrade is done: frames may be written. */
  opened(): void;
  /** One binary frame; valid during the call only. */
  frame(bytes: Buffer, view: DataView, start: number, end: number): void;
  /** One text frame; who takes none is disconnected by one. */
  text?(bytes: Buffer, view: DataView, start: number, end: number): void;
  /** The connection has ended, for whatever reason. Called once. */
  ended(why: string): void;
}

const upgradeAnswerBytesMax = 8 * 1024;

export class FramedSocket implements WireOwner {
  readonly #wire: Wire;
  readonly #owner: SocketOwner;
  readonly #walker: FrameWalker;
  readonly #request: string;
  readonly #accept: string;
  #answer: string | undefined = ''; // the upgrade's answer as it comes; undefined once it is through

  constructor(endpoint: Endpoint, owner: SocketOwner) {
    const { host, port, path } = endpoint;
    this.#owner = owner;
    this.#walker = new FrameWalker((opcode, bytes, view, start, end) => this.#frame(opcode, bytes, view, start, end));
    const { request, accept } = upgradeRequest(`${host}:${port}`, path);
    this.#request = request;
    this.#accept = accept;
    this.#wire = new Wire(endpoint, this);
  }

  /** Queues a frame made by `clientFrame` or the like; the bytes must not change afterwards. What a turn has queued for one socket leaves in one write. */
  write(frame: Uint8Array): void {
    this.#wire.write(frame);
  }

  /** Ends the connection at once; `ended` follows. */
  destroy(): void {
    this.#wire.destroy();
  }

  /** Reset instead of the closing handshake: leaves no port behind in TIME_WAIT. */
  reset(): void {
    this.#wire.reset();
  }

  connected(): void {
    this.#wire.writeNow(this.#request);
  }

  read(bytes: Buffer, view: DataView, count: number): void {
    if (this.#answer === undefined) this.#walker.walk(bytes, view, count);
    else this.#upgrade(bytes, count);
  }

  ended(why: string): void {
    this.#owner.ended(why);
  }

  #upgrade(bytes: Buffer, count: number): void {
    this.#answer += bytes.toString('latin1', 0, count);
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
    else if (opcode === opcodes.text && this.#owner.text) this.#owner.text(bytes, view, start, end);
    else if (opcode === opcodes.ping) this.#wire.writeNow(clientFrame(bytes.subarray(start, end), opcodes.pong));
    else if (opcode === opcodes.close) {
      this.#wire.destroy(end - start >= 2 ? `closed by the server: ${bytes.readUInt16BE(start)} ${bytes.toString('utf8', start + 2, end)}` : 'closed by the server');
    } else if (opcode !== opcodes.pong) throw new FramingBroken(`opcode ${opcode}`);
  }
}
