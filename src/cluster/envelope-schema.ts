// The wire form of every envelope, by the same definitions as frames: `[type, …fields]` in MessagePack. Numbers are never reused, fields only appended.
import { toDeviceFrames } from '../protocol/codec.ts';
import { limits } from '../protocol/limits.ts';
import { roles } from '../protocol/members.ts';
import { bytes, counter, type FrameOf, flag, frame, id, later, list, maybe, oneFrame, oneOf, row, small, text } from '../protocol/schema.ts';

/** A node's id: a token of a NATS subject. */
export const nodeIdMax = 64;
const nodeId = text({ max: nodeIdMax, min: 1 });
const origin = row({ node: nodeId, userId: id('user'), deviceId: id('device') });
const numbered = { from: origin, number: counter(), after: counter() };
const members = { max: limits.groupMembersMax };

const change = oneFrame(
  frame(1, 'added', { userIds: list(id('user'), members) }),
  frame(2, 'removed', { userId: id('user') }),
  frame(3, 'left', {}),
  frame(4, 'roleSet', { userId: id('user'), role: oneOf(...roles) }),
);

export const Post = frame(1, 'post', {
  ...numbered,
  contentType: text({ max: limits.contentTypeMax }),
  body: bytes({ max: limits.frameBytesMax }),
  peer: maybe(id('user')),
});
export const Mark = frame(7, 'mark', { from: origin, delivered: counter(), read: counter() });

/** Every command that a chat takes. */
export const chatCommands = [
  Post,
  frame(2, 'create', { ...numbered, title: text({ max: limits.titleMax }), userIds: list(id('user'), members) }),
  frame(3, 'change', { ...numbered, change }),
  frame(4, 'pull', { from: origin, request: counter(), after: counter(), upTo: counter(), limit: counter() }),
  frame(5, 'history', { from: origin, request: counter(), before: counter(), limit: counter() }),
  frame(6, 'getMembers', { from: origin, request: counter() }),
  Mark,
  frame(8, 'typing', { from: origin, on: flag() }),
  frame(9, 'confirm', { userId: id('user') }),
  frame(10, 'enroll', { node: nodeId, userIds: list(id('user'), { max: 100_000 }), upTo: counter() }), // all users of a node that are connected
  frame(11, 'repair', { node: nodeId, after: counter(), upTo: counter() }),
] as const;

/** Of a frame for devices, as it is pushed. */
export const pushBytesMax = 1024 * 1024;
const push = row({
  chatId: id('chat'),
  seq: counter(),
  entryKind: small(),
  author: id('user'),
  origin: maybe(id('device')),
  large: flag(),
  member: flag(),
  bytes: bytes({ max: pushBytesMax }), // the `entry` frame, as devices get it
});
const chatPush = { push, went: list(id('user'), members) };

/** Of the commands that an audience takes, those that come from a chat's owner. */
export const audienceCommands = [
  frame(1, 'enrolled', { seq: counter(), asked: list(id('user'), { max: 100_000 }), userIds: list(id('user'), members) }),
  frame(2, 'repaired', { pushes: list(row(chatPush), { max: limits.pullEntriesMax }) }),
] as const;

/** First in every message to a node: who sends, in which of its lives, and the how-manieth of its messages to that node this is. */
export const From = frame(0, 'from', { node: nodeId, life: counter(), number: counter() });
export type From = FrameOf<typeof From>;

export const ToChat = frame(1, 'toChat', { chatId: id('chat'), forwarded: flag(), command: oneFrame(...chatCommands) });
export const Answer = frame(2, 'answer', { userId: id('user'), deviceId: id('device'), last: flag(), frame: oneFrame(...toDeviceFrames) });

export const toNodeEnvelopes = [From, ToChat, Answer, frame(3, 'toAudience', { chatId: id('chat'), command: oneFrame(...audienceCommands) })] as const;

export const ToUserPush = frame(16, 'push', { push });

export const Notify = frame(17, 'notify', { except: maybe(id('device')), frame: oneFrame(...toDeviceFrames) });

export const toUserEnvelopes = [ToUserPush, Notify, frame(18, 'revoke', { deviceId: id('device') })] as const;

export const toWatchersEnvelopes = [frame(64, 'seen', { node: nodeId, online: flag(), atMs: counter() })] as const;

export const toChatEnvelopes = [frame(32, 'chatPush', chatPush)] as const;

export const toAllEnvelopes = [
  frame(48, 'heartbeat', {
    node: nodeId,
    life: counter(),
    number: counter(),
    level: small(65_535),
    state: oneOf('up', 'draining', 'leaving'),
    sessions: counter(),
    chats: counter(),
    url: later(text({ max: limits.urlMax })),
  }),
  frame(49, 'leftOut', { node: nodeId }),
  frame(50, 'drain', { node: nodeId }),
] as const;
