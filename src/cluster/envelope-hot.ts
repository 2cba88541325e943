// The envelopes that every message makes between nodes, spelled out: what their definitions say, without going through them.
// test/cluster/envelope-codec.test.ts holds both ways to the same bytes and values.
import type { ChatCommand } from '../core/chat.ts';
import type { Push } from '../core/session.ts';
import type { Origin } from '../core/step.ts';
import { type ToDevice, toDeviceFrames } from '../protocol/codec.ts';
import { writeSent } from '../protocol/hot.ts';
import { limits } from '../protocol/limits.ts';
import { Sent } from '../protocol/messages.ts';
import { Malformed, type Reader } from '../protocol/reader.ts';
import { Receipt } from '../protocol/receipts.ts';
import { type ByType, byType, readPlaces } from '../protocol/schema.ts';
import type { Writer } from '../protocol/writer.ts';
import type { ToAll, ToNode, ToUser, ToWatchers } from './envelope.ts';
import { Answer, chatCommands, From, Mark, Notify, nodeIdMax, Post, pushBytesMax, ToChat, ToUserPush } from './envelope-schema.ts';

type Known = { readonly kind: string };

const commands = byType(chatCommands);
const frames = byType(toDeviceFrames);
const originPlaces = 3;
/** Of the row in a push. */
const pushPlaces = 8;

/** What follows the type in one of those frames. One that is none of them is passed over, and reads as `unknown`. Throws Malformed. */
export function restOf(definitions: ByType, from: Reader, length: number, type: number): Known {
  const definition = definitions[type];
  if (definition !== undefined) return readPlaces({ kind: definition.kind }, from, length - 1, definition) as Known;
  from.skip(length - 1);
  return { kind: 'unknown', type } as Known;
}

/** False, and nothing written, where only the definition knows how. */
export function writeHot(to: Writer, envelope: From | ToNode | ToUser | ToWatchers | ToAll): boolean {
  switch (envelope.kind) {
    case 'push':
      to.array(2);
      to.counter(ToUserPush.type);
      writePush(to, envelope.push);
      return true;
    case 'toChat':
      return writeToChat(to, envelope);
    case 'answer':
      return writeAnswer(to, envelope);
    case 'notify':
      return writeNotify(to, envelope);
    case 'from':
      to.array(4);
      to.counter(From.type);
      to.text(envelope.node);
      to.counter(envelope.life);
      to.counter(envelope.number);
      return true;
    default:
      return false;
  }
}

function writePush(to: Writer, { chatId, seq, entryKind, author, origin, large, member, bytes }: Push): void {
  to.array(pushPlaces);
  to.id(chatId);
  to.counter(seq);
  to.counter(entryKind);
  to.id(author);
  if (origin === null) to.nil();
  else to.id(origin);
  to.flag(large);
  to.flag(member);
  to.bytes(bytes);
}

function writeToChat(to: Writer, { chatId, forwarded, command }: Extract<ToNode, { kind: 'toChat' }>): boolean {
  if (command.kind !== 'post' && command.kind !== 'mark') return false;
  to.array(4);
  to.counter(ToChat.type);
  to.id(chatId);
  to.flag(forwarded);
  if (command.kind === 'post') {
    to.array(7);
    to.counter(Post.type);
    writeOrigin(to, command.from);
    to.counter(command.number);
    to.counter(command.after);
    to.text(command.contentType);
    to.bytes(command.body);
    if (command.peer === null) to.nil();
    else to.id(command.peer);
  } else {
    to.array(4);
    to.counter(Mark.type);
    writeOrigin(to, command.from);
    to.counter(command.delivered);
    to.counter(command.read);
  }
  return true;
}

function writeAnswer(to: Writer, { userId, deviceId, last, frame }: Extract<ToNode, { kind: 'answer' }>): boolean {
  if (frame.kind !== 'sent') return false;
  to.array(5);
  to.counter(Answer.type);
  to.id(userId);
  to.id(deviceId);
  to.flag(last);
  writeSent(to, frame);
  return true;
}

function writeNotify(to: Writer, { except, frame }: Extract<ToUser, { kind: 'notify' }>): boolean {
  if (frame.kind !== 'receipt') return false;
  to.array(3);
  to.counter(Notify.type);
  if (except === null) to.nil();
  else to.id(except);
  to.array(6);
  to.counter(Receipt.type);
  to.id(frame.chatId);
  to.id(frame.userId);
  to.counter(frame.delivered);
  to.counter(frame.read);
  to.counter(frame.receiptsVersion);
  return true;
}

function writeOrigin(to: Writer, { node, userId, deviceId }: Origin): void {
  to.array(originPlaces);
  to.text(node);
  to.id(userId);
  to.id(deviceId);
}

/** What follows the type of an envelope to a node; undefined, and nothing read, where only the definition knows how. Throws Malformed. */
export function readHotToNode(from: Reader, length: number, type: number): ToNode | From | undefined {
  if (type === ToChat.type && length === 4) return { kind: 'toChat', chatId: from.id('chat'), forwarded: from.flag(), command: readCommand(from) };
  if (type === Answer.type && length === 5) {
    const userId = from.id('user');
    const deviceId = from.id('device');
    const last = from.flag();
    return { kind: 'answer', userId, deviceId, last, frame: readFrame(from) };
  }
  if (type === From.type && length === 4) return { kind: 'from', node: readNode(from), life: from.counter(), number: from.counter() };
  return undefined;
}

/** The same of an envelope to a user. */
export function readHotToUser(from: Reader, length: number, type: number): ToUser | undefined {
  if (type === Notify.type && length === 3) return { kind: 'notify', except: from.nil() ? null : from.id('device'), frame: readFrame(from) };
  if (type !== ToUserPush.type || length !== 2) return undefined;
  const places = from.array();
  if (places < pushPlaces) throw new Malformed('a push is cut short');
  const chatId = from.id('chat');
  const seq = from.counter();
  const entryKind = from.counter();
  if (entryKind > 255) throw new Malformed(`${entryKind} is over 255`);
  const author = from.id('user');
  const origin = from.nil() ? null : from.id('device');
  const push = { chatId, seq, entryKind, author, origin, large: from.flag(), member: from.flag(), bytes: from.bytes(pushBytesMax) };
  from.skip(places - pushPlaces);
  return { kind: 'push', push };
}

function readCommand(from: Reader): ChatCommand {
  const length = headOf(from);
  const type = from.counter();
  if (type === Post.type && length === 7) {
    const origin = readOrigin(from);
    const number = from.counter();
    const after = from.counter();
    const contentType = from.text(limits.contentTypeMax);
    const body = from.bytes(limits.frameBytesMax);
    return { kind: 'post', from: origin, number, after, contentType, body, peer: from.nil() ? null : from.id('user') };
  }
  if (type === Mark.type && length === 4) return { kind: 'mark', from: readOrigin(from), delivered: from.counter(), read: from.counter() };
  return restOf(commands, from, length, type) as ChatCommand;
}

function readFrame(from: Reader): ToDevice {
  const length = headOf(from);
  const type = from.counter();
  if (type === Receipt.type && length === 6) {
    const chatId = from.id('chat');
    const userId = from.id('user');
    return { kind: 'receipt', chatId, userId, delivered: from.counter(), read: from.counter(), receiptsVersion: from.counter() };
  }
  if (type === Sent.type && length === 5) return { kind: 'sent', number: from.counter(), chatId: from.id('chat'), seq: from.counter(), atMs: from.counter() };
  return restOf(frames, from, length, type) as ToDevice;
}

function readOrigin(from: Reader): Origin {
  const places = from.array();
  if (places < originPlaces) throw new Malformed('an origin is cut short');
  const origin = { node: readNode(from), userId: from.id('user'), deviceId: from.id('device') };
  from.skip(places - originPlaces);
  return origin;
}

function readNode(from: Reader): string {
  const node = from.text(nodeIdMax);
  if (node.length === 0) throw new Malformed('a text is too short');
  return node;
}

/** How long a frame is, its type counted. */
export function headOf(from: Reader): number {
  const length = from.array();
  if (length === 0) throw new Malformed('a frame begins with its type, a whole number');
  return length;
}
