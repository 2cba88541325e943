// What the kernel tells the log, the metrics and the supervision tree, and what it counts.

/** Where the actor's code threw or rejected. */
export type Where = 'load' | 'step' | 'commit' | 'perform' | 'isOver' | 'passivate' | 'giveBack';

interface OfEntity {
  /** The definition's kind. */
  readonly actor: string;
  readonly id: string;
}

export type KernelEvent = OfEntity &
  (
    | { readonly kind: 'crashed'; readonly where: Where; readonly error: unknown }
    | { readonly kind: 'restarted'; readonly uid: number }
    | { readonly kind: 'quarantined'; readonly error: unknown }
    | { readonly kind: 'released' } // from quarantine, by putAway or the end
    | { readonly kind: 'superseded'; readonly attempt: number }
    | { readonly kind: 'unavailable'; readonly error: unknown; readonly retryMs: number } // it could not be loaded
    | { readonly kind: 'passivated'; readonly uid: number }
    | { readonly kind: 'abandoned' } // the kernel has stopped without waiting longer for what this entity had under way
  );

/** All rise for as long as the kernel runs. */
export interface KernelCounts {
  /** Given to `step`, once more for each time after a Superseded. */
  commands: number;
  batches: number;
  commits: number;
  crashes: number;
  restarts: number;
  superseded: number;
  givenBack: number;
  woken: number;
  passivated: number;
  quarantined: number;
}

export function noCounts(): KernelCounts {
  return { commands: 0, batches: 0, commits: 0, crashes: 0, restarts: 0, superseded: 0, givenBack: 0, woken: 0, passivated: 0, quarantined: 0 };
}
