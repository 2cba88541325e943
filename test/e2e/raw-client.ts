// A client without wits: one socket, the codec, and a journal of every frame. What it is told it does, what comes it hands on.
import { WebSocket } from 'ws';
import { decodeToDevice, encodeFrame, type FromDevice, type ToDevice, type Unknown } from '../../src/protocol/codec.ts';
import { subprotocol } from '../../src/protocol/version.ts';
import { Journal } from './journal.ts';
import { singly } from './singly.ts';

export interface RawClientOptions {
  /** Called for each frame as it comes. */
  readonly onFrame?: (frame: ToDevice | Unknown) => void;
  /** Another one than ours, or none, to be refused with. */
  readonly subprotocols?: readonly string[];
  readonly origin?: string;
  /** One that goes on after a reconnect. */
  readonly journal?: Journal;
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** The server did not take the socket: its HTTP answer. */
export class Denied extends Error {
  readonly status: number;
  readonly says: string;
  constructor(status: number, says: string) {
    super(`no upgrade: ${status} ${says}`);
    this.status = status;
    this.says = says;
  }
}

const connectMsMax = 15_000;

export class RawClient {
  readonly journal: Journal;
  readonly closed: Promise<Closed>;
  readonly #ws: WebSocket;

  private constructor(ws: WebSocket, { onFrame, journal = new Journal() }: RawClientOptions) {
    this.#ws = ws;
    this.journal = journal;
    ws.binaryType = 'nodebuffer';
    ws.on('message', (data: Buffer) => {
      journal.record('in', data, performance.now());
      if (onFrame !== undefined) for (const frame of singly(decodeToDevice(data))) onFrame(frame);
    });
    ws.on('error', () => {}); // `close` follows and says it
    this.closed = new Promise((resolve) => ws.once('close', (code: number, reason: Buffer) => resolve({ code, reason: reason.toString() })));
  }

  /** Resolves when the upgrade is done; nothing has been said yet. Rejects with Denied where the server answers in plain HTTP. */
  static connect(url: string, options: RawClientOptions = {}): Promise<RawClient> {
    const { origin, subprotocols = [subprotocol] } = options;
    const ws = new WebSocket(url, [...subprotocols], {
      perMessageDeflate: false,
      handshakeTimeout: connectMsMax,
      maxPayload: 16 * 1024 * 1024,
      ...(origin !== undefined && { origin }),
    });
    const client = new RawClient(ws, options);
    return new Promise((resolve, reject) => {
      ws.once('open', () => resolve(client));
      ws.once('error', reject);
      ws.once('unexpected-response', (_request, response) => {
        let says = '';
        response.on('data', (part: Buffer) => (says += part.toString()));
        response.on('end', () => reject(new Denied(response.statusCode ?? 0, says.trim())));
      });
    });
  }

  get isOpen(): boolean {
    return this.#ws.readyState === WebSocket.OPEN;
  }

  /** Bytes that the server has not taken yet. */
  get waitingBytes(): number {
    return this.#ws.bufferedAmount;
  }

  tell(frame: FromDevice): void {
    this.tellBytes(encodeFrame(frame));
  }

  /** Whatever bytes; they must not change afterwards. */
  tellBytes(bytes: Uint8Array): void {
    this.journal.record('out', bytes, performance.now());
    this.#ws.send(bytes);
  }

  /** As a text frame, which the protocol does not have. */
  tellText(text: string): void {
    this.#ws.send(text);
  }

  /** Stops reading: what comes fills the buffers of both systems. */
  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  /** The closing handshake. */
  close(): Promise<Closed> {
    this.#ws.close(1000);
    return this.closed;
  }

  /** The connection is cut. */
  cut(): Promise<Closed> {
    this.#ws.terminate();
    return this.closed;
  }
}
