// Between envelopes and the bytes of one message: a version byte, then one envelope after the other. What a newer node says beyond our knowledge is passed over and counted.
import { Malformed, Reader } from '../protocol/reader.ts';
import { type AnyFrame, type Field, oneFrame, type UnknownFrame } from '../protocol/schema.ts';
import { Writer } from '../protocol/writer.ts';
import type { ToAll, ToChatAudiences, ToNode, ToUser, ToWatchers } from './envelope.ts';
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
const fields: Readonly<Record<AddressKind, Field<AnyEnvelope | UnknownFrame>>> = {
  node: fieldOf(toNodeEnvelopes),
  user: fieldOf(toUserEnvelopes),
  chat: fieldOf(toChatEnvelopes),
  presence: fieldOf(toWatchersEnvelopes),
  all: fieldOf(toAllEnvelopes),
};

const writer = new Writer();
const reader = new Reader();

/** A whole message with this one envelope; the caller's to keep. */
export function encodeEnvelope<Kind extends AddressKind>(kind: Kind, envelope: Envelopes[Kind]): Uint8Array {
  writer.start();
  writer.counter(written);
  fields[kind].write(writer, kind === 'chat' ? { ...envelope, kind: 'chatPush' } : (envelope as AnyEnvelope));
  return writer.copy();
}

/** One message of several, in their order. */
export function joined(messages: readonly Uint8Array[]): Uint8Array {
  const [only] = messages;
  if (messages.length === 1 && only !== undefined) return only;
  let length = 1;
  for (const message of messages) length += message.length - 1;
  const all = new Uint8Array(length);
  all[0] = written;
  let at = 1;
  for (const message of messages) {
    all.set(message.subarray(1), at);
    at += message.length - 1;
  }
  return all;
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
  const field = fields[kind];
  try {
    reader.start(message, true);
    reader.counter();
    while (!reader.isAtEnd) {
      const envelope = field.read(reader);
      if (isKnown(envelope)) envelopes.push((kind === 'chat' ? withoutKind(envelope) : envelope) as unknown as Envelopes[Kind]);
      else unknown += 1;
    }
  } catch (fault) {
    if (!(fault instanceof Malformed)) throw fault;
    return { envelopes, unknown, fault };
  }
  return { envelopes, unknown, fault: undefined };
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

function fieldOf(definitions: readonly AnyFrame[]): Field<AnyEnvelope | UnknownFrame> {
  return oneFrame(...definitions);
}
