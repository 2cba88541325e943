// Whether one user is there, and who wants to know. Kept only while somebody does; may be lost.
import type { UserId } from '../structures/ids.ts';
import { type Step, unreachable } from './step.ts';

export interface PresenceState {
  readonly userId: UserId;
  readonly online: boolean;
  /** 0: unknown, or never. */
  readonly lastSeenMs: number;
  readonly watchers: ReadonlySet<UserId>;
  /** How often this node has told of a change: what was looked up before the last one is older. */
  readonly changes: number;
}

export type PresenceCommand =
  | { readonly kind: 'seen'; readonly online: boolean }
  | { readonly kind: 'watch'; readonly by: UserId }
  | { readonly kind: 'unwatch'; readonly by: UserId }
  | { readonly kind: 'look' }
  /** What the store says, with what this node knows; `lastSeenMs` 0 where the store is out of reach or knows nothing. */
  | { readonly kind: 'looked'; readonly online: boolean; readonly lastSeenMs: number; readonly changes: number };

export type PresenceEffect =
  | { readonly kind: 'tell'; readonly to: UserId; readonly about: { readonly userId: UserId; readonly online: boolean; readonly lastSeenMs: number } }
  /** After a while, where others may know of changes that this node does not hear of. */
  | { readonly kind: 'lookLater' }
  /** Ask the store; `changes` comes back with the answer. */
  | { readonly kind: 'look'; readonly changes: number };

export function step(state: PresenceState, command: PresenceCommand, nowMs: number): Step<PresenceState, PresenceEffect> {
  const { userId, online, lastSeenMs, changes } = state;
  switch (command.kind) {
    case 'seen':
      if (command.online === online) return { state, effects: [] };
      return changed({ ...state, online: command.online, lastSeenMs: nowMs, changes: changes + 1 });
    case 'watch': {
      const told: PresenceEffect = { kind: 'tell', to: command.by, about: { userId, online, lastSeenMs } };
      return { state: { ...state, watchers: new Set(state.watchers).add(command.by) }, effects: state.watchers.size === 0 ? [told, { kind: 'lookLater' }] : [told] };
    }
    case 'unwatch': {
      const watchers = new Set(state.watchers);
      watchers.delete(command.by);
      return { state: { ...state, watchers }, effects: [] };
    }
    case 'look':
      return { state, effects: [{ kind: 'look', changes }] };
    case 'looked': {
      const isNews = command.changes === changes && (command.online !== online || command.lastSeenMs !== lastSeenMs);
      const next = isNews ? changed({ ...state, online: command.online, lastSeenMs: command.lastSeenMs }) : { state, effects: [] };
      return { state: next.state, effects: [...next.effects, { kind: 'lookLater' }] };
    }
    default:
      return unreachable(command);
  }
}

function changed(state: PresenceState): Step<PresenceState, PresenceEffect> {
  const { userId, online, lastSeenMs, watchers } = state;
  return { state, effects: [...watchers].map((to) => ({ kind: 'tell', to, about: { userId, online, lastSeenMs } })) };
}
