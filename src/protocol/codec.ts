// Between bytes and frames, by their definitions. Nothing else in the project touches the bytes of frames.
import { Hello, Move, Ping, Pong, Refused, Welcome } from './connection.ts';
import { refusals, type Why } from './errors.ts';
import { readSend, writeEntry, writeEntryFrame, writeSent } from './hot.ts';
import { AddMembers, CreateGroup, GetMembers, LeaveChat, MembersFrame, RemoveMember, SetRole } from './members.ts';
import { type Entry, EntryFrame, entryFields, entryRow, Pushed, Send, Sent } from './messages.ts';
import { Focus, PresenceFrame, Typing, TypingBy, Watch } from './presence.ts';
import { Malformed, Reader } from './reader.ts';
import { Delivered, Read, Receipt } from './receipts.ts';
import { type AnyFrame, type ByType, byType, type FrameOf, readPlaces, writePlaces } from './schema.ts';
import { ChatsFrame, Entries, History, IncarnationChanged, Lagging, ListChats, Moved, Pull, Resume } from './sync.ts';
import { Writer } from './writer.ts';

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
  Pushed,
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

export { Malformed };

const fromDevice = byType(fromDeviceFrames);
const toDevice = byType(toDeviceFrames);
const byKind = new Map<string, AnyFrame>([...fromDeviceFrames, ...toDeviceFrames].map((definition) => [definition.kind, definition as AnyFrame]));

const reader = new Reader();
const writer = new Writer();

/** Throws Malformed. Bodies are views into shared buffers: small copies of their own would cost more than all the rest. */
export function decodeFromDevice(raw: Uint8Array): FromDevice | Unknown {
  const send = decodeSend(raw);
  if (send !== undefined) return send;
  reader.start(raw, true);
  return decodeBy(fromDevice) as FromDevice | Unknown;
}

/** Undefined for every other frame, and for one that is malformed: the definition says in which words. */
function decodeSend(raw: Uint8Array): Send | undefined {
  if (raw[0] !== sendHead || raw[1] !== Send.type) return undefined;
  reader.start(raw, true);
  reader.array();
  reader.counter();
  try {
    const send = readSend(reader);
    reader.end();
    return send;
  } catch (fault) {
    if (fault instanceof Malformed) return undefined;
    throw fault;
  }
}
const sendHead = 0x90 | (Send.places.length + 1);

/** Throws Malformed. */
export function decodeToDevice(raw: Uint8Array): ToDevice | Unknown {
  reader.start(raw, false);
  return decodeBy(toDevice) as ToDevice | Unknown;
}

/** The frame's bytes, the caller's to keep (a view: its `buffer` holds more than them). */
export function encodeFrame(frame: FromDevice | ToDevice): Uint8Array {
  write(frame);
  return writer.copy();
}

/** The frame's bytes in a buffer that the next call overwrites: for who hands them on at once. */
export function encodeShared(frame: FromDevice | ToDevice): Uint8Array {
  write(frame);
  return writer.shared();
}

/** An entry as the `entry` frame that pushes it: encoded once for all who get it. A view, like that of encodeFrame. */
export function encodeEntryFrame(entry: Entry): Uint8Array {
  writer.start();
  writeEntryFrame(writer, entry);
  return writer.copy();
}

/** The `pushed` frame of entries, each given as its `entry` frame. In a buffer of its own. */
export function encodePushed(entryFrames: readonly Uint8Array[]): Uint8Array {
  writer.start();
  writer.array(Pushed.places.length + 1);
  writer.counter(Pushed.type);
  writer.array(entryFrames.length);
  for (const frame of entryFrames) {
    writer.array(entryPlaces);
    writer.raw(frame, entryPlacesAt);
  }
  return writer.shared().slice();
}
const entryPlaces = Object.keys(entryFields).length;
const entryPlacesAt = 2; // of an `entry` frame: behind its head and its type

/** An entry as bytes to keep. A view, like that of encodeFrame. */
export function encodeEntry(entry: Entry): Uint8Array {
  writer.start();
  writeEntry(writer, entry);
  return writer.copy();
}

/** The same in a buffer that the next call of any of these overwrites. */
export function encodeEntryShared(entry: Entry): Uint8Array {
  writer.start();
  writeEntry(writer, entry);
  return writer.shared();
}

/** The first byte of an entry as encodeEntry gives it; all others are those of its `entry` frame from the third on. */
export const entryHead = 0x90 | entryPlaces;

/** Throws Malformed: what the store gives back is not what was put in. The body is a view, like that of encodeFrame. */
export function decodeEntry(raw: Uint8Array): Entry {
  reader.start(raw, true);
  const entry = entryRow.read(reader);
  reader.end();
  return entry;
}

export interface RefusedMore {
  readonly retryAfterMs?: number;
  readonly highest?: number;
}
export function refused(request: number, why: Why, { retryAfterMs, highest }: RefusedMore = {}): FrameOf<typeof Refused> {
  const { code, says } = refusals[why];
  return { kind: 'refused', request, code, why, says, retryAfterMs: retryAfterMs ?? null, highest: highest ?? null };
}

function decodeBy(definitions: ByType): Record<string, unknown> {
  const length = reader.array();
  if (length === 0) throw new Malformed('a frame begins with its type, a whole number');
  const type = reader.counter();
  const definition = definitions[type];
  if (definition === undefined) return decodeUnknown(type, length);
  const frame = readPlaces({ kind: definition.kind }, reader, length - 1, definition);
  reader.end();
  return frame;
}

/** Its first field says which request the refusal is about, where that is a number. */
function decodeUnknown(type: number, length: number): Record<string, unknown> {
  const request = length > 1 ? reader.counterOrZero() : 0;
  reader.skip(length - 2);
  reader.end();
  return { kind: 'unknown', type, request };
}

function write(frame: FromDevice | ToDevice): void {
  writer.start();
  if (frame.kind === 'sent') return writeSent(writer, frame);
  const definition = byKind.get(frame.kind) as AnyFrame;
  writer.array(definition.places.length + 1);
  writer.counter(definition.type);
  writePlaces(writer, frame as Readonly<Record<string, unknown>>, definition);
}
