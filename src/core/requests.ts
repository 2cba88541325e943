// What a device's frames ask for: each becomes one command to a chat, one question to a service, or a refusal.
import type { FromDevice, Unknown } from '../protocol/codec.ts';
import { limits } from '../protocol/limits.ts';
import type { Send } from '../protocol/messages.ts';
import type { ChatId } from '../structures/ids.ts';
import type { ChatCommand } from './chat.ts';
import type { MemberChange } from './members.ts';
import { counted, type DeviceState, refuse, type SessionEffect, type SessionState, type SessionStep, withDevice } from './session.ts';
import { type Origin, unreachable } from './step.ts';

type Unanswered = Extract<FromDevice, { kind: 'hello' | 'delivered' | 'read' | 'focus' | 'typing' | 'watch' }>;
type Answered = Exclude<FromDevice, Unanswered>;

export function isAnswered(frame: FromDevice | Unknown): frame is Answered {
  switch (frame.kind) {
    case 'unknown':
    case 'hello':
    case 'delivered':
    case 'read':
    case 'focus':
    case 'typing':
    case 'watch':
      return false;
    default:
      return true;
  }
}

export function requestOf(frame: Answered): number {
  return 'request' in frame ? frame.request : frame.number;
}

export function post(state: SessionState, device: DeviceState, { chatId, number, after, contentType, body, peer }: Send): SessionEffect {
  const command: ChatCommand = { kind: 'post', from: originOf(state, device), number, after, contentType, body, peer };
  if (peer === null) return { kind: 'toChat', chatId, command };
  return { kind: 'toChatIfUsersExist', chatId, command, userIds: [peer], deviceId: device.deviceId, request: number };
}

export function request(state: SessionState, device: DeviceState, frame: Exclude<Answered, Send>, nowMs: number): SessionStep {
  const from = originOf(state, device);
  switch (frame.kind) {
    case 'ping':
      return { state, effects: [{ kind: 'toDevice', connection: device.connection, frame: { kind: 'pong', request: frame.request, serverTimeMs: nowMs } }] };
    case 'createGroup':
      return asked(state, device, { kind: 'createGroup', deviceId: device.deviceId, frame });
    case 'addMembers': {
      const command: ChatCommand = { kind: 'change', from, number: frame.number, after: frame.after, change: { kind: 'added', userIds: frame.userIds } };
      return asked(state, device, { kind: 'toChatIfUsersExist', chatId: frame.chatId, command, userIds: frame.userIds, deviceId: device.deviceId, request: frame.number });
    }
    case 'removeMember':
      return change(state, device, frame, { kind: 'removed', userId: frame.userId });
    case 'leaveChat':
      return change(state, device, frame, { kind: 'left' });
    case 'setRole':
      return change(state, device, frame, { kind: 'roleSet', userId: frame.userId, role: frame.role });
    case 'pull':
    case 'history':
      return reads(state, device, frame.request, { kind: 'toChat', chatId: frame.chatId, command: { ...frame, from } });
    case 'getMembers':
      return reads(state, device, frame.request, { kind: 'toChat', chatId: frame.chatId, command: { kind: 'getMembers', from, request: frame.request } });
    case 'listChats':
      return reads(state, device, frame.request, { kind: 'listChats', deviceId: device.deviceId, frame });
    case 'resume':
      return resume(state, device, frame);
    default:
      return unreachable(frame);
  }
}

/** Frames without an answer: what they ask for may be lost. */
export function unanswered(state: SessionState, device: DeviceState, frame: Unanswered | Unknown): SessionStep {
  const from = originOf(state, device);
  switch (frame.kind) {
    case 'delivered':
      return toChat(state, frame.chatId, { kind: 'mark', from, delivered: frame.seq, read: 0 });
    case 'read':
      return toChat(state, frame.chatId, { kind: 'mark', from, delivered: 0, read: frame.seq });
    case 'typing':
      return toChat(state, frame.chatId, { kind: 'typing', from, on: frame.on });
    case 'focus':
      return { state: withDevice(state, device.connection, { focus: frame.chatId }), effects: [] };
    case 'watch':
      return { state: { ...state, watched: frame.userIds }, effects: [{ kind: 'watch', userIds: frame.userIds, former: state.watched }] };
    case 'hello':
      return refuse(state, device.connection, 0, 'invalid');
    case 'unknown':
      return refuse(state, device.connection, frame.request, 'unknownFrame');
    default:
      return unreachable(frame);
  }
}

/** A device with many chats says what it has in several frames; the last one is answered. */
function resume(state: SessionState, device: DeviceState, { request, incarnation, cursors, last }: Extract<FromDevice, { kind: 'resume' }>): SessionStep {
  const all = device.resuming === null ? cursors : [...device.resuming, ...cursors];
  if (all.length > resumeCursorsMax) return refuse(withDevice(state, device.connection, { resuming: null }), device.connection, request, 'invalid');
  if (!last) return { state: withDevice(state, device.connection, { resuming: all }), effects: [] };
  return reads(withDevice(state, device.connection, { resuming: null }), device, request, { kind: 'resume', deviceId: device.deviceId, request, incarnation, cursors: all });
}
/** Chats of one user that can be resumed at once. */
const resumeCursorsMax = 10 * limits.cursorsPerResumeMax;

function change(state: SessionState, device: DeviceState, frame: { chatId: ChatId; number: number; after: number }, wanted: MemberChange): SessionStep {
  const command: ChatCommand = { kind: 'change', from: originOf(state, device), number: frame.number, after: frame.after, change: wanted };
  return asked(state, device, { kind: 'toChat', chatId: frame.chatId, command });
}

/** Such a request only reads, and its answer may be large: fewer of them at a time. */
function reads(state: SessionState, device: DeviceState, request: number, effect: SessionEffect): SessionStep {
  if (device.reads.length >= limits.readsInFlightMax) return refuse(state, device.connection, request, 'tooManyInFlight');
  return asked(withDevice(state, device.connection, { reads: [...device.reads, request] }), device, effect);
}

function asked(state: SessionState, device: DeviceState, effect: SessionEffect): SessionStep {
  const now = state.devices.find((one) => one.connection === device.connection) ?? device;
  return { state: counted(state, now), effects: [effect] };
}

function toChat(state: SessionState, chatId: ChatId, command: ChatCommand): SessionStep {
  return { state, effects: [{ kind: 'toChat', chatId, command }] };
}

function originOf({ node, userId }: SessionState, { deviceId }: DeviceState): Origin {
  return { node, userId, deviceId };
}
