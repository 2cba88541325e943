// One envelope of every kind that nodes exchange, by name: for the recorded bytes, and to send in tests.
import type { ToAll, ToChatAudiences, ToNode, ToUser, ToWatchers } from '../../src/cluster/envelope.ts';
import type { AddressKind, Envelopes } from '../../src/cluster/envelope-codec.ts';
import type { ChatCommand } from '../../src/core/chat.ts';
import type { Push } from '../../src/core/session.ts';
import { encodeEntryFrame } from '../../src/protocol/codec.ts';
import { idFrom } from '../../src/structures/ids.ts';

const bits = (fill: number): Uint8Array => new Uint8Array(15).fill(fill);
export const ann = idFrom<'user'>('u', bits(0x11));
export const bob = idFrom<'user'>('u', bits(0x22));
export const phone = idFrom<'device'>('d', bits(0x33));
export const room = idFrom<'chat'>('g', bits(0x44));
export const otherRoom = idFrom<'chat'>('g', bits(0x45));
const from = { node: 'n2', userId: ann, deviceId: phone };
const numbered = { from, number: 1_838_592_000_000_000, after: 1_838_591_999_999_999 };

/** The entry at `seq` of the room, by Ann's phone, on its way. */
export function pushAt(seq: number, body = 'Hi Bob'): Push {
  const entry = {
    chatId: room,
    seq,
    entryKind: 1,
    author: ann,
    device: phone,
    number: seq,
    countable: seq,
    atMs: 1_795_500_001_250,
    contentType: 'text/plain',
    body: new TextEncoder().encode(body),
  };
  return { chatId: room, seq, entryKind: 1, author: ann, origin: phone, large: true, member: true, bytes: encodeEntryFrame(entry) };
}

const commands: readonly ChatCommand[] = [
  { kind: 'post', ...numbered, contentType: 'text/plain', body: new Uint8Array([72, 105]), peer: bob },
  { kind: 'create', ...numbered, title: 'Lunch', userIds: [bob] },
  { kind: 'change', ...numbered, change: { kind: 'added', userIds: [bob] } },
  { kind: 'change', ...numbered, change: { kind: 'removed', userId: bob } },
  { kind: 'change', ...numbered, change: { kind: 'left' } },
  { kind: 'change', ...numbered, change: { kind: 'roleSet', userId: bob, role: 'admin' } },
  { kind: 'pull', from, request: 7, after: 100, upTo: 200, limit: 50 },
  { kind: 'history', from, request: 8, before: 100, limit: 50 },
  { kind: 'getMembers', from, request: 9 },
  { kind: 'mark', from, delivered: 300, read: 299 },
  { kind: 'typing', from, on: true },
  { kind: 'confirm', userId: bob },
  { kind: 'enroll', node: 'n3', userIds: [ann, bob], upTo: 42 },
  { kind: 'repair', node: 'n3', after: 41, upTo: 44 },
];

export function commandNames(): readonly string[] {
  return commands.map(nameOf);
}

function nameOf(command: ChatCommand): string {
  return command.kind === 'change' ? `change-${command.change.kind}` : command.kind;
}

const toNode: Readonly<Record<string, ToNode>> = {
  ...Object.fromEntries(commands.map((command) => [`to-chat-${nameOf(command)}`, { kind: 'toChat', chatId: room, forwarded: command.kind === 'pull', command }])),
  answer: { kind: 'answer', userId: ann, deviceId: phone, last: true, frame: { kind: 'sent', number: numbered.number, chatId: room, seq: 42, atMs: 1_795_500_001_250 } },
  'to-audience-enrolled': { kind: 'toAudience', chatId: room, command: { kind: 'enrolled', seq: 42, asked: [ann, bob], userIds: [bob] } },
  'to-audience-repaired': { kind: 'toAudience', chatId: room, command: { kind: 'repaired', pushes: [{ push: pushAt(41), went: [bob] }] } },
};
const toUser: Readonly<Record<string, ToUser>> = {
  push: { kind: 'push', push: pushAt(42) },
  'push-of-server': { kind: 'push', push: { ...pushAt(43), entryKind: 200, origin: null, large: false, member: false } },
  notify: { kind: 'notify', frame: { kind: 'typingBy', chatId: room, userId: ann, on: true, ttlMs: 6_000 }, except: null },
  'notify-others': { kind: 'notify', frame: { kind: 'receipt', chatId: room, userId: ann, delivered: 42, read: 41, receiptsVersion: 9 }, except: phone },
  revoke: { kind: 'revoke', deviceId: phone },
};
const toChat: Readonly<Record<string, ToChatAudiences>> = { 'chat-push': { push: pushAt(42), went: [] }, 'chat-push-removal': { push: pushAt(43), went: [bob] } };
const toWatchers: Readonly<Record<string, ToWatchers>> = { seen: { kind: 'seen', node: 'n2', online: true, atMs: 1_795_500_001_250 } };
const toAll: Readonly<Record<string, ToAll>> = {
  heartbeat: { kind: 'heartbeat', node: 'n2', life: 4_123_456_789, number: 77, level: 1, state: 'up', sessions: 30_000, chats: 12_000, url: null },
  'heartbeat-url': { kind: 'heartbeat', node: 'n2', life: 4_123_456_789, number: 78, level: 1, state: 'draining', sessions: 1, chats: 0, url: 'wss://n2.example.org:8080' },
  drain: { kind: 'drain', node: 'n2' },
  'left-out': { kind: 'leftOut', node: 'n2' },
};

export interface Example {
  readonly name: string;
  readonly address: AddressKind;
  readonly envelope: Envelopes[AddressKind];
}

export const examples: readonly Example[] = [
  { name: 'from', address: 'node', envelope: { kind: 'from', node: 'n2', life: 4_123_456_789, number: 77 } },
  ...Object.entries(toNode).map(([name, envelope]): Example => ({ name, address: 'node', envelope })),
  ...Object.entries(toUser).map(([name, envelope]): Example => ({ name, address: 'user', envelope })),
  ...Object.entries(toChat).map(([name, envelope]): Example => ({ name, address: 'chat', envelope })),
  ...Object.entries(toWatchers).map(([name, envelope]): Example => ({ name, address: 'presence', envelope })),
  ...Object.entries(toAll).map(([name, envelope]): Example => ({ name, address: 'all', envelope })),
];
