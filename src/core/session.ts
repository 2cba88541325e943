// The rules of one connected user: what each device may ask, what it is told, and when it is told to pull instead.
import type { FromDevice, ToDevice, Unknown } from '../protocol/codec.ts';
import { type RefusedMore, refused } from '../protocol/codec.ts';
import type { CloseWhy, Why } from '../protocol/errors.ts';
import { limits } from '../protocol/limits.ts';
import { type EntryKind, entryKinds } from '../protocol/messages.ts';
import type { ListChats, Resume } from '../protocol/sync.ts';
import type { ChatId, DeviceId, UserId } from '../structures/ids.ts';
import type { ChatCommand } from './chat.ts';
import * as requests from './requests.ts';
import { type Step, unreachable } from './step.ts';

/** A number that transport gave to one open socket. */
export type ConnectionId = number;

export interface DeviceState {
  readonly deviceId: DeviceId;
  readonly connection: ConnectionId;
  /** Requests that wait for their answer. */
  readonly inFlight: number;
  /** The request ids of those that only read. */
  readonly reads: readonly number[];
  /** Its window was full: nothing is pushed until it has drained and resumed. */
  readonly lagging: boolean;
  /** Resumes whose cursors are still coming in. */
  readonly resuming: Resume['cursors'] | null;
  readonly focus: ChatId | null;
}

export interface SessionState {
  readonly userId: UserId;
  readonly node: string;
  readonly devices: readonly DeviceState[];
  /** The large chats of this user, whose audience its devices have joined. */
  readonly audiences: readonly ChatId[];
  readonly watched: readonly UserId[];
}

/** An entry on its way to a member: encoded once for everybody. */
export interface Push {
  readonly chatId: ChatId;
  readonly seq: number;
  readonly entryKind: EntryKind | number;
  readonly author: UserId;
  /** Of the author, where it gets `sent` instead; null for what the server adds of itself. */
  readonly origin: DeviceId | null;
  readonly large: boolean;
  /** Whether this push lets its user in, or out. */
  readonly member: boolean;
  /** The `entry` frame. */
  readonly bytes: Uint8Array;
}

export type SessionCommand =
  | { readonly kind: 'attach'; readonly deviceId: DeviceId; readonly connection: ConnectionId; readonly welcome: ToDevice }
  | { readonly kind: 'detach'; readonly connection: ConnectionId }
  | { readonly kind: 'fromDevice'; readonly connection: ConnectionId; readonly frame: FromDevice | Unknown }
  /** The window of a device is full, or has room again. */
  | { readonly kind: 'full'; readonly connection: ConnectionId }
  | { readonly kind: 'drained'; readonly connection: ConnectionId }
  /** The answer to one request of a device, or one part of it. */
  | { readonly kind: 'answer'; readonly deviceId: DeviceId; readonly frame: ToDevice; readonly last: boolean }
  | { readonly kind: 'push'; readonly push: Push }
  /** To all devices, but for `except`. */
  | { readonly kind: 'notify'; readonly frame: ToDevice; readonly except: DeviceId | null }
  /** Large chats that this user's inbox names. */
  | { readonly kind: 'large'; readonly chatIds: readonly ChatId[] }
  /** To one device, unasked. */
  | { readonly kind: 'tellDevice'; readonly deviceId: DeviceId; readonly frame: ToDevice }
  /** The audience had no room for a join or leave: all of this chat's are said again. */
  | { readonly kind: 'rejoin'; readonly chatId: ChatId }
  /** `answersLost`: requests may wait for answers that were lost between nodes; they count no more as in flight. */
  | { readonly kind: 'heal'; readonly answersLost?: boolean }
  | { readonly kind: 'revoke'; readonly deviceId: DeviceId };

export type SessionEffect =
  | { readonly kind: 'toDevice'; readonly connection: ConnectionId; readonly frame: ToDevice }
  | { readonly kind: 'pushBytes'; readonly connection: ConnectionId; readonly bytes: Uint8Array }
  | { readonly kind: 'toChat'; readonly chatId: ChatId; readonly command: ChatCommand }
  /** The same once all of these users are known to exist; else the request is refused. */
  | {
      readonly kind: 'toChatIfUsersExist';
      readonly chatId: ChatId;
      readonly command: ChatCommand;
      readonly userIds: readonly UserId[];
      readonly deviceId: DeviceId;
      readonly request: number;
    }
  | { readonly kind: 'createGroup'; readonly deviceId: DeviceId; readonly frame: Extract<FromDevice, { kind: 'createGroup' }> }
  | { readonly kind: 'resume'; readonly deviceId: DeviceId; readonly request: number; readonly incarnation: string; readonly cursors: Resume['cursors'] }
  | { readonly kind: 'listChats'; readonly deviceId: DeviceId; readonly frame: ListChats }
  | { readonly kind: 'joinAudience'; readonly chatId: ChatId; readonly deviceId: DeviceId; readonly connection: ConnectionId }
  | { readonly kind: 'leaveAudience'; readonly chatId: ChatId; readonly connection: ConnectionId }
  | { readonly kind: 'watch'; readonly userIds: readonly UserId[]; readonly former: readonly UserId[] }
  | { readonly kind: 'online'; readonly online: boolean }
  | { readonly kind: 'heal' }
  | { readonly kind: 'lagging'; readonly connection: ConnectionId; readonly lagging: boolean }
  | { readonly kind: 'close'; readonly connection: ConnectionId; readonly why: CloseWhy };

export type SessionStep = Step<SessionState, SessionEffect>;

export function emptySession(userId: UserId, node: string): SessionState {
  return { userId, node, devices: none, audiences: none, watched: none };
}
const none: readonly never[] = [];

export function step(state: SessionState, command: SessionCommand, nowMs: number): SessionStep {
  switch (command.kind) {
    case 'attach':
      return attach(state, command);
    case 'detach':
      return detach(state, command.connection);
    case 'fromDevice':
      return fromDevice(state, command.connection, command.frame, nowMs);
    case 'answer':
      return answer(state, command);
    case 'push':
      return push(state, command.push);
    case 'notify':
      return toDevices(state, command.frame, command.except);
    case 'full':
      return full(state, command.connection);
    case 'drained':
      return drained(state, command.connection);
    case 'large':
      return joinAudiences(state, command.chatIds);
    case 'tellDevice':
      return {
        state,
        effects: state.devices.filter(({ deviceId }) => deviceId === command.deviceId).map(({ connection }) => ({ kind: 'toDevice', connection, frame: command.frame })),
      };
    case 'rejoin':
      if (!state.audiences.includes(command.chatId)) return { state, effects: [] };
      return joinAudiences({ ...state, audiences: state.audiences.filter((chatId) => chatId !== command.chatId) }, [command.chatId]);
    case 'heal':
      return { state: command.answersLost ? { ...state, devices: state.devices.map((device) => ({ ...device, inFlight: 0, reads: none })) } : state, effects: [{ kind: 'heal' }] };
    case 'revoke':
      return { state, effects: state.devices.filter(({ deviceId }) => deviceId === command.deviceId).map(({ connection }) => ({ kind: 'close', connection, why: 'loggedOut' })) };
    default:
      return unreachable(command);
  }
}

function attach(state: SessionState, { deviceId, connection, welcome }: Extract<SessionCommand, { kind: 'attach' }>): SessionStep {
  const former = state.devices.find((device) => device.deviceId === deviceId);
  const effects: SessionEffect[] = [];
  if (former?.lagging) effects.push({ kind: 'lagging', connection: former.connection, lagging: false });
  if (former !== undefined) effects.push(...leaveAll(state, former.connection), { kind: 'close', connection: former.connection, why: 'replaced' });
  if (state.devices.length === 0) effects.push({ kind: 'online', online: true });
  effects.push({ kind: 'toDevice', connection, frame: welcome });
  for (const chatId of state.audiences) effects.push({ kind: 'joinAudience', chatId, deviceId, connection });
  const device: DeviceState = { deviceId, connection, inFlight: 0, reads: none, lagging: false, resuming: null, focus: null };
  return { state: { ...state, devices: [...state.devices.filter((one) => one !== former), device] }, effects };
}

function detach(state: SessionState, connection: ConnectionId): SessionStep {
  const gone = deviceAt(state, connection);
  if (gone === undefined) return { state, effects: [] };
  const devices = state.devices.filter((device) => device !== gone);
  const effects = leaveAll(state, connection);
  if (gone.lagging) effects.push({ kind: 'lagging', connection, lagging: false });
  if (devices.length > 0) return { state: { ...state, devices }, effects };
  if (state.watched.length > 0) effects.push({ kind: 'watch', userIds: [], former: state.watched });
  effects.push({ kind: 'online', online: false });
  return { state: { ...state, devices, audiences: none, watched: none }, effects };
}

function fromDevice(state: SessionState, connection: ConnectionId, frame: FromDevice | Unknown, nowMs: number): SessionStep {
  const device = deviceAt(state, connection);
  // A session that has crashed knows its sockets no more. Each that speaks is ended, so that its device attaches again instead of waiting for answers.
  if (device === undefined) return { state, effects: [{ kind: 'close', connection, why: 'internal' }] };
  if (!requests.isAnswered(frame)) return requests.unanswered(state, device, frame);
  if (device.inFlight >= limits.requestsInFlightMax) return refuse(state, connection, requests.requestOf(frame), 'tooManyInFlight');
  if (frame.kind === 'send') {
    if (frame.body.byteLength > limits.bodyBytesMax) return refuse(state, connection, frame.number, 'bodyTooBig');
    return { state: counted(state, device), effects: [requests.post(state, device, frame)] };
  }
  return requests.request(state, device, frame, nowMs);
}

function answer(state: SessionState, { deviceId, frame, last }: Extract<SessionCommand, { kind: 'answer' }>): SessionStep {
  const device = state.devices.find((one) => one.deviceId === deviceId);
  if (device === undefined) return { state, effects: [] };
  return { state: last ? answered(state, device, frame) : state, effects: [{ kind: 'toDevice', connection: device.connection, frame }] };
}

/** The push of a message to the only device of its author, which gets `sent` instead. Every message makes one. */
export function ignores({ userId, devices }: SessionState, command: SessionCommand): boolean {
  if (command.kind !== 'push') return false;
  const { entryKind, author, origin } = command.push;
  return entryKind === entryKinds.message && author === userId && devices.length === 1 && devices[0]?.deviceId === origin;
}

function push(state: SessionState, { chatId, entryKind, author, origin, large, member, bytes }: Push): SessionStep {
  const hears = ({ deviceId, lagging }: DeviceState): boolean => !lagging && !(deviceId === origin && author === state.userId);
  const only = state.devices.length === 1 ? state.devices[0] : undefined; // apart, since an array that grows makes room for many
  const effects = (only === undefined ? state.devices.filter(hears) : hears(only) ? [only] : []).map(({ connection }): SessionEffect => ({ kind: 'pushBytes', connection, bytes }));
  if (entryKind === entryKinds.message) return { state, effects };
  // Membership: this user came in, went out, or the chat grew large.
  const joined = state.audiences.includes(chatId);
  if (large && member && !joined) {
    const next = joinAudiences(state, [chatId]);
    return { state: next.state, effects: effects.concat(next.effects) };
  }
  if (member || !joined) return { state, effects };
  for (const { connection } of state.devices) effects.push({ kind: 'leaveAudience', chatId, connection });
  return { state: { ...state, audiences: state.audiences.filter((one) => one !== chatId) }, effects };
}

function full(state: SessionState, connection: ConnectionId): SessionStep {
  const device = deviceAt(state, connection);
  if (device === undefined || device.lagging) return { state, effects: [] };
  return { state: withDevice(state, connection, { lagging: true }), effects: [{ kind: 'lagging', connection, lagging: true }] };
}

/** The device has read what waited. What was left out is in the logs: it resumes. */
function drained(state: SessionState, connection: ConnectionId): SessionStep {
  const device = deviceAt(state, connection);
  if (device === undefined) return { state, effects: [] };
  return {
    state: withDevice(state, connection, { lagging: false }),
    effects: [
      { kind: 'lagging', connection, lagging: false },
      { kind: 'toDevice', connection, frame: { kind: 'lagging' } },
    ],
  };
}

function joinAudiences(state: SessionState, chatIds: readonly ChatId[]): SessionStep {
  const fresh = chatIds.filter((chatId) => !state.audiences.includes(chatId));
  if (fresh.length === 0 || state.devices.length === 0) return { state, effects: [] };
  const effects = fresh.flatMap((chatId) => state.devices.map(({ deviceId, connection }): SessionEffect => ({ kind: 'joinAudience', chatId, deviceId, connection })));
  return { state: { ...state, audiences: [...state.audiences, ...fresh] }, effects };
}

function toDevices(state: SessionState, frame: ToDevice, except: DeviceId | null): SessionStep {
  const effects: SessionEffect[] = [];
  for (const { deviceId, connection, lagging } of state.devices) if (deviceId !== except && !lagging) effects.push({ kind: 'toDevice', connection, frame });
  return { state, effects };
}

function leaveAll({ audiences }: SessionState, connection: ConnectionId): SessionEffect[] {
  return audiences.map((chatId) => ({ kind: 'leaveAudience', chatId, connection }));
}

export function refuse(state: SessionState, connection: ConnectionId, request: number, why: Why): SessionStep {
  return { state, effects: [{ kind: 'toDevice', connection, frame: refused(request, why, later(why)) }] };
}

/** When to try again, where the same may work later. */
export function later(why: Why): RefusedMore {
  const retryAfterMs = retryAfter[why];
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}
const retryAfter: Partial<Record<Why, number>> = { busy: 200, tooManyInFlight: 200, storeFull: 2_000, unavailable: 2_000, draining: 1_000, quarantined: 30_000 };

/** The state with one more request of the device in flight. */
export function counted(state: SessionState, device: DeviceState): SessionState {
  return inFlight(state, device, device.inFlight + 1);
}

/** In place, since it happens twice for every message and nobody goes back to the state before: see ADR 9. */
function inFlight(state: SessionState, device: DeviceState, count: number): SessionState {
  (device as { inFlight: number }).inFlight = count;
  return state;
}

function answered(state: SessionState, device: DeviceState, frame: ToDevice): SessionState {
  const count = Math.max(0, device.inFlight - 1);
  if (device.reads.length === 0 || !('request' in frame)) return inFlight(state, device, count);
  return withDevice(state, device.connection, { inFlight: count, reads: device.reads.filter((request) => request !== frame.request) });
}

function deviceAt({ devices }: SessionState, connection: ConnectionId): DeviceState | undefined {
  for (const device of devices) if (device.connection === connection) return device;
  return undefined;
}

export function withDevice(state: SessionState, connection: ConnectionId, change: Partial<DeviceState>): SessionState {
  const [only] = state.devices;
  if (state.devices.length === 1 && only?.connection === connection) return { ...state, devices: [{ ...only, ...change }] };
  return { ...state, devices: state.devices.map((device) => (device.connection === connection ? { ...device, ...change } : device)) };
}
