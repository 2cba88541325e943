// Any number of coarse timers on one real one: a hashed wheel. Arming, re-arming and cancelling cost the same however many there are.

/** Where a timer stands when it is in no slot. */
const idle = -1;
/** Taken out of its slot, about to be handed out. */
const handedOut = -2;

/** Kept by whoever armed it, so that it can be armed again without a new object. */
export class WheelTimer<Job> {
  readonly job: Job;
  /** The tick at which it is due; negative while it isn't armed. Written by the wheel alone. */
  dueTick: number = idle;
  before: WheelTimer<Job> | undefined = undefined;
  behind: WheelTimer<Job> | undefined = undefined;

  constructor(job: Job) {
    this.job = job;
  }
}

export interface WheelOptions {
  readonly nowMs: number;
  readonly tickMs: number;
  /** A power of two. A timer further away than slots × tickMs is passed over once a round. */
  readonly slots: number;
}

export class TimerWheel<Job> {
  readonly tickMs: number;
  readonly #startMs: number;
  readonly #mask: number;
  readonly #firsts: (WheelTimer<Job> | undefined)[];
  readonly #lasts: (WheelTimer<Job> | undefined)[];
  /** Everything due at this tick or before has been handed out. */
  #tick = 0;
  #size = 0;

  constructor({ nowMs, tickMs, slots }: WheelOptions) {
    this.tickMs = tickMs;
    this.#startMs = nowMs;
    this.#mask = slots - 1;
    this.#firsts = new Array<WheelTimer<Job> | undefined>(slots).fill(undefined);
    this.#lasts = new Array<WheelTimer<Job> | undefined>(slots).fill(undefined);
  }

  /** Armed timers. */
  get size(): number {
    return this.#size;
  }

  /** Whole ticks since the wheel was made: a clock that fits a small integer. */
  tickAt(nowMs: number): number {
    return Math.floor((nowMs - this.#startMs) / this.tickMs);
  }

  /** Hands `timer` out `delayMs` from now: never early, up to a tick late. Moves it when it is armed already. Returns when that will be. */
  arm(timer: WheelTimer<Job>, delayMs: number, nowMs: number): number {
    if (timer.dueTick >= 0) this.#unlink(timer);
    const tick = Math.max(Math.ceil((nowMs + Math.max(delayMs, 0) - this.#startMs) / this.tickMs), this.#tick + 1);
    const slot = tick & this.#mask;
    const last = this.#lasts[slot];
    timer.dueTick = tick;
    timer.before = last;
    timer.behind = undefined;
    if (last === undefined) this.#firsts[slot] = timer;
    else last.behind = timer;
    this.#lasts[slot] = timer;
    this.#size += 1;
    return this.#startMs + tick * this.tickMs;
  }

  /** Nothing happens to one that isn't armed. */
  cancel(timer: WheelTimer<Job>): void {
    if (timer.dueTick >= 0) this.#unlink(timer);
    timer.dueTick = idle;
  }

  /** Hands out all that is due, by tick and then as armed. `due` may arm and cancel: one cancelled meanwhile is not handed out. */
  advance(nowMs: number, due: (job: Job, timer: WheelTimer<Job>) => void): void {
    const target = this.tickAt(nowMs);
    if (target - this.#tick > this.#mask) this.#leap(target, due);
    while (this.#tick < target) {
      this.#tick += 1;
      const ready = this.#takeDue(this.#tick & this.#mask, this.#tick, undefined);
      if (ready !== undefined) this.#handOut(ready, due);
    }
  }

  /** The next moment at which something may be due; undefined when nothing is armed. Earlier than the truth for timers more than a round away. */
  nextMs(): number | undefined {
    if (this.#size === 0) return undefined;
    let tick = this.#tick + 1;
    while (this.#firsts[tick & this.#mask] === undefined) tick += 1;
    return this.#startMs + tick * this.tickMs;
  }

  /** The clock has jumped by more than a round: look at every slot once instead of walking each tick. */
  #leap(target: number, due: (job: Job, timer: WheelTimer<Job>) => void): void {
    let ready: WheelTimer<Job>[] | undefined;
    const ticks = new Map<WheelTimer<Job>, number>();
    for (let slot = 0; slot <= this.#mask; slot += 1) {
      for (let timer = this.#firsts[slot]; timer !== undefined; timer = timer.behind) ticks.set(timer, timer.dueTick);
      ready = this.#takeDue(slot, target, ready);
    }
    this.#tick = target;
    ready?.sort((one, other) => (ticks.get(one) ?? 0) - (ticks.get(other) ?? 0));
    if (ready !== undefined) this.#handOut(ready, due);
  }

  #takeDue(slot: number, tick: number, ready: WheelTimer<Job>[] | undefined): WheelTimer<Job>[] | undefined {
    let timer = this.#firsts[slot];
    while (timer !== undefined) {
      const { behind } = timer;
      if (timer.dueTick <= tick) {
        this.#unlink(timer);
        timer.dueTick = handedOut;
        if (ready === undefined) ready = [timer];
        else ready.push(timer);
      }
      timer = behind;
    }
    return ready;
  }

  #handOut(ready: readonly WheelTimer<Job>[], due: (job: Job, timer: WheelTimer<Job>) => void): void {
    for (const timer of ready) {
      if (timer.dueTick !== handedOut) continue; // cancelled or armed again by one before it
      timer.dueTick = idle;
      due(timer.job, timer);
    }
  }

  #unlink(timer: WheelTimer<Job>): void {
    const slot = timer.dueTick & this.#mask;
    if (timer.before === undefined) this.#firsts[slot] = timer.behind;
    else timer.before.behind = timer.behind;
    if (timer.behind === undefined) this.#lasts[slot] = timer.before;
    else timer.behind.before = timer.before;
    timer.before = undefined;
    timer.behind = undefined;
    this.#size -= 1;
  }
}
