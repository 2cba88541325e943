// Whether one user is there, and who wants to know. Kept only while somebody does; may be lost.
import type { UserId } from '../structures/ids.ts';
import { type Step, unreachable } from './step.ts';

export interface PresenceState {
  readonly userId: UserId;
  readonly online: boolean;
  readonly lastSeenMs: number;
  readonly watchers: ReadonlySet<UserId>;
}

export type PresenceCommand =
  | { readonly kind: 'seen'; readonly online: boolean }
  | { readonly kind: 'watch'; readonly by: UserId }
  | { readonly kind: 'unwatch'; readonly by: UserId };

export interface PresenceEffect {
  readonly kind: 'tell';
  readonly to: UserId;
  readonly about: { readonly userId: UserId; readonly online: boolean; readonly lastSeenMs: number };
}

export function step(state: PresenceState, command: PresenceCommand, nowMs: number): Step<PresenceState, PresenceEffect> {
  const { userId, online, lastSeenMs } = state;
  switch (command.kind) {
    case 'seen': {
      if (command.online === online) return { state, effects: [] };
      const next = { ...state, online: command.online, lastSeenMs: nowMs };
      return { state: next, effects: [...state.watchers].map((to) => ({ kind: 'tell', to, about: { userId, online: next.online, lastSeenMs: nowMs } })) };
    }
    case 'watch':
      return { state: { ...state, watchers: new Set(state.watchers).add(command.by) }, effects: [{ kind: 'tell', to: command.by, about: { userId, online, lastSeenMs } }] };
    case 'unwatch': {
      const watchers = new Set(state.watchers);
      watchers.delete(command.by);
      return { state: { ...state, watchers }, effects: [] };
    }
    default:
      return unreachable(command);
  }
}
