// What an entity that is due does: a batch of commands is stepped against a tentative state, committed together, performed in order.
// Without durable effects nothing is allocated here.
import { StoreFull, StoreRefused, StoreUnavailable, Superseded } from '../../store/faults.ts';
import { type Batch, giveBackBatch } from './batch.ts';
import type { Activation, AnyDefinition, Entity } from './entity.ts';
import type { Where } from './events.ts';
import { crash, drop, leave, rest, settleDown } from './life.ts';
import type { Loop } from './loop.ts';
import { backoffMs } from './restarts.ts';

/** For an entity that is due. Returns how many commands were stepped. */
export function runBatch(loop: Loop, entity: Entity): number {
  if (entity.mustLeave) {
    leave(loop, entity);
    return 0;
  }
  if (entity.trouble?.quarantined) return serveReads(loop, entity);
  const batch = entity.batch ?? fill(entity, loop.lendBatch());
  entity.batch = batch;
  const { count } = batch;
  if (count > 0) {
    entity.lastActiveTick = loop.nowTick;
    loop.counts.batches += 1;
    loop.counts.commands += count;
    step(loop, entity, batch);
    if (batch.durable.length > 0 && !commit(loop, entity, batch)) return count;
  }
  accomplish(loop, entity, batch);
  return count;
}

/** For an idle entity without mail: one command, within `tell`. What the actor throws is dealt with as in a batch. */
export function runAtOnce(loop: Loop, entity: Entity, command: unknown): void {
  const { definition } = entity.host;
  const self = entity.activation as Activation;
  loop.counts.batches += 1;
  loop.counts.commands += 1;
  loop.atOnceLeft -= 1;
  loop.isAtOnce = true;
  entity.phase = 'running';
  entity.lastActiveTick = loop.nowTick;
  let threwIn: Where | undefined;
  let thrown: unknown;
  try {
    const { state, effects } = definition.step(entity.state, command, loop.nowMs);
    entity.state = state;
    for (let at = 0; at < effects.length; at += 1) {
      try {
        definition.perform(effects[at], self);
      } catch (error) {
        if (threwIn === undefined) thrown = error;
        threwIn = 'perform';
      }
    }
  } catch (error) {
    threwIn = 'step';
    thrown = error;
    loop.giveBack(entity.host, entity.id, command, 'internal');
  }
  loop.isAtOnce = false;
  if (threwIn === undefined) settleDown(loop, entity);
  else crash(loop, entity, threwIn, thrown);
}

/** For an entity whose commit has settled. */
export function commitSettled(loop: Loop, entity: Entity): void {
  const batch = entity.batch as Batch;
  const outcome = entity.outcome;
  entity.outcome = undefined;
  entity.lastActiveTick = loop.nowTick;
  if (outcome?.failed) return commitFailed(loop, entity, batch, outcome.value);
  loop.counts.commits += 1;
  loop.needs.committed(entity.host.definition.kind, batch.count, loop.nowMs - batch.startedMs);
  accomplish(loop, entity, batch);
}

function fill(entity: Entity, batch: Batch): Batch {
  const { definition } = entity.host;
  const only = entity.waiting === 1;
  let bytes = 0;
  while (entity.first !== undefined && batch.count < definition.batchMax) {
    const size = only ? entity.mailBytes : definition.sizeOf(entity.first);
    if (batch.count > 0 && bytes + size > definition.batchBytesMax) break;
    bytes += size;
    batch.commands[batch.count] = entity.first;
    batch.count += 1;
    entity.next();
  }
  entity.taken(bytes);
  return batch;
}

/**
 * Steps every command of the batch. One that throws is given back and leaves no trace: states are immutable, so going on from the state before it is
 * the same as stepping all others again from the held one.
 */
function step(loop: Loop, entity: Entity, batch: Batch): void {
  const { definition } = entity.host;
  const { count } = batch;
  let kept = 0;
  let { state } = entity;
  for (let at = 0; at < count; at += 1) {
    const command = batch.commands[at];
    const durableBefore = batch.durable.length;
    const othersBefore = batch.otherCount;
    try {
      const next = definition.step(state, command, loop.nowMs);
      sortEffects(definition, next.effects, batch);
      state = next.state;
      batch.commands[kept] = command;
      kept += 1;
    } catch (error) {
      batch.durable.length = durableBefore;
      batch.otherCount = othersBefore;
      batch.threw('step', error);
      loop.giveBack(entity.host, entity.id, command, 'internal');
    }
  }
  for (let at = kept; at < count; at += 1) batch.commands[at] = undefined;
  batch.count = kept;
  batch.state = state;
}

function sortEffects(definition: AnyDefinition, effects: readonly unknown[], batch: Batch): void {
  for (let at = 0; at < effects.length; at += 1) {
    const effect = effects[at];
    if (!definition.isDurable(effect)) {
      batch.others[batch.otherCount] = effect;
      batch.otherCount += 1;
    } else if (batch.durable.length > 0) batch.durable.push(effect);
    else batch.durable = [effect]; // usually the only one: an empty array that grows makes room for many
  }
}

/** False when the batch is not to be accomplished in this turn: its commit is under way, or has failed. */
function commit(loop: Loop, entity: Entity, batch: Batch): boolean {
  batch.startedMs = loop.nowMs;
  let pending: void | Promise<void>;
  try {
    pending = entity.host.definition.commit(batch.durable, batch.state, entity.activation as Activation);
  } catch (error) {
    commitFailed(loop, entity, batch, error);
    return false;
  }
  if (pending === undefined) {
    loop.counts.commits += 1;
    return true;
  }
  entity.phase = 'committing';
  loop.waitFor(entity, pending, 'committed');
  return false;
}

/** What had to be durable is: the tentative state becomes the state, and the other effects are done. */
function accomplish(loop: Loop, entity: Entity, batch: Batch): void {
  entity.batch = undefined;
  if (batch.count > 0) entity.state = batch.state;
  const { definition } = entity.host;
  const self = entity.activation as Activation;
  if (batch.durable.length > 0) definition.committed?.(batch.state, self);
  for (let at = 0; at < batch.otherCount; at += 1) {
    try {
      definition.perform(batch.others[at], self);
    } catch (error) {
      batch.threw('perform', error); // the others of the batch stand in the log as well, so they are done all the same
    }
  }
  finish(loop, entity, batch);
}

function finish(loop: Loop, entity: Entity, batch: Batch): void {
  const { threwIn, error } = batch;
  loop.returnBatch(batch);
  if (threwIn === undefined) settleDown(loop, entity);
  else crash(loop, entity, threwIn, error);
}

function commitFailed(loop: Loop, entity: Entity, batch: Batch, error: unknown): void {
  if (error instanceof Superseded) return superseded(loop, entity, batch);
  const { threwIn, error: earlier } = batch;
  if (error instanceof StoreFull || error instanceof StoreUnavailable) {
    giveBackBatch(loop, entity, error instanceof StoreFull ? 'storeFull' : 'unavailable');
    if (threwIn === undefined) settleDown(loop, entity);
    else crash(loop, entity, threwIn, earlier);
    return;
  }
  giveBackBatch(loop, entity, error instanceof StoreRefused ? 'quarantined' : 'busy');
  crash(loop, entity, 'commit', error);
}

/** Another has written: forget, load again, step again. The pause grows, so that two owners don't duel. */
function superseded(loop: Loop, entity: Entity, batch: Batch): void {
  const { threwIn, error } = batch;
  loop.counts.superseded += 1;
  batch.attempts += 1;
  batch.unstep();
  const { attempts } = batch;
  loop.report({ kind: 'superseded', actor: entity.host.definition.kind, id: entity.id, attempt: attempts });
  if (attempts >= loop.limits.supersededMax) giveBackBatch(loop, entity, 'busy');
  else if (batch.count === 0) giveBackBatch(loop, entity, 'busy'); // all of it had thrown: nothing is left to step
  if (threwIn !== undefined) return crash(loop, entity, threwIn, error);
  drop(loop, entity);
  rest(loop, entity, backoffMs(loop.limits.superseded, attempts, loop.needs.random));
}

/** In quarantine: what only reads is answered from the last good state, and leaves no trace in it; the rest is given back. */
function serveReads(loop: Loop, entity: Entity): number {
  const { definition } = entity.host;
  let served = 0;
  while (served < definition.batchMax && entity.first !== undefined) {
    const reads = definition.readsOnly(entity.first);
    if (reads && entity.activation === undefined && loop.nowMs >= (entity.trouble?.loadNotBeforeMs ?? 0)) {
      entity.phase = 'waking';
      loop.enqueue(entity);
      return served;
    }
    served += 1;
    const command = entity.take();
    if (!reads || entity.activation === undefined) loop.giveBack(entity.host, entity.id, command, 'quarantined');
    else read(loop, entity, entity.activation, command);
  }
  settleDown(loop, entity);
  return served;
}

function read(loop: Loop, entity: Entity, self: Activation, command: unknown): void {
  const { definition } = entity.host;
  const { kind: actor } = definition;
  const batch = loop.lendBatch();
  loop.counts.commands += 1;
  let where: Where = 'step';
  try {
    sortEffects(definition, definition.step(entity.state, command, loop.nowMs).effects, batch);
    where = 'perform';
    if (batch.durable.length > 0) loop.giveBack(entity.host, entity.id, command, 'quarantined');
    else for (let at = 0; at < batch.otherCount; at += 1) definition.perform(batch.others[at], self);
  } catch (error) {
    loop.counts.crashes += 1;
    loop.report({ kind: 'crashed', actor, id: entity.id, where, error });
    if (where === 'step') loop.giveBack(entity.host, entity.id, command, 'internal');
  }
  loop.returnBatch(batch);
}
