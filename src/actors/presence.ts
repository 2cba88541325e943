// The actor of one user's presence on a node: awake only while somebody there watches. Nodes say it when the user comes to them or leaves; the store has the last that is known.
import type { Router } from '../cluster/router.ts';
import { after, type Looked, type PresenceCommand, type PresenceEffect, type PresenceState, step } from '../core/presence.ts';
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
  /** How often in a row the store was out of reach; extra looks are not counted: they may come at the same moment as one of the row. */
  failures: number;
}

/** Interest takes a moment to spread: what was said meanwhile is looked up. */
const firstLookMs = 5_000;
/** Against what was lost on the way, and for nodes that died with a word in the store. */
const lookMs = 60_000;
/** While the store is out of reach, and while there are nodes that do not say it yet. */
const oftenMs = 15_000;
/** After the first failure: it may be a single answer that came too late, and no reason to call anybody away. */
const againMs = 2_000;

export function presenceActor(needs: PresenceNeeds): ActorDefinition<UserId, PresenceState, PresenceCommand, PresenceEffect, Context> {
  const { router } = needs;
  return {
    kind: 'presence',
    mailboxMax: 1_000,
    mailboxBytesMax: 256 * 1024,
    batchMax: 256,
    batchBytesMax: 256 * 1024,
    passivateAfterMs: 0,
    sizeOf: () => 64,
    async load(userId) {
      const context = { failures: 0 };
      const found = await look(userId, context, needs, false);
      return { state: after({ userId, nodes: new Map(), lastSeenMs: 0, watchers: new Set(), changes: 0 }, found, 0), context };
    },
    step,
    isDurable: () => false,
    commit: () => undefined,
    perform(effect, self) {
      switch (effect.kind) {
        case 'tell':
          return router.notifyUser(effect.to, { kind: 'presence', ...effect.about }, null);
        case 'lookLater': {
          const { failures } = self.context;
          if (!router.mayLose && failures === 0) return;
          return self.after(failures === 1 ? againMs : effect.first ? firstLookMs : router.tellsPresence && failures === 0 ? lookMs : oftenMs, { kind: 'look', extra: false });
        }
        case 'look':
          return void look(self.id, self.context, needs, effect.extra).then((found) => self.after(0, { kind: 'looked', ...found, changes: effect.changes, extra: effect.extra }));
      }
    },
    giveBack: () => undefined, // may be lost
    readsOnly: () => false,
    isOver: ({ watchers }) => watchers.size === 0,
  };
}

type Found = Pick<Looked, 'on' | 'lastSeenMs' | 'knowsAll'>;

/** Who is here this node knows itself; a row that says otherwise is left from a session that crashed. */
async function look(userId: UserId, context: Context, { presence, isConnected, router }: PresenceNeeds, extra: boolean): Promise<Found> {
  const here = (): string[] => (isConnected(userId) ? [router.node] : []);
  try {
    const seen = await presence.get(userId);
    context.failures = 0;
    const others = router.mayLose ? (seen?.nodes ?? []).filter((node) => node !== router.node) : [];
    return { on: [...here(), ...others], lastSeenMs: seen?.lastSeenMs ?? 0, knowsAll: !router.mayLose || seen?.nodes !== undefined };
  } catch {
    if (!extra) context.failures += 1; // may be lost: grey rather than broken, and rather than wrong for long
    return { on: here(), lastSeenMs: 0, knowsAll: context.failures > 1 };
  }
}
