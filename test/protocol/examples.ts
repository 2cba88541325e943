// An example or two of every frame, as a server and a device would say them: recorded as bytes in golden/, shown in docs/protocol.md.
import type { FromDevice, ToDevice } from '../../src/protocol/codec.ts';
import { refused } from '../../src/protocol/codec.ts';
import { directChatId } from '../../src/protocol/direct.ts';
import { limits } from '../../src/protocol/limits.ts';
import { encodeMembersBody, membersContentType } from '../../src/protocol/members.ts';
import { type Entry, entryKinds } from '../../src/protocol/messages.ts';
import { protocolVersion } from '../../src/protocol/version.ts';
import { idFrom } from '../../src/structures/ids.ts';

const bits = (fill: number): Uint8Array => new Uint8Array(15).fill(fill);
export const ann = idFrom<'user'>('u', bits(0x11));
export const bob = idFrom<'user'>('u', bits(0x77));
export const cleo = idFrom<'user'>('u', bits(0xf5));
export const annsPhone = idFrom<'device'>('d', bits(0x2b));
export const bobsLaptop = idFrom<'device'>('d', bits(0xa1));
export const annAndBob = directChatId(ann, bob);
export const group = idFrom<'chat'>('g', bits(0xce));
export const atMs = 1_795_500_000_000;
export const number = atMs * 1_024;
const incarnation = 'b7mYwF2qT0ukZrVx';

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

export const message: Entry = {
  chatId: annAndBob,
  seq: 1,
  entryKind: entryKinds.message,
  author: ann,
  device: annsPhone,
  number,
  countable: 1,
  atMs: atMs + 1_250,
  contentType: 'text/plain',
  body: text('Hi Bob'),
};
const created: Entry = {
  chatId: group,
  seq: 1,
  entryKind: entryKinds.created,
  author: ann,
  device: annsPhone,
  number: number + 1,
  countable: 0,
  atMs: atMs + 2_000,
  contentType: membersContentType,
  body: encodeMembersBody({
    title: 'Høst 🍂',
    members: [
      [ann, 'owner'],
      [bob, 'member'],
    ],
  }),
};

/** Keyed by the name of the recording; a frame's kind, then what is particular about it. */
export const examples: Readonly<Record<string, FromDevice | ToDevice>> = {
  hello: { kind: 'hello', version: protocolVersion, token: 'eyJhbGciOiJFZERTQSJ9.e30.c2ln', deviceId: annsPhone, client: 'example 1.0' },
  welcome: {
    kind: 'welcome',
    version: protocolVersion,
    userId: ann,
    incarnation,
    serverTimeMs: atMs,
    heartbeatMs: 30_000,
    frameBytesMax: limits.frameBytesMax,
    bodyBytesMax: limits.bodyBytesMax,
    openSendsPerChatMax: limits.openSendsPerChatMax,
    requestsInFlightMax: limits.requestsInFlightMax,
    cursorsPerResumeMax: limits.cursorsPerResumeMax,
    pullEntriesMax: limits.pullEntriesMax,
  },
  'refused-busy': refused(number, 'busy', { retryAfterMs: 250 }),
  'refused-outOfOrder': refused(number + 5, 'outOfOrder', { highest: number }),
  ping: { kind: 'ping', request: 1 },
  pong: { kind: 'pong', request: 1, serverTimeMs: atMs + 3 },
  move: { kind: 'move', afterMs: 1_700, url: null },
  'move-to': { kind: 'move', afterMs: 1_700, url: 'wss://n2.example.org:8080' },
  send: { kind: 'send', chatId: annAndBob, number, after: 0, contentType: 'text/plain', body: text('Hi Bob'), peer: bob },
  'send-next': {
    kind: 'send',
    chatId: annAndBob,
    number: number + 2_048,
    after: number,
    contentType: 'application/octet-stream',
    body: new Uint8Array(300).fill(0xab),
    peer: null,
  },
  sent: { kind: 'sent', number, chatId: annAndBob, seq: 1, atMs: atMs + 1_250 },
  entry: { kind: 'entry', ...message },
  'entry-created': { kind: 'entry', ...created },
  pushed: {
    kind: 'pushed',
    entries: [
      { ...message, chatId: group, seq: 7 },
      { ...message, chatId: group, seq: 8, author: bob, device: bobsLaptop, number: number + 9, countable: 2, body: text('Hi Ann') },
    ],
  },
  createGroup: { kind: 'createGroup', number: number + 1, title: 'Høst 🍂', userIds: [bob] },
  addMembers: { kind: 'addMembers', chatId: group, number: number + 2, after: number + 1, userIds: [cleo] },
  removeMember: { kind: 'removeMember', chatId: group, number: number + 3, after: number + 2, userId: bob },
  leaveChat: { kind: 'leaveChat', chatId: group, number: number + 4, after: number + 3 },
  setRole: { kind: 'setRole', chatId: group, number: number + 5, after: number + 4, userId: cleo, role: 'admin' },
  getMembers: { kind: 'getMembers', request: 2, chatId: group },
  members: {
    kind: 'members',
    request: 2,
    chatId: group,
    seq: 1,
    receiptsVersion: 3,
    title: 'Høst 🍂',
    members: [
      { userId: ann, role: 'owner', joinedSeq: 1, delivered: 1, read: 1 },
      { userId: bob, role: 'member', joinedSeq: 1, delivered: 1, read: 0 },
    ],
  },
  'resume-first': { kind: 'resume', request: 3, incarnation: '', cursors: [], last: true },
  resume: { kind: 'resume', request: 3, incarnation, cursors: [{ chatId: annAndBob, seq: 1, receiptsVersion: 2 }], last: true },
  moved: { kind: 'moved', request: 3, rows: [{ chatId: annAndBob, head: 7, read: 4, receiptsVersion: 9 }], last: true },
  'moved-none': { kind: 'moved', request: 3, rows: [], last: true },
  'moved-heal': { kind: 'moved', request: 0, rows: [{ chatId: group, head: 70_000, read: 0, receiptsVersion: 0 }], last: true },
  incarnationChanged: { kind: 'incarnationChanged', request: 3, incarnation: 'Qx3aTe7_Lm01-zRw' },
  pull: { kind: 'pull', request: 4, chatId: annAndBob, after: 1, upTo: 7, limit: 200 },
  history: { kind: 'history', request: 5, chatId: annAndBob, before: 0, limit: 50 },
  entries: { kind: 'entries', request: 4, chatId: annAndBob, from: 1, through: 1, head: 1, entries: [message] },
  'entries-none': { kind: 'entries', request: 6, chatId: group, from: 2, through: 1, head: 1, entries: [] },
  lagging: { kind: 'lagging' },
  listChats: { kind: 'listChats', request: 7, before: null, limit: 50 },
  'listChats-next': { kind: 'listChats', request: 8, before: { atMs: atMs + 1_250, chatId: annAndBob }, limit: 50 },
  chats: {
    kind: 'chats',
    request: 7,
    rows: [
      { chatId: group, chatKind: 'group', title: 'Høst 🍂', peer: null, head: 1, atMs: atMs + 2_000, read: 0, unread: 0, member: true, receiptsVersion: 3, last: created },
      { chatId: annAndBob, chatKind: 'direct', title: '', peer: bob, head: 1, atMs: atMs + 1_250, read: 1, unread: 0, member: true, receiptsVersion: 2, last: null },
    ],
    next: { atMs: atMs + 1_250, chatId: annAndBob },
  },
  delivered: { kind: 'delivered', chatId: annAndBob, seq: 1 },
  read: { kind: 'read', chatId: annAndBob, seq: 1 },
  receipt: { kind: 'receipt', chatId: annAndBob, userId: bob, delivered: 1, read: 1, receiptsVersion: 10 },
  focus: { kind: 'focus', chatId: annAndBob },
  'focus-none': { kind: 'focus', chatId: null },
  typing: { kind: 'typing', chatId: annAndBob, on: true },
  typingBy: { kind: 'typingBy', chatId: annAndBob, userId: bob, on: true, ttlMs: limits.typingTtlMs },
  watch: { kind: 'watch', userIds: [bob, cleo] },
  presence: { kind: 'presence', userId: bob, online: false, lastSeenMs: atMs - 60_000 },
};
