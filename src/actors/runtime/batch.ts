// A batch of commands on its way through step, commit and perform.
import type { GivenBack } from './actor.ts';
import type { Entity } from './entity.ts';
import type { Where } from './events.ts';
import type { Loop } from './loop.ts';

/** Used again and again: the first `count` commands and `otherCount` effects are its contents. */
export class Batch {
  readonly commands: unknown[] = [];
  count = 0;
  /** Handed to the actor, and so never used again. */
  durable: unknown[] = [];
  readonly others: unknown[] = [];
  otherCount = 0;
  /** Tentative: after the last command. */
  state: unknown = undefined;
  /** Where the actor's code has thrown first, and what. */
  threwIn: Where | undefined = undefined;
  error: unknown = undefined;
  /** How often it was superseded. */
  attempts = 0;
  startedMs = 0;

  threw(where: Where, error: unknown): void {
    if (this.threwIn !== undefined) return;
    this.threwIn = where;
    this.error = error;
  }

  /** Forgets what stepping has brought, not the commands. */
  unstep(): void {
    if (this.durable.length > 0) this.durable = [];
    for (let at = 0; at < this.otherCount; at += 1) this.others[at] = undefined;
    this.otherCount = 0;
    this.state = undefined;
    this.threwIn = undefined;
    this.error = undefined;
  }

  clear(): void {
    this.unstep();
    for (let at = 0; at < this.count; at += 1) this.commands[at] = undefined;
    this.count = 0;
    this.attempts = 0;
  }
}

/** Gives back whatever of a batch is still to be done. */
export function giveBackBatch(loop: Loop, entity: Entity, why: GivenBack): void {
  const { batch } = entity;
  if (batch === undefined) return;
  entity.batch = undefined;
  for (let at = 0; at < batch.count; at += 1) loop.giveBack(entity.host, entity.id, batch.commands[at], why);
  loop.returnBatch(batch);
}
