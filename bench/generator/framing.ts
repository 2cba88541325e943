// The little of RFC 6455 that a load generator needs, on bytes: the upgrade, client frames, and a walk over what a server sends. Nothing on the receiving path allocates.
import { createHash, randomBytes } from 'node:crypto';
import { subprotocol } from '../../src/protocol/version.ts';
import { FramingBroken } from './wire.ts';

export const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Bytes before the payload of a client's frame of that length: two, the extended length, the mask. */
export function clientHeaderBytes(payloadBytes: number): number {
  if (payloadBytes < 126) return 6;
  return payloadBytes < 65_536 ? 8 : 14;
}

/** Writes a client's frame header at `at`. The mask is zero, which the RFC allows and which leaves the payload as it is; the server unmasks all the same. Returns where the payload begins. */
export function writeClientHeader(into: Buffer, at: number, opcode: number, payloadBytes: number): number {
  into[at] = 0x80 | opcode;
  let next = at + 2;
  if (payloadBytes < 126) into[at + 1] = 0x80 | payloadBytes;
  else if (payloadBytes < 65_536) {
    into[at + 1] = 0x80 | 126;
    next = into.writeUInt16BE(payloadBytes, next);
  } else {
    into[at + 1] = 0x80 | 127;
    next = into.writeUInt32BE(0, next);
    next = into.writeUInt32BE(payloadBytes, next);
  }
  return into.writeUInt32BE(0, next);
}

/** A whole client frame around `payload`. */
export function clientFrame(payload: Uint8Array, opcode: number = opcodes.binary): Buffer {
  const header = clientHeaderBytes(payload.byteLength);
  const frame = Buffer.allocUnsafe(header + payload.byteLength);
  writeClientHeader(frame, 0, opcode, payload.byteLength);
  frame.set(payload, header);
  return frame;
}

/** The upgrade request, and what the server must answer in Sec-WebSocket-Accept. */
export function upgradeRequest(host: string, path: string, key: string = randomBytes(16).toString('base64')): { readonly request: string; readonly accept: string } {
  const request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`;
  return { request, accept: createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64') };
}

export { FramingBroken } from './wire.ts'; // compression, fragments, masked or oversized frames

/** A frame larger than this is no frame of ours (the largest answer to a pull is well below). */
export const serverFrameBytesMax = 4 * 1024 * 1024;

/** Called once per whole frame; the payload lies in `bytes` from `start` to `end`, and `view` sees the same bytes. Valid during the call only. */
export type OnServerFrame = (opcode: number, bytes: Buffer, view: DataView, start: number, end: number) => void;

/** Bytes in, frames out, for one socket. What is cut off at the end of a read is kept, and only that frame is ever copied. */
export class FrameWalker {
  readonly #onFrame: OnServerFrame;
  #rest: Buffer | undefined;
  #restBytes = 0;

  constructor(onFrame: OnServerFrame) {
    this.#onFrame = onFrame;
  }

  /** Walks `bytes` from 0 to `bytesEnd`. Throws FramingBroken. */
  walk(bytes: Buffer, view: DataView, bytesEnd: number): void {
    let at = 0;
    while (this.#restBytes > 0 && at < bytesEnd) at = this.#finish(bytes, at, bytesEnd);
    while (bytesEnd - at >= 2) {
      const size = frameBytes(bytes, at, bytesEnd);
      if (size === 0 || bytesEnd - at < size) break;
      this.#onFrame((bytes[at] as number) & 15, bytes, view, payloadAt(bytes, at), at + size);
      at += size;
    }
    if (at < bytesEnd) this.#keep(bytes, at, bytesEnd);
  }

  /** Takes as much of `bytes` as the frame that was cut off needs; returns where the next one begins. */
  #finish(bytes: Buffer, from: number, bytesEnd: number): number {
    const rest = this.#rest as Buffer;
    const size = frameBytes(rest, 0, this.#restBytes);
    const wanted = size === 0 ? headerBytesWanted(rest, this.#restBytes) : size;
    const take = Math.min(wanted - this.#restBytes, bytesEnd - from);
    this.#keep(bytes, from, from + take);
    const whole = this.#rest as Buffer; // may have grown
    if (size > 0 && this.#restBytes === size) {
      this.#restBytes = 0;
      this.#onFrame((whole[0] as number) & 15, whole, new DataView(whole.buffer, whole.byteOffset, whole.byteLength), payloadAt(whole, 0), size);
    }
    return from + take;
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    const needed = this.#restBytes + to - from;
    if (this.#rest === undefined || this.#rest.byteLength < needed) {
      const larger = Buffer.allocUnsafeSlow(Math.max(512, 2 ** Math.ceil(Math.log2(needed))));
      if (this.#rest !== undefined) this.#rest.copy(larger, 0, 0, this.#restBytes);
      this.#rest = larger;
    }
    bytes.copy(this.#rest, this.#restBytes, from, to);
    this.#restBytes = needed;
  }
}

/** Size of the frame that begins at `at`, header included; 0 while its header is not whole. */
function frameBytes(bytes: Buffer, at: number, end: number): number {
  if (end - at < 2) return 0;
  const first = bytes[at] as number;
  const short = bytes[at + 1] as number;
  if ((first & 0xf0) !== 0x80 || short > 127) throw new FramingBroken(`a frame begins with ${first.toString(16)} ${short.toString(16)}`);
  if (short < 126) return 2 + short;
  if (short === 126) return end - at < 4 ? 0 : 4 + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
  if (end - at < 10) return 0;
  const large = bytes.readUInt32BE(at + 6);
  if (bytes.readUInt32BE(at + 2) !== 0 || large > serverFrameBytesMax) throw new FramingBroken('a frame is larger than any of ours');
  return 10 + large;
}

function payloadAt(bytes: Buffer, at: number): number {
  const short = bytes[at + 1] as number;
  if (short < 126) return at + 2;
  return short === 126 ? at + 4 : at + 10;
}

function headerBytesWanted(rest: Buffer, restBytes: number): number {
  if (restBytes < 2) return 2;
  return rest[1] === 126 ? 4 : 10;
}
