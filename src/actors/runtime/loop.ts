// The kernel's one loop: the run queue and its turns, the wheel, and the few things that all entities share.
import assert from 'node:assert/strict';
import type { Clock, Random, Timer } from '../../structures/clock.ts';
import { Queue } from '../../structures/queue.ts';
import { TimerWheel, type WheelTimer } from '../../structures/timer-wheel.ts';
import type { GivenBack } from './actor.ts';
import { Batch } from './batch.ts';
import type { Delayed, Entity, Host, Outcome, Phase } from './entity.ts';
import { type KernelCounts, type KernelEvent, noCounts } from './events.ts';
import type { Backoff, RestartLimits } from './restarts.ts';

export interface KernelLimits {
  /** Commands per turn of the event loop; then sockets and timers get theirs. */
  readonly turnBudget: number;
  /** Bytes that may wait in all mailboxes together: many full ones must not become too much for the process. */
  readonly mailBytesMax: number;
  readonly restarts: RestartLimits;
  /** Between loads of an entity whose store is out of reach. */
  readonly unavailable: Backoff;
  /** A store out of reach for this long: what waits for it is given back. */
  readonly unavailableMsMax: number;
  /** Between a Superseded and the next try. */
  readonly superseded: Backoff;
  /** Tries of one batch; then it is given back `busy`. */
  readonly supersededMax: number;
  /** Stopping takes no longer than this, whatever is still under way. */
  readonly stopMsMax: number;
}

export const kernelLimits: KernelLimits = {
  turnBudget: 512,
  mailBytesMax: 256 * 1024 * 1024,
  restarts: { max: 5, withinMs: 60_000, backoffMsMin: 100, backoffMsMax: 10_000 },
  unavailable: { backoffMsMin: 100, backoffMsMax: 5_000 },
  unavailableMsMax: 10_000,
  superseded: { backoffMsMin: 20, backoffMsMax: 1_000 },
  supersededMax: 6,
  stopMsMax: 10_000,
};

export interface LoopNeeds {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: KernelLimits;
  /** `isQuiet`: nothing is left for the next one. */
  afterTurn(isQuiet: boolean): void;
  report(event: KernelEvent): void;
  committed(actor: string, commands: number, tookMs: number): void;
  /** Does what the entity's phase asks for; returns how many commands that were. */
  run(entity: Entity): number;
  timerDue(job: Entity | Delayed, timer: WheelTimer<Entity | Delayed>): void;
  /** The end of a turn, with nothing half done. */
  turnOver(): void;
}

/** `open` takes commands; `finishing` only those that follow from what was accepted; then all entities leave. */
export type Stage = 'open' | 'finishing' | 'leaving' | 'stopped';

/** How coarse `after` and the idle clocks are. */
export const wheelTickMs = 20;
const wheelSlots = 4_096;
const mailboxesKept = 1_024;
const batchesKept = 1_024; // each entity that commits holds one

/** Entities that wait for one promise. */
interface Awaited {
  readonly pending: PromiseLike<unknown>;
  readonly settled: Settled;
  readonly waitsIn: Phase;
  readonly entities: Entity[];
}
type Settled = 'loaded' | 'committed' | 'left';

export class Loop {
  readonly needs: LoopNeeds;
  readonly limits: KernelLimits;
  readonly counts: KernelCounts = noCounts();
  stage: Stage = 'open';
  /** Whether this is within a turn: what is told then follows from what was accepted. */
  running = false;
  /** Of this turn. */
  nowMs: number;
  nowTick = 0;
  /** Commands that may still be done within `tell` until the next turn has ended: as many as a turn does by the run queue. */
  atOnceLeft: number;
  /** Whether one is. */
  isAtOnce = false;
  /** Bytes that wait in all mailboxes. */
  mailBytes = 0;
  /** Entities that wait for a promise of their actor's. */
  underWay = 0;
  /** The longest that any mailbox was since this was last set to 0. */
  fullest = 0;
  #uid = 0;
  /** What was waited for last. */
  #awaited: Awaited | undefined;
  #scheduled = false;
  #wheelDue = false;
  #alarm: Timer | undefined;
  #alarmMs = 0;
  #events: KernelEvent[] = [];
  readonly #runnable = new Queue<Entity>();
  readonly #wheel: TimerWheel<Entity | Delayed>;
  readonly #mailboxes: Queue<unknown>[] = [];
  readonly #batches: Batch[] = [];
  readonly #turn = (): void => this.#takeTurn();
  readonly #ring = (): void => {
    this.#alarm = undefined;
    this.#wheelDue = true;
    this.schedule();
  };

  constructor(needs: LoopNeeds) {
    this.needs = needs;
    this.limits = needs.limits;
    this.atOnceLeft = needs.limits.turnBudget;
    this.nowMs = needs.clock.nowMs();
    this.#wheel = new TimerWheel({ nowMs: this.nowMs, tickMs: wheelTickMs, slots: wheelSlots });
  }

  /** The entity's phase must be one that stands in the run queue, and not have stood there before. */
  enqueue(entity: Entity): void {
    this.#runnable.push(entity);
    if (!this.#scheduled) this.schedule();
  }

  /** Makes sure that a turn comes, even with nothing to run. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.needs.clock.soon(this.#turn);
  }

  get quiet(): boolean {
    return this.#runnable.length === 0 && this.underWay === 0;
  }

  /** What `nowMs` and `nowTick` say is true now. */
  tellTime(): void {
    this.nowMs = this.needs.clock.nowMs();
    this.nowTick = this.#wheel.tickAt(this.nowMs);
  }

  nextUid(): number {
    this.#uid += 1;
    return this.#uid;
  }

  report(event: KernelEvent): void {
    this.#events.push(event);
    this.schedule();
  }

  lendMailbox(): Queue<unknown> {
    return this.#mailboxes.pop() ?? new Queue<unknown>();
  }

  returnMailbox(mailbox: Queue<unknown>): void {
    if (this.#mailboxes.length < mailboxesKept) this.#mailboxes.push(mailbox);
  }

  lendBatch(): Batch {
    return this.#batches.pop() ?? new Batch();
  }

  returnBatch(batch: Batch): void {
    batch.clear();
    if (this.#batches.length < batchesKept) this.#batches.push(batch);
  }

  /** Tells whoever sent the command. Nothing that `giveBack` throws may harm the entity, or the one who tells. */
  giveBack(host: Host, id: string, command: unknown, why: GivenBack): void {
    this.counts.givenBack += 1;
    try {
      host.definition.giveBack(command, why, id);
    } catch (error) {
      this.report({ kind: 'crashed', actor: host.definition.kind, id, where: 'giveBack', error });
    }
  }

  /** Moves the entity on to `settled` once the promise is; many that wait for one promise, as those of one group commit do, cost one callback. Its phase must have been set to the one that waits. */
  waitFor(entity: Entity, pending: PromiseLike<unknown>, settled: Settled): void {
    this.underWay += 1;
    if (this.#awaited?.pending === pending && this.#awaited.settled === settled) {
      this.#awaited.entities.push(entity);
      return;
    }
    const awaited: Awaited = { pending, settled, waitsIn: entity.phase, entities: [entity] };
    this.#awaited = awaited;
    pending.then(
      (value) => this.#settleAll(awaited, { failed: false, value }),
      (error: unknown) => this.#settleAll(awaited, { failed: true, value: error }),
    );
  }

  arm(timer: WheelTimer<Entity | Delayed>, delayMs: number): void {
    const dueMs = this.#wheel.arm(timer, delayMs, this.needs.clock.nowMs());
    if (this.#wheelDue || (this.#alarm !== undefined && this.#alarmMs <= dueMs)) return;
    this.#setAlarm(dueMs);
  }

  disarm(timer: WheelTimer<Entity | Delayed>): void {
    this.#wheel.cancel(timer);
    if (this.#wheel.size > 0) return;
    this.#alarm?.cancel();
    this.#alarm = undefined;
  }

  close(): void {
    this.stage = 'stopped';
    this.#alarm?.cancel();
    this.#alarm = undefined;
  }

  #settleAll(awaited: Awaited, outcome: Outcome): void {
    if (this.#awaited === awaited) this.#awaited = undefined;
    for (const entity of awaited.entities) this.#settle(entity, awaited.waitsIn, awaited.settled, outcome);
  }

  #settle(entity: Entity, waitsIn: Phase, settled: Phase, outcome: Outcome): void {
    if (this.stage === 'stopped') return; // abandoned by a stop that was cut short
    assert(entity.phase === waitsIn, `a promise of ${entity.host.definition.kind} settled in phase ${entity.phase}`);
    this.underWay -= 1;
    entity.outcome = outcome;
    entity.phase = settled;
    this.enqueue(entity);
  }

  #takeTurn(): void {
    if (this.stage !== 'stopped') this.#runEntities();
    this.#tellEvents();
    this.needs.afterTurn(!this.#scheduled);
  }

  #runEntities(): void {
    this.running = true;
    try {
      this.tellTime();
      if (this.#wheelDue) this.#turnWheel();
      let budget = this.limits.turnBudget;
      while (budget > 0) {
        const entity = this.#runnable.shift();
        if (entity === undefined) break;
        budget -= Math.max(1, this.needs.run(entity));
      }
      this.needs.turnOver();
    } finally {
      this.running = false;
      this.atOnceLeft = this.limits.turnBudget;
      this.#scheduled = false;
      if (this.#runnable.length > 0) this.schedule();
    }
  }

  #turnWheel(): void {
    this.#wheel.advance(this.nowMs, this.needs.timerDue);
    this.#wheelDue = false;
    const nextMs = this.#wheel.nextMs();
    if (nextMs !== undefined) this.#setAlarm(nextMs);
  }

  #setAlarm(atMs: number): void {
    this.#alarm?.cancel();
    this.#alarmMs = atMs;
    this.#alarm = this.needs.clock.after(Math.max(0, atMs - this.needs.clock.nowMs()), this.#ring);
  }

  #tellEvents(): void {
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    for (const event of events) this.needs.report(event);
  }
}
