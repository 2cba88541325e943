// Whether one user is there, by what nodes say of themselves, and who wants to know. Kept only while somebody does; may be lost.
import type { UserId } from '../structures/ids.ts';
import { type Step, unreachable } from './step.ts';

export interface PresenceState {
  readonly userId: UserId;
  /** What is known of each node: whether the user is connected there, and since when by its clock, or until when. */
  readonly nodes: ReadonlyMap<string, Heard>;
  /** 0: unknown, or never. */
  readonly lastSeenMs: number;
  readonly watchers: ReadonlySet<UserId>;
  /** How often something was heard: what was looked up before the last time is older. */
  readonly changes: number;
}
interface Heard {
  readonly online: boolean;
  readonly atMs: number;
  /** When it said so itself, by the clock of this node; -Infinity: it has not. */
  readonly heardAtMs: number;
}

/** For so long what a node has said itself counts more than the store, to which it says so at the same time, and which may hear it later. */
const ownWordMs = 10_000;

export type PresenceCommand =
  /** A node says that the user has come to it, or has left it. */
  | { readonly kind: 'seen'; readonly node: string; readonly online: boolean; readonly atMs: number }
  | { readonly kind: 'watch'; readonly by: UserId }
  | { readonly kind: 'unwatch'; readonly by: UserId }
  /** `extra`: out of the row of looks, and followed by none. */
  | { readonly kind: 'look'; readonly extra: boolean }
  | Looked
  /** These nodes are out of sight: what they said counts no more. */
  | { readonly kind: 'gone'; readonly nodes: readonly string[] };

/** What the store says, with what this node knows. */
export interface Looked {
  readonly kind: 'looked';
  /** The nodes that have the user. */
  readonly on: readonly string[];
  readonly lastSeenMs: number;
  /** Of the nodes that are not named, whether they have not; else what they said stands. */
  readonly knowsAll: boolean;
  readonly changes: number;
  readonly extra: boolean;
}

export type PresenceEffect =
  | { readonly kind: 'tell'; readonly to: UserId; readonly about: { readonly userId: UserId; readonly online: boolean; readonly lastSeenMs: number } }
  /** After a while; `first`: soon, for what was said while interest spread. */
  | { readonly kind: 'lookLater'; readonly first: boolean }
  /** Ask the store; the rest comes back with the answer. */
  | { readonly kind: 'look'; readonly changes: number; readonly extra: boolean };

type PresenceStep = Step<PresenceState, PresenceEffect>;

export function step(state: PresenceState, command: PresenceCommand, nowMs: number): PresenceStep {
  switch (command.kind) {
    case 'seen':
      return seen(state, command, nowMs);
    case 'watch': {
      const told = tell(state, command.by);
      return { state: { ...state, watchers: new Set(state.watchers).add(command.by) }, effects: state.watchers.size === 0 ? [told, { kind: 'lookLater', first: true }] : [told] };
    }
    case 'unwatch': {
      const watchers = new Set(state.watchers);
      watchers.delete(command.by);
      return { state: { ...state, watchers }, effects: [] };
    }
    case 'look':
      return { state, effects: [{ kind: 'look', changes: state.changes, extra: command.extra }] };
    case 'looked': {
      const { state: next, effects } = command.changes === state.changes ? changed(state, after(state, command, nowMs)) : { state, effects: [] };
      return { state: next, effects: command.extra ? effects : [...effects, { kind: 'lookLater', first: false }] };
    }
    case 'gone': {
      const nodes = new Map([...state.nodes].filter(([node]) => !command.nodes.includes(node)));
      return nodes.size === state.nodes.size ? { state, effects: [] } : changed(state, { ...state, nodes });
    }
    default:
      return unreachable(command);
  }
}

/** What is known after what was looked up. */
export function after(state: PresenceState, { on, lastSeenMs, knowsAll }: Pick<Looked, 'on' | 'lastSeenMs' | 'knowsAll'>, nowMs: number): PresenceState {
  const fresh = [...state.nodes].filter(([, { heardAtMs }]) => nowMs - heardAtMs < ownWordMs);
  const stays = knowsAll ? [] : [...state.nodes];
  const named = on.map((node): [string, Heard] => [
    node,
    { online: true, atMs: state.nodes.get(node)?.atMs ?? 0, heardAtMs: state.nodes.get(node)?.heardAtMs ?? Number.NEGATIVE_INFINITY },
  ]);
  return { ...state, nodes: new Map([...stays, ...named, ...fresh]), lastSeenMs: knowsAll && fresh.length === 0 ? lastSeenMs : Math.max(lastSeenMs, state.lastSeenMs) };
}

function seen(state: PresenceState, { node, online, atMs }: Extract<PresenceCommand, { kind: 'seen' }>, nowMs: number): PresenceStep {
  const former = state.nodes.get(node);
  if (former !== undefined && (atMs < former.atMs || (atMs === former.atMs && online === former.online))) return { state, effects: [] }; // said again, or overtaken
  const next = { ...state, nodes: new Map(state.nodes).set(node, { online, atMs, heardAtMs: nowMs }), lastSeenMs: Math.max(state.lastSeenMs, atMs), changes: state.changes + 1 };
  if (isOnline(next) === isOnline(state)) return { state: next, effects: [] };
  return { state: next, effects: [...next.watchers].map((to) => tell(next, to)) };
}

function changed(former: PresenceState, state: PresenceState): PresenceStep {
  const online = isOnline(state);
  const isNews = isOnline(former) !== online || (!online && former.lastSeenMs !== state.lastSeenMs); // who is there is seen all the time
  return { state, effects: isNews ? [...state.watchers].map((to) => tell(state, to)) : [] };
}

function isOnline({ nodes }: PresenceState): boolean {
  for (const { online } of nodes.values()) if (online) return true;
  return false;
}

function tell(state: PresenceState, to: UserId): PresenceEffect {
  return { kind: 'tell', to, about: { userId: state.userId, online: isOnline(state), lastSeenMs: state.lastSeenMs } };
}
