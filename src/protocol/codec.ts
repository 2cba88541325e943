// Between bytes and frames. One encoder, one decoder, both with limits; nothing else in the project touches MessagePack frames.
import { Decoder, Encoder } from '@msgpack/msgpack';
import { Hello, Move, Ping, Pong, Refused, Welcome } from './connection.ts';
import { refusals, type Why } from './errors.ts';
import { limits } from './limits.ts';
import { AddMembers, CreateGroup, GetMembers, LeaveChat, MembersFrame, RemoveMember, SetRole } from './members.ts';
import { type Entry, EntryFrame, entryRow, Send, Sent } from './messages.ts';
import { Focus, PresenceFrame, Typing, TypingBy, Watch } from './presence.ts';
import { Delivered, Read, Receipt } from './receipts.ts';
import { type AnyFrame, checkPlaces, type FrameOf, objectOf, placesOf } from './schema.ts';
import { ChatsFrame, Entries, History, IncarnationChanged, Lagging, ListChats, Moved, Pull, Resume } from './sync.ts';

export const fromDeviceFrames = [
  Hello,
  Ping,
  Send,
  CreateGroup,
  AddMembers,
  RemoveMember,
  LeaveChat,
  SetRole,
  GetMembers,
  Resume,
  Pull,
  History,
  ListChats,
  Delivered,
  Read,
  Focus,
  Typing,
  Watch,
] as const;
export const toDeviceFrames = [
  Welcome,
  Refused,
  Pong,
  Move,
  Sent,
  EntryFrame,
  MembersFrame,
  Moved,
  IncarnationChanged,
  Entries,
  Lagging,
  ChatsFrame,
  Receipt,
  TypingBy,
  PresenceFrame,
] as const;
export type FromDevice = FrameOf<(typeof fromDeviceFrames)[number]>;
export type ToDevice = FrameOf<(typeof toDeviceFrames)[number]>;
/** A well-formed frame of a type that this side does not know; `request` is its first field where that is a number. */
export interface Unknown {
  readonly kind: 'unknown';
  readonly type: number;
  readonly request: number;
}

/** The bytes are not a frame. The connection they came on is closed with 4400. */
export class Malformed extends Error {}

const fromDevice = byType(fromDeviceFrames);
const toDevice = byType(toDeviceFrames);
const byKind = new Map<string, AnyFrame>([...fromDeviceFrames, ...toDeviceFrames].map((definition) => [definition.kind, definition as AnyFrame]));

// No frame holds a map or an extension; arrays and strings are bounded before they are made.
const decoder = new Decoder({ maxStrLength: 4_096, maxBinLength: 1024 * 1024, maxArrayLength: limits.groupMembersMax, maxMapLength: 0, maxExtLength: 0 });
const encoder = new Encoder({ initialBufferSize: 64 * 1024 });

/** Throws Malformed. */
export function decodeFromDevice(raw: Uint8Array): FromDevice | Unknown {
  return decodeBy(fromDevice, raw) as FromDevice | Unknown;
}

/** Throws Malformed. */
export function decodeToDevice(raw: Uint8Array): ToDevice | Unknown {
  return decodeBy(toDevice, raw) as ToDevice | Unknown;
}

/** The frame's bytes, the caller's to keep. */
export function encodeFrame(frame: FromDevice | ToDevice): Uint8Array {
  return encodeShared(frame).slice();
}

/** The frame's bytes in a buffer that the next call overwrites: for who hands them on at once. */
export function encodeShared(frame: FromDevice | ToDevice): Uint8Array {
  const definition = byKind.get(frame.kind) as AnyFrame;
  return encoder.encodeSharedRef(placesOf([definition.type], frame as unknown as Record<string, unknown>, definition.names, definition.places));
}

/** An entry as the `entry` frame that pushes it: encoded once for all who get it. */
export function encodeEntryFrame(entry: Entry): Uint8Array {
  return encoder.encodeSharedRef(placesOf([EntryFrame.type], entry, EntryFrame.names, EntryFrame.places)).slice();
}

/** An entry as bytes to keep. */
export function encodeEntry(entry: Entry): Uint8Array {
  return encoder.encode(entryRow.toWire?.(entry));
}

/** Throws Malformed: what the store gives back is not what was put in. */
export function decodeEntry(raw: Uint8Array): Entry {
  const wire = decodeArray(raw);
  if (!entryRow.check(wire)) throw new Malformed('not an entry');
  return entryRow.fromWire?.(wire) as Entry;
}

export interface RefusedMore {
  readonly retryAfterMs?: number;
  readonly highest?: number;
}
export function refused(request: number, why: Why, { retryAfterMs, highest }: RefusedMore = {}): FrameOf<typeof Refused> {
  const { code, says } = refusals[why];
  return { kind: 'refused', request, code, why, says, retryAfterMs: retryAfterMs ?? null, highest: highest ?? null };
}

function decodeBy(definitions: readonly (AnyFrame | undefined)[], raw: Uint8Array): Record<string, unknown> {
  const wire = decodeArray(raw);
  const type = wire[0];
  if (!Number.isInteger(type)) throw new Malformed('a frame begins with its type, a whole number');
  const definition = definitions[type as number];
  if (definition === undefined) return { kind: 'unknown', type, request: Number.isSafeInteger(wire[1]) && (wire[1] as number) >= 0 ? wire[1] : 0 };
  if (!checkPlaces(wire, 1, definition.places, definition.needed)) throw new Malformed(`not a ${definition.kind} frame: ${wrongPlace(definition, wire)}`);
  return objectOf({ kind: definition.kind }, wire, 1, definition.names, definition.places);
}

function decodeArray(raw: Uint8Array): readonly unknown[] {
  let wire: unknown;
  try {
    wire = decoder.decode(raw);
  } catch (cause) {
    throw new Malformed('not MessagePack, or over a limit', { cause });
  }
  if (!Array.isArray(wire)) throw new Malformed('a frame is an array');
  return wire;
}

function wrongPlace(definition: AnyFrame, wire: readonly unknown[]): string {
  const at = definition.places.findIndex((place, index) => (wire.length > index + 1 ? !place.check(wire[index + 1]) : index < definition.needed));
  return `${definition.names[at]} must be ${definition.places[at]?.says}`;
}

function byType(definitions: readonly AnyFrame[]): readonly (AnyFrame | undefined)[] {
  const table: (AnyFrame | undefined)[] = [];
  for (const definition of definitions) table[definition.type] = definition;
  return table;
}
