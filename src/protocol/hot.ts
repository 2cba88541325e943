// The three frames that every message is made of, spelled out: what their definitions say, without going through them. In the way of a message that takes half the time.
// test/protocol/codec.test.ts holds both ways to the same bytes and values.
import { limits } from './limits.ts';
import { type Entry, EntryFrame, type Send, Send as SendFrame, type Sent, Sent as SentFrame } from './messages.ts';
import { Malformed, type Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** What follows the type in a `send` that has all its places. Throws Malformed, without the words for whoever wrote it: the definition has those. */
export function readSend(from: Reader): Send {
  const chatId = from.id('chat');
  const number = from.counter();
  const after = from.counter();
  const contentType = from.text(limits.contentTypeMax);
  if (contentType.length === 0) throw new Malformed('a text is too short');
  const body = from.bytes(limits.frameBytesMax);
  const peer = from.nil() ? null : from.id('user');
  return { kind: SendFrame.kind, chatId, number, after, contentType, body, peer };
}

export function writeSent(to: Writer, { number, chatId, seq, atMs }: Sent): void {
  to.array(5);
  to.counter(SentFrame.type);
  to.counter(number);
  to.id(chatId);
  to.counter(seq);
  to.counter(atMs);
}

export function writeEntryFrame(to: Writer, entry: Entry): void {
  to.array(11);
  to.counter(EntryFrame.type);
  writeEntryPlaces(to, entry);
}

/** Without its frame: as a row. */
export function writeEntry(to: Writer, entry: Entry): void {
  to.array(10);
  writeEntryPlaces(to, entry);
}

function writeEntryPlaces(to: Writer, { chatId, seq, entryKind, author, device, number, countable, atMs, contentType, body }: Entry): void {
  to.id(chatId);
  to.counter(seq);
  to.counter(entryKind);
  to.id(author);
  to.id(device);
  to.counter(number);
  to.counter(countable);
  to.counter(atMs);
  to.text(contentType);
  to.bytes(body);
}
