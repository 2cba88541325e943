// Between envelopes and the bytes of one message: a version byte, then one envelope after the other. What a newer node says beyond our knowledge is passed over and counted.
import { Malformed, Reader } from '../protocol/reader.ts';
import { type AnyFrame, byType, type Field, oneFrame, type UnknownFrame } from '../protocol/schema.ts';
import { Writer } from '../protocol/writer.ts';
import type { ToAll, ToChatAudiences, ToNode, ToUser, ToWatchers } from './envelope.ts';
import { headOf, readHotToNode, readHotToUser, restOf, writeHot } from './envelope-hot.ts';
import { type From, toAllEnvelopes, toChatEnvelopes, toNodeEnvelopes, toUserEnvelopes, toWatchersEnvelopes } from './envelope-schema.ts';

/**
 * A new kind of envelope, or a field more at its end, needs no new version: older nodes pass over both (and are sent new kinds only once the whole view can
 * read them). A change that they would misread does: then `written` rises once every node reads the new one, and `oldest` follows a release later.
 */
export interface Versions {
  readonly oldest: number;
  readonly newest: number;
}
export const versions: Versions = { oldest: 1, newest: 1 };
const written = 1;
const versionMax = 127;

/** One message, no envelope of which can be larger. NATS servers carry up to 1 MB unless told otherwise. */
export const messageBytesMax = 1024 * 1024;

/** Which kind of address a message came on, with what may come there. */
export interface Envelopes {
  readonly node: ToNode | From;
  readonly user: ToUser;
  readonly chat: ToChatAudiences;
  readonly presence: ToWatchers;
  readonly all: ToAll;
}
export type AddressKind = keyof Envelopes;

export interface Decoded<Kind extends AddressKind> {
  /** In the order in which they were sent; up to the fault, where there is one. */
  readonly envelopes: readonly Envelopes[Kind][];
  /** Those that hold something of a type that this build does not know. */
  readonly unknown: number;
  /** The rest of the message cannot be read. */
  readonly fault: Malformed | undefined;
}

type AnyEnvelope = { readonly kind: string };
/** What may be said at each kind of address. */
export const definitions: Readonly<Record<AddressKind, readonly AnyFrame[]>> = {
  node: toNodeEnvelopes,
  user: toUserEnvelopes,
  chat: toChatEnvelopes,
  presence: toWatchersEnvelopes,
  all: toAllEnvelopes,
};
const fields = ofEach((of): Field<AnyEnvelope | UnknownFrame> => oneFrame(...of));
const tables = ofEach(byType);

const writer = new Writer();
const reader = new Reader();

/** A whole message with this one envelope; the caller's to keep (a view: its `buffer` holds more than it). */
export function encodeEnvelope<Kind extends AddressKind>(kind: Kind, envelope: Envelopes[Kind]): Uint8Array {
  writer.start();
  writer.counter(written);
  if (kind === 'chat') fields.chat.write(writer, { ...envelope, kind: 'chatPush' });
  else if (!writeHot(writer, envelope as Exclude<Envelopes[Kind], ToChatAudiences>)) fields[kind].write(writer, envelope as AnyEnvelope);
  return writer.copy();
}

/** One message of several, in their order, behind `head` where there is one. A view, like that of encodeEnvelope. */
export function joined(messages: readonly Uint8Array[], head?: From): Uint8Array {
  const [only] = messages;
  if (head === undefined && messages.length === 1 && only !== undefined) return only;
  writer.start();
  writer.counter(written);
  if (head !== undefined) writeHot(writer, head);
  for (const message of messages) writer.raw(message, 1);
  return writer.copy();
}

/** Whether this build reads messages of that version. */
export function isReadable(message: Uint8Array, { oldest, newest }: Versions = versions): boolean {
  const version = message[0] ?? 0;
  return version >= Math.max(1, oldest) && version <= Math.min(newest, versionMax);
}

/** Never throws, whatever the bytes. The version must be readable. */
export function decodeMessage<Kind extends AddressKind>(kind: Kind, message: Uint8Array): Decoded<Kind> {
  const envelopes: Envelopes[Kind][] = [];
  let unknown = 0;
  if (message.length > messageBytesMax) return { envelopes, unknown, fault: new Malformed(`a message of ${message.length} bytes`) };
  try {
    reader.start(message, true);
    reader.counter();
    while (!reader.isAtEnd) {
      const envelope = readEnvelope(kind);
      if (isKnown(envelope)) envelopes.push((kind === 'chat' ? withoutKind(envelope) : envelope) as unknown as Envelopes[Kind]);
      else unknown += 1;
    }
  } catch (fault) {
    if (!(fault instanceof Malformed)) throw fault;
    return { envelopes, unknown, fault };
  }
  return { envelopes, unknown, fault: undefined };
}

/** The next one that the reader has. */
function readEnvelope(kind: AddressKind): AnyEnvelope {
  const length = headOf(reader);
  const type = reader.counter();
  const hot = kind === 'node' ? readHotToNode(reader, length, type) : kind === 'user' ? readHotToUser(reader, length, type) : undefined;
  return hot ?? restOf(tables[kind], reader, length, type);
}

/** What an envelope carries may be unknown as well: a command, its change, a frame for a device. */
function isKnown(envelope: AnyEnvelope): boolean {
  if (envelope.kind === 'unknown') return false;
  const { command, frame } = envelope as { readonly command?: AnyEnvelope & { readonly change?: AnyEnvelope }; readonly frame?: AnyEnvelope };
  return frame?.kind !== 'unknown' && command?.kind !== 'unknown' && command?.change?.kind !== 'unknown';
}

function withoutKind(envelope: AnyEnvelope): ToChatAudiences {
  const { push, went } = envelope as AnyEnvelope & ToChatAudiences;
  return { push, went };
}

function ofEach<Value>(make: (of: readonly AnyFrame[]) => Value): Readonly<Record<AddressKind, Value>> {
  return { node: make(definitions.node), user: make(definitions.user), chat: make(definitions.chat), presence: make(definitions.presence), all: make(definitions.all) };
}
