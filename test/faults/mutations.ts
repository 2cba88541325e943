// Frames that are nearly right: valid ones with a field, a bit or a piece changed. Everything is drawn from a seed.
import { Encoder } from '@msgpack/msgpack';
import { decodeFromDevice, encodeFrame, type FromDevice, fromDeviceFrames, Malformed } from '../../src/protocol/codec.ts';
import { limits, numbersPerMs } from '../../src/protocol/limits.ts';
import type { ChatId, UserId } from '../../src/structures/ids.ts';
import type { Seeded } from './seeded.ts';

/** What a device could name. */
export interface Names {
  readonly userIds: readonly UserId[];
  /** Chats that it is in, each with its peer if it is a direct one. */
  readonly own: readonly { readonly chatId: ChatId; readonly peer: UserId | null }[];
  /** Chats of others, and ids of none. */
  readonly others: readonly ChatId[];
  readonly incarnation: string;
}

export type FrameKind = (typeof fromDeviceFrames)[number]['kind'];

/** How often each kind is the one that is changed, out of a thousand. Making groups and listing chats grows with the number of groups, so they are rare. */
const weights: readonly (readonly [FrameKind, number])[] = [
  ['send', 500],
  ['pull', 50],
  ['history', 30],
  ['delivered', 100],
  ['read', 80],
  ['typing', 60],
  ['focus', 40],
  ['getMembers', 30],
  ['watch', 8],
  ['ping', 50],
  ['addMembers', 15],
  ['removeMember', 5],
  ['setRole', 15],
  ['leaveChat', 2],
  ['resume', 6],
  ['hello', 8],
  ['listChats', 0.5],
  ['createGroup', 0.5],
];
const total = weights.reduce((sum, [, weight]) => sum + weight, 0);

const encoder = new Encoder({ forceIntegerToFloat: false });

/** Valid frames such as a device may send. */
export class FrameSource {
  readonly seeded: Seeded;
  readonly names: Names;
  #lastNumber = 0;

  constructor(seeded: Seeded, names: Names) {
    this.seeded = seeded;
    this.names = names;
  }

  next(kind: FrameKind = kindOf(this.seeded)): FromDevice {
    const { seeded, names } = this;
    const { userIds, incarnation } = names;
    const place = seeded.below(25) === 0 ? { chatId: seeded.of(names.others), peer: seeded.of(userIds) } : seeded.of(names.own);
    const { chatId } = place;
    const request = 1 + seeded.below(1_000_000);
    const seq = seeded.below(200);
    switch (kind) {
      case 'send':
        return { kind, chatId, ...this.#numbered(), contentType: 'text/plain', body: this.#body(), peer: seeded.below(2) === 0 ? place.peer : null };
      case 'pull':
        return { kind, request, chatId, after: seq, upTo: 0, limit: 1 + seeded.below(20) };
      case 'history':
        return { kind, request, chatId, before: seq, limit: 1 + seeded.below(20) };
      case 'delivered':
      case 'read':
        return { kind, chatId, seq };
      case 'typing':
        return { kind, chatId, on: seeded.below(2) === 0 };
      case 'focus':
        return { kind, chatId: seeded.below(4) === 0 ? null : chatId };
      case 'getMembers':
        return { kind, request, chatId };
      case 'watch':
        return { kind, userIds: userIds.slice(seeded.below(userIds.length)) };
      case 'ping':
        return { kind, request };
      case 'addMembers':
        return { kind, chatId, ...this.#numbered(), userIds: [seeded.of(userIds)] };
      case 'removeMember':
        return { kind, chatId, ...this.#numbered(), userId: seeded.of(userIds) };
      case 'setRole':
        return { kind, chatId, ...this.#numbered(), userId: seeded.of(userIds), role: seeded.of(['owner', 'admin', 'member'] as const) };
      case 'leaveChat':
        return { kind, chatId, ...this.#numbered() };
      case 'resume':
        return {
          kind,
          request,
          incarnation,
          cursors: names.own.slice(0, seeded.below(5)).map((one) => ({ chatId: one.chatId, seq, receiptsVersion: seq })),
          last: seeded.below(4) > 0,
        };
      case 'hello':
        return { kind, version: 1, token: 'x'.repeat(300), deviceId: nobodysDevice, client: 'fuzz' };
      case 'listChats':
        return { kind, request, before: null, limit: 1 + seeded.below(20) };
      case 'createGroup':
        return { kind, number: this.#numbered().number, title: 'group', userIds: [seeded.of(userIds)] };
    }
  }

  #numbered(): { readonly number: number; readonly after: number } {
    const after = this.seeded.below(30) === 0 ? this.#lastNumber + 1 : this.seeded.below(2) * this.#lastNumber;
    this.#lastNumber = Math.max(this.#lastNumber + 1, Date.now() * numbersPerMs);
    return { number: this.#lastNumber, after: this.seeded.below(4) === 0 ? after : 0 };
  }

  #body(): Uint8Array {
    const length = this.seeded.below(this.seeded.below(10) === 0 ? 4_000 : 120);
    const from = this.seeded.below(noise.byteLength - length);
    return noise.subarray(from, from + length);
  }
}
const noise = Buffer.from(Array.from({ length: 64 * 1024 }, (_, at) => (at * at + (at >> 7)) & 255));
const nobodysDevice = `d${'a'.repeat(20)}` as Extract<FromDevice, { kind: 'hello' }>['deviceId'];

/** The frame, changed: one of its fields, or its bytes. */
export function mutated(source: FrameSource, frame: FromDevice = source.next()): Uint8Array {
  return source.seeded.below(100) < 45 ? withOtherFields(source, frame) : withOtherBytes(source, encodeFrame(frame));
}

export function isWellFormed(bytes: Uint8Array): boolean {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0; // two of three are not, and nobody looks at where
  try {
    decodeFromDevice(bytes);
    return true;
  } catch (error) {
    if (error instanceof Malformed) return false;
    throw error;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function kindOf(seeded: Seeded): FrameKind {
  let left = seeded.next() * total;
  for (const [kind, weight] of weights) if ((left -= weight) < 0) return kind;
  return 'ping';
}

/** Still MessagePack: a field replaced, left out, added, or the type another one. */
function withOtherFields({ seeded, names }: FrameSource, frame: FromDevice): Uint8Array {
  const { type, names: fieldNames } = definitionOf(frame.kind);
  const fields: unknown[] = [type, ...fieldNames.map((name) => plain((frame as unknown as Record<string, unknown>)[name]))];
  const changes = 1 + seeded.below(2);
  for (let nth = 0; nth < changes; nth += 1) {
    const at = 1 + seeded.below(Math.max(1, fields.length - 1));
    const what = seeded.below(20);
    if (what === 0) fields.length = at;
    else if (what === 1) fields.splice(at, 0, oddValue(seeded, names));
    else if (what === 2) fields.push(oddValue(seeded, names));
    else if (what === 3) fields[0] = seeded.below(3) === 0 ? oddValue(seeded, names) : seeded.below(128);
    else if (at < fields.length) fields[at] = seeded.below(3) === 0 ? oddValue(seeded, names) : likeValue(seeded, names, fields[at]);
  }
  return encoder.encode(fields);
}

function definitionOf(kind: FrameKind): { readonly type: number; readonly names: readonly string[] } {
  return fromDeviceFrames.find((one) => one.kind === kind) as { readonly type: number; readonly names: readonly string[] };
}

/** Rows are arrays on the wire. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? value.map(plain) : Object.values(value).map(plain);
}

/** Of the same type, at an edge or beyond it. */
function likeValue(seeded: Seeded, { userIds, own, others }: Names, value: unknown): unknown {
  const chatIds = [seeded.of(others), seeded.of(own).chatId];
  switch (typeof value) {
    case 'number':
      return seeded.of([
        0,
        1,
        value + 1,
        Math.max(0, value - 1),
        value * 2,
        2 ** 31,
        2 ** 32,
        Number.MAX_SAFE_INTEGER,
        Date.now(),
        (Date.now() + 2 * limits.clockAheadMsMax) * numbersPerMs,
      ]);
    case 'string':
      return seeded.of([
        seeded.of(chatIds),
        seeded.of(userIds),
        '',
        'x',
        'x'.repeat(64),
        'x'.repeat(65),
        `g${'z'.repeat(20)}`,
        `p${'z'.repeat(20)}`,
        'ä'.repeat(30),
        'text/plain',
        `${value}x`,
      ]);
    case 'boolean':
      return !value;
    default:
      if (value instanceof Uint8Array) return new Uint8Array(seeded.of([0, 1, 300, limits.bodyBytesMax, limits.bodyBytesMax + 1]));
      if (Array.isArray(value)) return seeded.below(2) === 0 ? [] : [...value, ...value, ...value];
      return seeded.of([null, seeded.of(userIds), seeded.of(chatIds)]);
  }
}

/** Of any type. */
function oddValue(seeded: Seeded, { userIds, own }: Names): unknown {
  const at = seeded.below(oddValues.length + 3);
  if (at < oddValues.length) return oddValues[at];
  return at === oddValues.length ? seeded.of(userIds) : at === oddValues.length + 1 ? seeded.of(own).chatId : [seeded.of(userIds)];
}
const oddValues: readonly unknown[] = [null, true, -1, 0.5, Number.NaN, 2 ** 53, -(2 ** 31), '', 'text', new Uint8Array(3), [], [[[[]]]], {}, { a: 1 }, new Date(0)];

function withOtherBytes(source: FrameSource, bytes: Uint8Array): Uint8Array {
  const { seeded } = source;
  const at = seeded.below(bytes.byteLength);
  switch (seeded.below(10)) {
    case 0:
      return bytes.slice(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), Uint8Array.of(seeded.below(256)), bytes.subarray(at)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
    case 3: {
      const other = encodeFrame(source.next());
      return Buffer.concat([bytes.subarray(0, at), other.subarray(seeded.below(other.byteLength))]);
    }
    case 4: {
      const copy = Uint8Array.from(bytes);
      copy[at] = seeded.of([0x00, 0x7f, 0x80, 0x90, 0xa0, 0xc0, 0xc1, 0xc4, 0xcf, 0xd9, 0xdc, 0xdd, 0xdf, 0xff]);
      return copy;
    }
    default: {
      const copy = Uint8Array.from(bytes);
      for (let nth = seeded.below(3); nth >= 0; nth -= 1) {
        const place = seeded.below(copy.byteLength);
        copy[place] = (copy[place] as number) ^ (1 << seeded.below(8));
      }
      return copy;
    }
  }
}
