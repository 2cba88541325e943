// The actor of one user's presence: awake only while somebody watches.
import type { Router } from '../cluster/router.ts';
import { type PresenceCommand, type PresenceEffect, type PresenceState, step } from '../core/presence.ts';
import type { PresenceStore } from '../store/presence.ts';
import type { UserId } from '../structures/ids.ts';
import type { ActorDefinition } from './runtime/actor.ts';

export interface PresenceNeeds {
  readonly router: Router;
  readonly presence: PresenceStore;
  /** Whether the user has a session now. */
  isConnected(userId: UserId): boolean;
}

export function presenceActor({ router, presence, isConnected }: PresenceNeeds): ActorDefinition<UserId, PresenceState, PresenceCommand, PresenceEffect, undefined> {
  return {
    kind: 'presence',
    mailboxMax: 1_000,
    mailboxBytesMax: 256 * 1024,
    batchMax: 256,
    batchBytesMax: 256 * 1024,
    passivateAfterMs: 0,
    sizeOf: () => 64,
    async load(userId) {
      const seen = await presence.get(userId).catch(() => undefined); // may be lost: grey rather than broken
      return { state: { userId, online: isConnected(userId), lastSeenMs: seen?.lastSeenMs ?? 0, watchers: new Set() }, context: undefined };
    },
    step,
    isDurable: () => false,
    commit: () => undefined,
    perform: ({ to, about }) => router.notifyUser(to, { kind: 'presence', ...about }, null),
    giveBack: () => undefined, // may be lost
    readsOnly: () => false,
    isOver: ({ watchers }) => watchers.size === 0,
  };
}
