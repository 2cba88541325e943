// A node's replica of a large chat: which of its sockets hear it, from which entry on. It applies the log's entries in order and asks the owner for what it missed.
import type { ChatId, DeviceId, UserId } from '../structures/ids.ts';
import type { ConnectionId, Push } from './session.ts';
import { type Step, unreachable } from './step.ts';

interface Listener {
  /** `in` once the owner has said so, at an entry that the audience has reached. */
  readonly member: 'asked' | 'in' | 'out';
  readonly devices: readonly { readonly deviceId: DeviceId; readonly connection: ConnectionId }[];
}

export interface AudienceState {
  readonly chatId: ChatId;
  readonly listeners: ReadonlyMap<UserId, Listener>;
  /** The last entry handed to the sockets; undefined until the owner has told where the log stands. */
  readonly through: number | undefined;
  /** The last entry that anybody spoke of: as long as `through` is below it, something is missing. */
  readonly heard: number;
  /** Entries that came before their turn, ascending. */
  readonly held: readonly ChatPush[];
  /** Members as of an entry that the audience has not reached. */
  readonly waiting: readonly { readonly seq: number; readonly userIds: readonly UserId[] }[];
  readonly repairing: boolean;
  /** Up to where the owner was to look when it was asked last who is a member. */
  readonly askedUpTo: number;
  /** Whether `again` will come: a question or its answer may get lost. */
  readonly alarmed: boolean;
}

/** A push with what it changes in the membership. */
export interface ChatPush {
  readonly push: Push;
  readonly went: readonly UserId[];
}

export type AudienceCommand =
  | { readonly kind: 'join'; readonly userId: UserId; readonly deviceId: DeviceId; readonly connection: ConnectionId }
  | { readonly kind: 'leave'; readonly userId: UserId; readonly connection: ConnectionId }
  /** The owner's answer: of those asked for, these are members as of `seq`. */
  | { readonly kind: 'enrolled'; readonly seq: number; readonly asked: readonly UserId[]; readonly userIds: readonly UserId[] }
  | { readonly kind: 'push'; readonly chatPush: ChatPush }
  /** The owner's answer to `repair`: entries, ascending. */
  | { readonly kind: 'repaired'; readonly pushes: readonly ChatPush[] }
  /** The alarm: what has not been answered is asked again. */
  | { readonly kind: 'again' };

export type AudienceEffect =
  /** `upTo`: what this audience has heard of. An owner that stands below it has been one, and looks again before it answers. */
  | { readonly kind: 'enroll'; readonly userIds: readonly UserId[]; readonly upTo: number }
  | { readonly kind: 'repair'; readonly after: number; readonly upTo: number }
  /** From now on the socket hears the chat; what came up to `head` it pulls. */
  | { readonly kind: 'subscribe'; readonly userId: UserId; readonly deviceId: DeviceId; readonly connection: ConnectionId; readonly head: number }
  | { readonly kind: 'unsubscribe'; readonly connection: ConnectionId }
  | { readonly kind: 'publish'; readonly bytes: Uint8Array; readonly except: ConnectionId | undefined }
  /** Say `again` after a moment. */
  | { readonly kind: 'alarm' };

type AudienceStep = Step<AudienceState, AudienceEffect>;

/** Entries held for their turn; further ones are dropped and come again by repair. */
const heldMax = 256;

export function emptyAudience(chatId: ChatId): AudienceState {
  return { chatId, listeners: new Map(), through: undefined, heard: 0, held: [], waiting: [], repairing: false, askedUpTo: 0, alarmed: false };
}

export function step(state: AudienceState, command: AudienceCommand): AudienceStep {
  const { state: decided, effects } = decide(state, command);
  const asks = effects.some(({ kind }) => kind === 'enroll');
  const next = asks ? { ...decided, askedUpTo: heardOf(decided) } : decided;
  if (next.alarmed || !(asks || effects.some(({ kind }) => kind === 'repair'))) return { state: next, effects };
  return { state: { ...next, alarmed: true }, effects: [...effects, { kind: 'alarm' }] };
}

function decide(state: AudienceState, command: AudienceCommand): AudienceStep {
  switch (command.kind) {
    case 'join':
      return join(state, command);
    case 'leave':
      return leave(state, command.userId, command.connection);
    case 'enrolled':
      return enrolled(state, command);
    case 'push':
      return push(state, command.chatPush);
    case 'repaired':
      // One that brings nothing is not asked for again at once, but by the alarm.
      return advance({ ...state, repairing: command.pushes.length === 0 }, command.pushes);
    case 'again':
      return again(state);
    default:
      return unreachable(command);
  }
}

function join(state: AudienceState, { userId, deviceId, connection }: Extract<AudienceCommand, { kind: 'join' }>): AudienceStep {
  const former = state.listeners.get(userId);
  if (former?.devices.some((device) => device.connection === connection)) return { state, effects: [] };
  const listener: Listener = { member: former?.member === 'in' ? 'in' : 'asked', devices: [...(former?.devices ?? []), { deviceId, connection }] };
  const next = { ...state, listeners: new Map(state.listeners).set(userId, listener) };
  if (listener.member === 'in') return { state: next, effects: [{ kind: 'subscribe', userId, deviceId, connection, head: state.through ?? 0 }] };
  return { state: next, effects: [enroll(state, [userId])] };
}

function leave(state: AudienceState, userId: UserId, connection: ConnectionId): AudienceStep {
  const former = state.listeners.get(userId);
  if (former === undefined) return { state, effects: [] };
  const devices = former.devices.filter((device) => device.connection !== connection);
  const listeners = new Map(state.listeners);
  if (devices.length === 0) listeners.delete(userId);
  else listeners.set(userId, { ...former, devices });
  return { state: { ...state, listeners }, effects: [{ kind: 'unsubscribe', connection }] };
}

function enrolled(state: AudienceState, { seq, asked, userIds }: Extract<AudienceCommand, { kind: 'enrolled' }>): AudienceStep {
  // Older than what was already handed on: it may miss a removal. One that was overtaken by entries is asked for again; of an owner that doesn't know better the alarm asks.
  if (state.through !== undefined && seq < state.through) {
    if (seq < state.askedUpTo) return state.alarmed ? { state, effects: [] } : { state: { ...state, alarmed: true }, effects: [{ kind: 'alarm' }] };
    return { state, effects: [enroll(state, asked)] };
  }
  const listeners = new Map(state.listeners);
  for (const userId of asked) {
    const listener = listeners.get(userId);
    if (listener?.member === 'asked' && !userIds.includes(userId)) listeners.set(userId, { ...listener, member: 'out' });
  }
  return advance({ ...state, listeners, through: state.through ?? seq, heard: Math.max(state.heard, seq), waiting: [...state.waiting, { seq, userIds }] }, []);
}

function again(state: AudienceState): AudienceStep {
  const unanswered = [...state.listeners].filter(([, { member }]) => member === 'asked').map(([userId]) => userId);
  const { state: next, effects } = advance({ ...state, alarmed: false, repairing: false }, []);
  return { state: next, effects: unanswered.length > 0 ? [...effects, enroll(next, unanswered)] : effects };
}

function push(state: AudienceState, chatPush: ChatPush): AudienceStep {
  const { through, held } = state;
  const { seq } = chatPush.push;
  if (through !== undefined && seq <= through) return { state, effects: [] };
  if (through !== undefined && seq === through + 1 && held.length === 0 && state.waiting.length === 0) return hear(state, chatPush);
  return advance(state, [chatPush]);
}

/** Takes the pushes in, hands on what has its turn, lets in who was waiting for it, and asks for what is missing. */
function advance(state: AudienceState, pushes: readonly ChatPush[]): AudienceStep {
  let held = merge(state.held, pushes, state.through ?? 0);
  let now: AudienceState = { ...state, heard: Math.max(state.heard, held.at(-1)?.push.seq ?? 0) };
  const effects: AudienceEffect[] = [];
  const take = (next: AudienceStep): void => {
    now = next.state;
    effects.push(...next.effects);
  };
  take(admit(now));
  while (now.through !== undefined && held[0]?.push.seq === now.through + 1) {
    take(hear(now, held[0]));
    held = held.slice(1);
    take(admit(now));
  }
  const gap = now.through !== undefined && now.through < now.heard && !now.repairing;
  if (gap) effects.push({ kind: 'repair', after: now.through ?? 0, upTo: now.heard });
  return { state: { ...now, held: held.slice(0, heldMax), repairing: now.repairing || gap }, effects };
}

/** One entry, in its turn: who is out by it hears nothing from it on. */
function hear(state: AudienceState, { push: one, went }: ChatPush): AudienceStep {
  let { listeners } = state;
  const effects: AudienceEffect[] = [];
  for (const userId of went) {
    const gone = listeners.get(userId);
    if (gone === undefined) continue;
    for (const { connection } of gone.devices) effects.push({ kind: 'unsubscribe', connection });
    listeners = new Map(listeners).set(userId, { ...gone, member: 'out' });
  }
  const origin = listeners.get(one.author)?.devices.find(({ deviceId }) => deviceId === one.origin);
  effects.push({ kind: 'publish', bytes: one.bytes, except: origin?.connection });
  return { state: { ...state, listeners, through: one.seq }, effects };
}

/** Lets in the members whose answer the audience has caught up with. */
function admit(state: AudienceState): AudienceStep {
  const ready = state.waiting.filter(({ seq }) => state.through !== undefined && seq <= state.through);
  if (ready.length === 0) return { state, effects: [] };
  const listeners = new Map(state.listeners);
  const effects: AudienceEffect[] = [];
  const stale: UserId[] = [];
  for (const { seq, userIds } of ready) {
    for (const userId of userIds) {
      const listener = listeners.get(userId);
      if (listener?.member !== 'asked') continue;
      if (seq < (state.through ?? 0)) {
        stale.push(userId); // something came in between: ask again, as of now
        continue;
      }
      listeners.set(userId, { ...listener, member: 'in' });
      for (const { deviceId, connection } of listener.devices) effects.push({ kind: 'subscribe', userId, deviceId, connection, head: seq });
    }
  }
  if (stale.length > 0) effects.push(enroll(state, stale));
  return { state: { ...state, listeners, waiting: state.waiting.filter((one) => !ready.includes(one)) }, effects };
}

function enroll(state: AudienceState, userIds: readonly UserId[]): AudienceEffect {
  return { kind: 'enroll', userIds, upTo: heardOf(state) };
}

function heardOf({ heard, through = 0 }: AudienceState): number {
  return Math.max(heard, through);
}

/** Both, without what has been handed on: entries may have been held before the owner told where the log stands. */
function merge(held: readonly ChatPush[], pushes: readonly ChatPush[], through: number): readonly ChatPush[] {
  if (pushes.length === 0 && held.length === 0) return held;
  const bySeq = new Map<number, ChatPush>();
  for (const one of [...held, ...pushes]) if (one.push.seq > through) bySeq.set(one.push.seq, one);
  return [...bySeq.values()].sort((one, other) => one.push.seq - other.push.seq);
}
