// How an entity wakes, crashes, rests, is quarantined and goes.
import assert from 'node:assert/strict';
import { StoreRefused, StoreUnavailable } from '../../store/faults.ts';
import type { GivenBack, Loaded } from './actor.ts';
import { giveBackBatch } from './batch.ts';
import { Activation, Delayed, type Entity } from './entity.ts';
import type { Where } from './events.ts';
import { type Loop, wheelTickMs } from './loop.ts';
import { backoffMs, Trouble } from './restarts.ts';

/** How `passivate` has ended. */
interface Parted {
  readonly uid: number;
  readonly error: unknown;
}

type WaitingGivenBack = Extract<GivenBack, 'unavailable' | 'quarantined' | 'draining'>;

/** For an entity that is waking. */
export function wake(loop: Loop, entity: Entity): void {
  if (entity.mustLeave) return left(loop, entity, 0);
  let loading: Loaded<unknown, unknown> | Promise<Loaded<unknown, unknown>>;
  try {
    loading = entity.host.definition.load(entity.id);
  } catch (error) {
    return loadFailed(loop, entity, error);
  }
  if (!('then' in loading)) return live(loop, entity, loading);
  entity.phase = 'loading';
  loop.waitFor(entity, loading, 'loaded');
}

/** For an entity whose load has settled. */
export function loadSettled(loop: Loop, entity: Entity): void {
  const { outcome } = entity;
  assert(outcome !== undefined);
  entity.outcome = undefined;
  if (outcome.failed) loadFailed(loop, entity, outcome.value);
  else live(loop, entity, outcome.value as Loaded<unknown, unknown>);
}

function live(loop: Loop, entity: Entity, { state, context }: Loaded<unknown, unknown>): void {
  const { trouble } = entity;
  const { definition } = entity.host;
  const activation = new Activation(entity, loop.nextUid(), context);
  entity.activation = activation;
  entity.state = state;
  entity.lastActiveTick = loop.nowTick;
  loop.counts.woken += 1;
  if (trouble !== undefined) {
    trouble.unavailableSinceMs = undefined;
    trouble.attempts = 0;
    if (trouble.down && !trouble.quarantined) {
      loop.counts.restarts += 1;
      loop.report({ kind: 'restarted', actor: definition.kind, id: entity.id, uid: activation.uid });
    }
    trouble.down = false;
  }
  if (definition.passivateAfterMs > 0 && !trouble?.quarantined) loop.arm(entity.timer, definition.passivateAfterMs);
  due(loop, entity);
}

function due(loop: Loop, entity: Entity): void {
  entity.phase = 'due';
  loop.enqueue(entity);
}

function loadFailed(loop: Loop, entity: Entity, error: unknown): void {
  if (entity.trouble?.quarantined) {
    entity.trouble.loadNotBeforeMs = loop.nowMs + loop.limits.restarts.backoffMsMax;
    noteCrash(loop, entity, 'load', error);
    giveBackWaiting(loop, entity, 'quarantined');
    return settleDown(loop, entity);
  }
  if (!(error instanceof StoreUnavailable)) return crash(loop, entity, 'load', error);
  const trouble = troubleOf(entity);
  trouble.unavailableSinceMs ??= loop.nowMs;
  trouble.attempts += 1;
  const retryMs = backoffMs(loop.limits.unavailable, trouble.attempts, loop.needs.random);
  loop.report({ kind: 'unavailable', actor: entity.host.definition.kind, id: entity.id, error, retryMs });
  if (loop.nowMs - trouble.unavailableSinceMs >= loop.limits.unavailableMsMax) giveBackWaiting(loop, entity, 'unavailable');
  if (!hasWork(entity) && !trouble.remembers(loop.limits.restarts, loop.nowMs)) left(loop, entity, 0);
  else rest(loop, entity, retryMs);
}

/** The actor's code threw. State and context are dropped and loaded again after a pause, or, past the limit, the entity is quarantined. */
export function crash(loop: Loop, entity: Entity, where: Where, error: unknown): void {
  noteCrash(loop, entity, where, error);
  const restMs = troubleOf(entity).crashed(loop.limits.restarts, loop.nowMs, loop.needs.random);
  if (restMs === undefined || error instanceof StoreRefused) return quarantine(loop, entity, error);
  drop(loop, entity);
  rest(loop, entity, restMs);
}

function noteCrash(loop: Loop, entity: Entity, where: Where, error: unknown): void {
  loop.counts.crashes += 1;
  loop.report({ kind: 'crashed', actor: entity.host.definition.kind, id: entity.id, where, error });
}

/** From now until it is put away only reads are served: from the held state if there is one, or else from one loaded when the first read comes. */
function quarantine(loop: Loop, entity: Entity, error: unknown): void {
  const trouble = troubleOf(entity);
  trouble.quarantined = true;
  trouble.loadNotBeforeMs = loop.nowMs + loop.limits.restarts.backoffMsMax;
  entity.host.quarantined += 1;
  loop.counts.quarantined += 1;
  loop.report({ kind: 'quarantined', actor: entity.host.definition.kind, id: entity.id, error });
  giveBackBatch(loop, entity, 'quarantined');
  loop.disarm(entity.timer);
  due(loop, entity);
}

/** Forgets what was loaded; timers of the activation lapse. */
export function drop(loop: Loop, entity: Entity): void {
  loop.disarm(entity.timer);
  entity.activation = undefined;
  entity.state = undefined;
}

/** Until the next load. What waits, waits on; when the kernel is stopping there is no next load. */
export function rest(loop: Loop, entity: Entity, restMs: number): void {
  if (loop.stage !== 'open') giveBackWaiting(loop, entity, 'draining');
  if (loop.stage !== 'open' || entity.mustLeave) return left(loop, entity, 0);
  entity.phase = 'resting';
  loop.arm(entity.timer, restMs);
}

/** Ends a rest early, or puts an idle entity into the run queue, because it has to leave. In other phases it comes by anyway. */
export function hurry(loop: Loop, entity: Entity): void {
  entity.mustLeave = true;
  if (entity.phase === 'idle') due(loop, entity);
  if (entity.phase !== 'resting') return;
  loop.disarm(entity.timer);
  entity.phase = 'waking';
  loop.enqueue(entity);
}

/** After a batch: on with the next, off if it is over or was idle for long enough, or else idle. */
export function settleDown(loop: Loop, entity: Entity): void {
  const { definition } = entity.host;
  if (entity.mustLeave) return leave(loop, entity);
  if (entity.first !== undefined) return due(loop, entity);
  entity.phase = 'idle';
  if (entity.trouble?.quarantined) return;
  let over = false;
  try {
    over = definition.isOver?.(entity.state) ?? false;
  } catch (error) {
    return crash(loop, entity, 'isOver', error);
  }
  const { passivateAfterMs } = definition;
  if (over || (passivateAfterMs > 0 && idleFor(loop, entity) >= passivateAfterMs)) retire(loop, entity);
}

/** Leaves, but not while recent crashes must be remembered: one that crashes and is over each time would never be quarantined. */
function retire(loop: Loop, entity: Entity): void {
  const { trouble } = entity;
  if (trouble !== undefined) {
    if (trouble.remembers(loop.limits.restarts, loop.nowMs)) return loop.arm(entity.timer, loop.limits.restarts.withinMs);
    entity.trouble = undefined;
  }
  leave(loop, entity);
}

function idleFor(loop: Loop, entity: Entity): number {
  return (loop.nowTick - entity.lastActiveTick) * wheelTickMs;
}

/** The wheel: an idle clock, the end of a rest, or a command that an activation has sent to itself. */
export function timerDue(loop: Loop, job: Entity | Delayed, timer: Entity['timer']): void {
  if (job instanceof Delayed) return deliver(loop, job, timer);
  if (job.phase === 'resting') {
    job.phase = 'waking';
    return loop.enqueue(job);
  }
  // Commands don't touch the wheel, so the entity may have been active since: what is left of its time is asked of the wheel again.
  const { passivateAfterMs } = job.host.definition;
  const idle = job.phase === 'idle' ? idleFor(loop, job) : 0;
  const retires = job.phase === 'idle' && (passivateAfterMs === 0 || idle >= passivateAfterMs);
  if (passivateAfterMs > 0) loop.arm(timer, retires ? passivateAfterMs : passivateAfterMs - idle);
  if (retires) due(loop, job); // settleDown has the last word
}

/** The mailbox's limit holds for its own commands too, but they wait for room instead of being refused. */
function deliver(loop: Loop, { entity, activation, command }: Delayed, timer: Entity['timer']): void {
  if (entity.activation === activation && !entity.accept(command)) loop.arm(timer, 0);
}

/** Puts the entity away; `passivate` is awaited. What comes meanwhile waits, and wakes it again. */
export function leave(loop: Loop, entity: Entity): void {
  const { activation, state } = entity;
  const { definition } = entity.host;
  drop(loop, entity);
  entity.phase = 'leaving';
  const uid = activation?.uid ?? 0;
  if (activation === undefined || definition.passivate === undefined || entity.trouble?.quarantined) return left(loop, entity, uid);
  let pending: void | Promise<void>;
  try {
    pending = definition.passivate(state, activation);
  } catch (error) {
    noteCrash(loop, entity, 'passivate', error);
    return left(loop, entity, uid);
  }
  if (pending === undefined) return left(loop, entity, uid);
  const parted = Promise.resolve(pending).then(
    (): Parted => ({ uid, error: undefined }),
    (error: unknown): Parted => ({ uid, error: error ?? new Error('passivate rejected') }),
  );
  loop.waitFor(entity, parted, 'left');
}

/** For an entity whose `passivate` has settled. */
export function leftSettled(loop: Loop, entity: Entity): void {
  const { outcome } = entity;
  assert(outcome !== undefined);
  const { uid, error } = outcome.value as Parted;
  entity.outcome = undefined;
  if (error !== undefined) noteCrash(loop, entity, 'passivate', error);
  left(loop, entity, uid);
}

function left(loop: Loop, entity: Entity, uid: number): void {
  const { host, id, leavers, trouble } = entity;
  const actor = host.definition.kind;
  if (uid > 0) loop.counts.passivated += 1;
  if (uid > 0) loop.report({ kind: 'passivated', actor, id, uid });
  if (trouble?.quarantined) host.quarantined -= 1;
  if (trouble?.quarantined) loop.report({ kind: 'released', actor, id });
  entity.trouble = undefined;
  entity.leavers = undefined;
  entity.mustLeave = false;
  if (loop.stage === 'leaving') giveBackWaiting(loop, entity, 'draining');
  if (hasWork(entity)) {
    entity.phase = 'waking';
    loop.enqueue(entity);
  } else {
    entity.phase = 'gone';
    host.entities.delete(id);
  }
  if (leavers !== undefined) for (const tell of leavers) tell();
}

function hasWork(entity: Entity): boolean {
  return entity.first !== undefined || entity.batch !== undefined;
}

export function giveBackWaiting(loop: Loop, entity: Entity, why: WaitingGivenBack): void {
  giveBackBatch(loop, entity, why);
  for (let left = entity.waiting; left > 0; left -= 1) loop.giveBack(entity.host, entity.id, entity.take(), why);
}

/** Takes out what waits: first what is to be stepped again after a Superseded, then the mailbox. What is being committed stays. */
export function unstarted(loop: Loop, entity: Entity): readonly unknown[] {
  const { batch, phase } = entity;
  const commands: unknown[] = [];
  if (batch !== undefined && phase !== 'committing' && phase !== 'committed') {
    entity.batch = undefined;
    commands.push(...batch.commands.slice(0, batch.count));
    loop.returnBatch(batch);
  }
  for (let left = entity.waiting; left > 0; left -= 1) commands.push(entity.take());
  return commands;
}

function troubleOf(entity: Entity): Trouble {
  entity.trouble ??= new Trouble();
  return entity.trouble;
}
