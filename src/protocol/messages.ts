// Frames that carry what stands in a chat's log.
import { limits } from './limits.ts';
import { bytes, counter, type FrameOf, frame, id, later, list, row, small, text, type ValueOf } from './schema.ts';

/** Device → server. Answered by `sent`, or by `refused`; both carry `number`. */
export const Send = frame(16, 'send', {
  chatId: id('chat'),
  number: counter(), // of this device, rising, kept before the first attempt: a resend is harmless
  after: counter(), // the device's previous accepted or open number in this chat, 0 for none
  contentType: text({ max: limits.contentTypeMax, min: 1 }), // text is `text/plain`, UTF-8
  body: bytes({ max: limits.frameBytesMax }), // opaque to the server; over bodyBytesMax: refused
  peer: later(id('user')), // names the other user of a direct chat; needed while the chat does not exist
});
export type Send = FrameOf<typeof Send>;

/** Server → device: the entry is durable. */
export const Sent = frame(17, 'sent', {
  number: counter(),
  chatId: id('chat'),
  seq: counter(),
  atMs: counter(),
});
export type Sent = FrameOf<typeof Sent>;

/** What an entry is. A kind that a device does not know changes nothing and is kept. */
export const entryKinds = {
  message: 1, // a member's words; the only kind that counts as unread
  created: 2, // the first of every chat: a group's title and everybody in it. In a direct chat the server adds it, with number 0, before the first message
  added: 3, // who came in, from this entry on
  removed: 4, // who was put out; this is the last entry that they see
  left: 5, // the author went; this is the last entry that they see
  roleSet: 6, // who has which role now. With number 0: the server passed a leaving owner's place on
  grown: 7, // the chat has become a large one (its pushes take another way through the server); nothing to show
} as const;
export type EntryKind = (typeof entryKinds)[keyof typeof entryKinds];

export const entryFields = {
  chatId: id('chat'),
  seq: counter(), // 1, 2, 3 … without a gap
  entryKind: small(), // see entryKinds
  author: id('user'),
  device: id('device'),
  number: counter(), // the author's device's; 0 for what the server adds of itself
  countable: counter(), // how many countable entries (messages) stand in the log up to this one: unread is arithmetic
  atMs: counter(), // the server's clock, never falling within a chat
  contentType: text({ max: limits.contentTypeMax }),
  body: bytes({ max: 1024 * 1024 }),
} as const;

/** Server → device: one line of a chat's log, as it becomes durable. The sending device gets `sent` instead. */
export const EntryFrame = frame(18, 'entry', entryFields);
export type EntryFrame = FrameOf<typeof EntryFrame>;

/** One line of a chat's log. */
export const entryRow = row(entryFields);
export type Entry = ValueOf<typeof entryRow>;

/** Server → device: lines of one large chat's log that became durable about the same time, ascending: as many `entry` frames would say. The device's own may be among them, each beside its `sent`. */
export const Pushed = frame(19, 'pushed', {
  entries: list(entryRow, { max: limits.pushedEntriesMax, min: 1 }),
});
export type Pushed = FrameOf<typeof Pushed>;
