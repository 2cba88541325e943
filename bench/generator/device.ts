// One device of the load: connects, says hello, asks and is answered; under load its frames go to its place in a chat without being decoded.
import { decodeToDevice, encodeFrame, type FromDevice, type ToDevice } from '../../src/protocol/codec.ts';
import { numbersPerMs } from '../../src/protocol/limits.ts';
import { protocolVersion } from '../../src/protocol/version.ts';
import type { DeviceId, UserId } from '../../src/structures/ids.ts';
import { clientFrame } from './framing.ts';
import type { Member } from './member.ts';
import { type Endpoint, FramedSocket, type SocketOwner } from './socket.ts';
import type { Guest } from './speaker.ts';

/** Who a device is: made by bench/accounts.ts or read from a token file. */
export interface Account {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly accessToken: string;
  /** Of a cluster: where this one connects; left out: where all do. */
  readonly endpoint?: Endpoint;
}

/** The server refused, closed the connection, or let us wait too long. */
export class DeviceFailed extends Error {}

interface Waiting {
  readonly resolve: (frame: ToDevice) => void;
  readonly reject: (error: Error) => void;
}

const answerMsMax = 30_000;
const heartbeatShare = 0.5; // of what the server wants at least
const entryType = 18;
const sentType = 17;
const pushedType = 19;
const receiptType = 66;
const entryArray = 0x9b; // eleven places

export class Device implements SocketOwner, Guest {
  readonly account: Account;
  /** The place in a chat that this device takes part in; frames of the hot path go there. */
  member: Member | undefined;
  /** Why the connection ended; undefined while it stands. */
  endedWhy: string | undefined;
  heartbeatMs = 0;
  /** Of the store's history. */
  incarnation = '';
  wroteAtMs = 0;
  readonly #socket: FramedSocket;
  readonly #waiting = new Map<number, Waiting>();
  #lastNumber = 0;
  #clockAheadMs = 0;
  #lastRequest = 0;

  private constructor(endpoint: Endpoint, account: Account) {
    this.account = account;
    this.#socket = new FramedSocket(endpoint, this);
  }

  /** Resolves when the server has welcomed the device. Rejects with DeviceFailed. */
  static async connect(endpoint: Endpoint, account: Account): Promise<Device> {
    const device = new Device(endpoint, account);
    const welcome = await device.#answerTo(0, undefined);
    if (welcome.kind !== 'welcome') throw new DeviceFailed(`${welcome.kind} instead of welcome`);
    device.heartbeatMs = welcome.heartbeatMs;
    device.incarnation = welcome.incarnation;
    device.#clockAheadMs = welcome.serverTimeMs - Date.now();
    return device;
  }

  /** The next send number: rises, and counts from the server's clock. */
  nextNumber(): number {
    this.#lastNumber = Math.max(this.#lastNumber + 1, (Date.now() + this.#clockAheadMs) * numbersPerMs);
    return this.#lastNumber;
  }

  /** A correlation id for a request that is no send. */
  nextRequest(): number {
    this.#lastRequest += 1;
    return this.#lastRequest;
  }

  /** Sends a frame and waits for the answer that carries `request` (a correlation id or a send number). Rejects with DeviceFailed. */
  ask(frame: FromDevice, request: number): Promise<ToDevice> {
    return this.#answerTo(request, frame);
  }

  tell(frame: FromDevice): void {
    this.write(clientFrame(encodeFrame(frame)));
  }

  /** Whole WebSocket frames. */
  write(frame: Uint8Array): void {
    this.wroteAtMs = performance.now();
    this.#socket.write(frame);
  }

  stayAlive(): void {
    if (performance.now() - this.wroteAtMs > this.heartbeatMs * heartbeatShare) this.tell({ kind: 'ping', request: this.nextRequest() });
  }

  destroy(): void {
    this.#socket.reset();
  }

  opened(): void {
    const { accessToken, deviceId } = this.account;
    this.tell({ kind: 'hello', version: protocolVersion, token: accessToken, deviceId, client: 'parley-bench' });
  }

  frame(bytes: Buffer, view: DataView, start: number, end: number): void {
    const type = bytes[start + 1] as number;
    if (this.member !== undefined) {
      if (type === entryType && bytes[start] === entryArray && this.member.entry(bytes, view, start, end)) return;
      if (type === sentType && this.member.sent(view, start)) return;
      if (type === pushedType && this.member.pushed(bytes, view, start, end)) return;
    }
    if (type !== receiptType) this.#decoded(decodeToDevice(bytes.subarray(start, end)) as ToDevice);
  }

  ended(why: string): void {
    this.endedWhy = why;
    for (const { reject } of this.#waiting.values()) reject(new DeviceFailed(why));
    this.#waiting.clear();
  }

  #decoded(frame: ToDevice): void {
    const request = frame.kind === 'welcome' ? 0 : frame.kind === 'sent' ? frame.number : 'request' in frame ? frame.request : -1;
    const waiting = this.#waiting.get(request);
    if (waiting !== undefined) {
      this.#waiting.delete(request);
      if (frame.kind === 'refused') waiting.reject(new DeviceFailed(`refused: ${frame.why}. ${frame.says}`));
      else waiting.resolve(frame);
    } else if (this.member !== undefined) this.member.other(frame);
  }

  #answerTo(request: number, frame: FromDevice | undefined): Promise<ToDevice> {
    return new Promise((resolve, reject) => {
      if (this.endedWhy !== undefined) return reject(new DeviceFailed(this.endedWhy));
      const timer = setTimeout(() => {
        this.#waiting.delete(request);
        reject(new DeviceFailed(`no answer to ${frame?.kind ?? 'hello'} within ${answerMsMax} ms`));
      }, answerMsMax);
      this.#waiting.set(request, {
        resolve: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      if (frame !== undefined) this.tell(frame);
    });
  }
}
