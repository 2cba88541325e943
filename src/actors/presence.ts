// The actor of one user's presence: awake only while somebody watches.
import type { Router } from '../cluster/router.ts';
import { type PresenceCommand, type PresenceEffect, type PresenceState, step } from '../core/presence.ts';
import type { PresenceStore } from '../store/presence.ts';
import type { UserId } from '../structures/ids.ts';
import type { ActorDefinition } from './runtime/actor.ts';

export interface PresenceNeeds {
  readonly router: Router;
  readonly presence: PresenceStore;
  /** Whether the user has a session on this node now. */
  isConnected(userId: UserId): boolean;
}

interface Context {
  /** The store was out of reach. */
  isUnknown: boolean;
}

/** Users of other nodes are looked up again so often, as are all while the store is out of reach. */
const lookMs = 15_000;

export function presenceActor(needs: PresenceNeeds): ActorDefinition<UserId, PresenceState, PresenceCommand, PresenceEffect, Context> {
  return {
    kind: 'presence',
    mailboxMax: 1_000,
    mailboxBytesMax: 256 * 1024,
    batchMax: 256,
    batchBytesMax: 256 * 1024,
    passivateAfterMs: 0,
    sizeOf: () => 64,
    async load(userId) {
      const { isUnknown, ...found } = await look(userId, needs);
      return { state: { userId, ...found, watchers: new Set(), changes: 0 }, context: { isUnknown } };
    },
    step,
    isDurable: () => false,
    commit: () => undefined,
    perform(effect, self) {
      switch (effect.kind) {
        case 'tell':
          return needs.router.notifyUser(effect.to, { kind: 'presence', ...effect.about }, null);
        case 'lookLater':
          if (needs.router.mayLose || self.context.isUnknown) self.after(lookMs, { kind: 'look' });
          return;
        case 'look':
          return void look(self.id, needs).then(({ isUnknown, ...found }) => {
            self.context.isUnknown = isUnknown;
            self.after(0, { kind: 'looked', ...found, changes: effect.changes });
          });
      }
    },
    giveBack: () => undefined, // may be lost
    readsOnly: () => false,
    isOver: ({ watchers }) => watchers.size === 0,
  };
}

/** Alone, a node knows who is connected; a row that says more is left from a session that crashed. */
async function look(userId: UserId, { presence, isConnected, router }: PresenceNeeds): Promise<{ online: boolean; lastSeenMs: number; isUnknown: boolean }> {
  try {
    const seen = await presence.get(userId);
    return { online: isConnected(userId) || (router.mayLose && seen?.online === true), lastSeenMs: seen?.lastSeenMs ?? 0, isUnknown: false };
  } catch {
    return { online: isConnected(userId), lastSeenMs: 0, isUnknown: true }; // may be lost: grey rather than broken
  }
}
