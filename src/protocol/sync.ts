// Frames by which a device catches up: what moved, then the entries themselves.
import { limits } from './limits.ts';
import { entryRow } from './messages.ts';
import { counter, type FrameOf, flag, frame, id, later, list, maybe, oneOf, row, text, type ValueOf } from './schema.ts';

export const cursorRow = row({ chatId: id('chat'), seq: counter(), receiptsVersion: counter() });
export type CursorRow = ValueOf<typeof cursorRow>;

/** Device → server: what the device has. Answered by `moved` frames, or by `incarnationChanged`. A device with more chats sends several, the last one with `last`. */
export const Resume = frame(48, 'resume', {
  request: counter(),
  incarnation: text({ max: 64 }), // empty for a device that has nothing yet
  cursors: list(cursorRow, { max: limits.cursorsPerResumeMax }),
  last: flag(),
});
export type Resume = FrameOf<typeof Resume>;

export const movedRow = row({
  chatId: id('chat'),
  head: counter(), // the last seq that this user may see: pull up to it
  read: counter(), // this user's read watermark; 0: none, or not said
  receiptsVersion: counter(), // rises with any receipt: higher than the device's, ask `getMembers`; 0: not said
});
export type MovedRow = ValueOf<typeof movedRow>;

/** Server → device: chats in which something moved against the cursors, or (`request` 0) since the last time. */
export const Moved = frame(49, 'moved', { request: counter(), rows: list(movedRow, { max: limits.cursorsPerResumeMax }), last: flag() });
export type Moved = FrameOf<typeof Moved>;

/** Server → device: the store has another history than the device's cursors. Forget the cursors, resume with none. */
export const IncarnationChanged = frame(50, 'incarnationChanged', { request: counter(), incarnation: text({ max: 64 }) });
export type IncarnationChanged = FrameOf<typeof IncarnationChanged>;

/** Device → server: entries after a seq, ascending. Answered by `entries`. */
export const Pull = frame(51, 'pull', {
  request: counter(),
  chatId: id('chat'),
  after: counter(),
  upTo: counter(), // the highest seq heard of; 0 for no wish
  limit: counter(), // clamped to pullEntriesMax
});
export type Pull = FrameOf<typeof Pull>;

/** Device → server: the `limit` entries before a seq (0: the newest). Answered by `entries`, ascending too. */
export const History = frame(52, 'history', { request: counter(), chatId: id('chat'), before: counter(), limit: counter() });
export type History = FrameOf<typeof History>;

/** Server → device. Complete from `from` up to `through`: seqs that are missing between are ones at which this user was no member. */
export const Entries = frame(53, 'entries', {
  request: counter(),
  chatId: id('chat'),
  from: counter(), // the first seq that the answer covers
  through: counter(), // the last one
  head: counter(), // the last seq that this user may see
  entries: list(entryRow, { max: limits.pullEntriesMax }),
});
export type Entries = FrameOf<typeof Entries>;

/** Server → device: pushes, and answers too, were left out because this device read too slowly. Resume, and ask again whatever has not been answered by now. */
export const Lagging = frame(54, 'lagging', {});
export type Lagging = FrameOf<typeof Lagging>;

/** Device → server: the chats of this user, newest activity first. Answered by `chats`. */
export const ListChats = frame(56, 'listChats', { request: counter(), before: maybe(row({ atMs: counter(), chatId: id('chat') })), limit: counter() });
export type ListChats = FrameOf<typeof ListChats>;

export const chatRow = row({
  chatId: id('chat'),
  chatKind: oneOf('direct', 'group'),
  title: text({ max: limits.titleMax }), // empty for a direct chat
  peer: maybe(id('user')), // the other user of a direct chat
  head: counter(),
  atMs: counter(), // of the last entry
  read: counter(),
  unread: counter(),
  member: flag(), // false: this user has left or was removed
  receiptsVersion: counter(),
  last: later(entryRow), // the last entry, bodies over 1 KB left empty
});
export type ChatRow = ValueOf<typeof chatRow>;

/** Server → device. `next` goes into `before` of the following page; nil: there is none. */
export const ChatsFrame = frame(57, 'chats', {
  request: counter(),
  rows: list(chatRow, { max: limits.chatsPerPageMax }),
  next: maybe(row({ atMs: counter(), chatId: id('chat') })),
});
export type ChatsFrame = FrameOf<typeof ChatsFrame>;
