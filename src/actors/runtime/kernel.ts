// The kernel: every user and every chat of a node is an entity in here. It wakes them, gives them their mail batch by batch, and puts them away.
// It waits for what an actor's load, commit and passivate return for as long as they take: a time-out is the store's to give.
import assert from 'node:assert/strict';
import type { Clock, Random } from '../../structures/clock.ts';
import type { ActorDefinition, Entities } from './actor.ts';
import { type AnyDefinition, type Delayed, Entity, Host } from './entity.ts';
import type { KernelCounts, KernelEvent } from './events.ts';
import { hurry, leftSettled, loadSettled, rest, timerDue, unstarted, wake } from './life.ts';
import { type KernelLimits, kernelLimits, Loop } from './loop.ts';
import { commitSettled, runAtOnce, runBatch } from './work.ts';

/** The limits may be given one by one; `kernelLimits` has the others. */
export interface KernelNeeds extends Partial<KernelLimits> {
  readonly clock: Clock;
  readonly random: Random;
  /** After each turn, e.g. to flush sockets. `isQuiet`: nothing is left for the next one. */
  afterTurn(isQuiet: boolean): void;
  /** Crashes, restarts, quarantines, passivations: for the log, the metrics and the supervision tree. Called between turns, never from within an actor. */
  report(event: KernelEvent): void;
  /** After each commit that took time: how many commands it made durable. */
  committed?(actor: string, commands: number, tookMs: number): void;
}

export interface Kernel extends Entities {
  /** Takes in a kind of entity. Before the first command for it. */
  host<Id extends string, State, Command, Effect, Context>(definition: ActorDefinition<Id, State, Command, Effect, Context>): void;
  /** Whether `tellIfAwake` would reach it. */
  isAwake(kind: string, id: string): boolean;
  /** What its last batch that counts has left; undefined unless it is awake and well. Only to be looked at. */
  stateOf(kind: string, id: string): unknown;
  /** Entities of the kind that are in memory, in whatever phase. */
  awake(kind: string): number;
  /** Their ids. */
  awakeIds(kind: string): Iterable<string>;
  /** Of those, how many refuse writes until they are put away. */
  inQuarantine(kind: string): number;
  /** The most commands that waited in one mailbox, in the last ten to twenty seconds (longer if nobody asked and nothing happened). */
  fullestMailbox(): number;
  readonly counts: Readonly<KernelCounts>;
  /**
   * Gives new commands back `draining`, finishes what was accepted and what follows from it, then puts every entity away. Resolves then, or after `stopMsMax`:
   * what is still under way is then reported as abandoned, and its mail given back.
   */
  stop(): Promise<void>;
  /** Puts one entity away, after finishing what is under way (not what waits: that, like later commands, wakes a new activation). Lifts a quarantine. */
  putAway(kind: string, id: string): Promise<void>;
  /** Puts one entity away as well, but what waits is taken over by `take`, within the call and in its order. What is being committed is finished here. */
  moveAway(kind: string, id: string, take: (command: unknown) => void): void;
}

export function createKernel(needs: KernelNeeds): Kernel {
  return new EntityKernel(needs);
}

const fullestWindowMs = 10_000;

class EntityKernel implements Kernel {
  readonly #loop: Loop;
  readonly #hosts: Host[] = [];
  readonly #clock: Clock;
  #fullestBefore = 0;
  #fullestSinceMs: number;
  #stopping: Promise<void> | undefined;
  #stopped: (() => void) | undefined;

  constructor(needs: KernelNeeds) {
    const { clock, random } = needs;
    this.#clock = clock;
    this.#fullestSinceMs = clock.nowMs();
    const loop = new Loop({
      clock,
      random,
      limits: limitsOf(needs),
      afterTurn: (isQuiet) => needs.afterTurn(isQuiet),
      report: (event) => needs.report(event),
      committed: (actor, commands, tookMs) => needs.committed?.(actor, commands, tookMs),
      run: (entity) => run(loop, entity),
      timerDue: (job: Entity | Delayed, timer) => timerDue(loop, job, timer),
      turnOver: () => this.#turnOver(),
    });
    this.#loop = loop;
  }

  get counts(): Readonly<KernelCounts> {
    return this.#loop.counts;
  }

  host<Id extends string, State, Command, Effect, Context>(definition: ActorDefinition<Id, State, Command, Effect, Context>): void {
    const { kind, batchMax, mailboxMax } = definition;
    assert(!this.#hosts.some((host) => host.kind === kind), `two definitions of ${kind}`);
    assert(batchMax >= 1 && mailboxMax >= 1, `${kind} takes no command`);
    this.#hosts.push(new Host(definition as unknown as AnyDefinition, this.#loop));
  }

  tell(kind: string, id: string, command: unknown): void {
    const host = this.#hostOf(kind);
    const entity = host.entities.get(id);
    if (entity !== undefined) this.#give(host, entity, command);
    else if (this.#loop.stage !== 'open' && !this.#follows()) this.#loop.giveBack(host, id, command, 'draining');
    else this.#wakeWith(host, id, command);
  }

  tellIfAwake(kind: string, id: string, command: unknown): boolean {
    const host = this.#hostOf(kind);
    const entity = host.entities.get(id);
    if (entity === undefined || !isThere(entity)) return false;
    this.#give(host, entity, command);
    return true;
  }

  isAwake(kind: string, id: string): boolean {
    const entity = this.#hostOf(kind).entities.get(id);
    return entity !== undefined && isThere(entity);
  }

  stateOf(kind: string, id: string): unknown {
    const entity = this.#hostOf(kind).entities.get(id);
    return entity === undefined || entity.trouble !== undefined || entity.activation === undefined ? undefined : entity.state;
  }

  #give(host: Host, entity: Entity, command: unknown): void {
    const loop = this.#loop;
    if (loop.stage !== 'open' && !this.#follows()) loop.giveBack(host, entity.id, command, 'draining');
    else if (host.definition.atOnce === true && this.#takesAtOnce(entity)) {
      if (host.definition.ignores?.(entity.state, command) !== true) runAtOnce(loop, entity, command);
    } else if (!entity.accept(command)) loop.giveBack(host, entity.id, command, 'busy');
  }

  /** Outside of a turn the clock is read anew: many commands may come before the next. */
  #takesAtOnce({ phase, trouble }: Entity): boolean {
    const loop = this.#loop;
    if (phase !== 'idle' || trouble !== undefined || loop.isAtOnce || loop.atOnceLeft <= 0) return false;
    if (!loop.running) loop.tellTime();
    return true;
  }

  awake(kind: string): number {
    return this.#hostOf(kind).entities.size;
  }

  awakeIds(kind: string): Iterable<string> {
    return this.#hostOf(kind).entities.keys();
  }

  inQuarantine(kind: string): number {
    return this.#hostOf(kind).quarantined;
  }

  fullestMailbox(): number {
    this.#moveWindow(this.#clock.nowMs());
    return Math.max(this.#fullestBefore, this.#loop.fullest);
  }

  putAway(kind: string, id: string): Promise<void> {
    const entity = this.#hostOf(kind).entities.get(id);
    if (entity === undefined || this.#loop.stage === 'stopped') return Promise.resolve();
    return new Promise((resolve) => {
      entity.leavers ??= [];
      entity.leavers.push(resolve);
      hurry(this.#loop, entity);
    });
  }

  moveAway(kind: string, id: string, take: (command: unknown) => void): void {
    const entity = this.#hostOf(kind).entities.get(id);
    if (entity === undefined || this.#loop.stage !== 'open') return;
    for (const command of unstarted(this.#loop, entity)) take(command);
    hurry(this.#loop, entity);
  }

  stop(): Promise<void> {
    this.#stopping ??= new Promise((resolve) => {
      const loop = this.#loop;
      const alarm = this.#clock.after(loop.limits.stopMsMax, () => this.#abandon());
      this.#stopped = () => {
        alarm.cancel();
        loop.close();
        resolve();
      };
      loop.stage = 'finishing';
      for (const entity of this.#all()) if (entity.phase === 'resting') rest(loop, entity, 0);
      loop.schedule();
    });
    return this.#stopping;
  }

  #hostOf(kind: string): Host {
    for (const host of this.#hosts) if (host.kind === kind) return host; // a handful: sooner looked through than hashed
    assert.fail(`nobody hosts ${kind}`);
  }

  #wakeWith(host: Host, id: string, command: unknown): void {
    const entity = new Entity(host, id);
    if (!entity.accept(command)) return this.#loop.giveBack(host, id, command, 'busy');
    host.entities.set(id, entity);
    this.#loop.enqueue(entity);
  }

  /** While the kernel finishes what it has accepted, what its own entities tell each other is part of that. */
  #follows(): boolean {
    return this.#loop.stage === 'finishing' && this.#loop.running;
  }

  #all(): Entity[] {
    return this.#hosts.flatMap((host) => [...host.entities.values()]);
  }

  #turnOver(): void {
    const loop = this.#loop;
    this.#moveWindow(loop.nowMs);
    if (loop.stage === 'open' || !loop.quiet) return;
    if (loop.stage === 'finishing') {
      loop.stage = 'leaving';
      for (const entity of this.#all()) hurry(loop, entity);
    }
    if (loop.stage === 'leaving' && loop.quiet) this.#stopped?.();
  }

  #abandon(): void {
    const loop = this.#loop;
    for (const entity of this.#all()) {
      for (let left = entity.waiting; left > 0; left -= 1) loop.giveBack(entity.host, entity.id, entity.take(), 'draining');
      loop.report({ kind: 'abandoned', actor: entity.host.definition.kind, id: entity.id });
    }
    this.#stopped?.();
  }

  #moveWindow(nowMs: number): void {
    if (nowMs - this.#fullestSinceMs < fullestWindowMs) return;
    this.#fullestBefore = this.#loop.fullest;
    this.#loop.fullest = 0;
    this.#fullestSinceMs = nowMs;
  }
}

function limitsOf(needs: KernelNeeds): KernelLimits {
  const given = Object.entries(needs).filter(([name, value]) => name in kernelLimits && value !== undefined);
  return { ...kernelLimits, ...Object.fromEntries(given) };
}

/** Does what the entity has come into the run queue for. */
function run(loop: Loop, entity: Entity): number {
  switch (entity.phase) {
    case 'due':
      return runBatch(loop, entity);
    case 'committed':
      commitSettled(loop, entity);
      return 1;
    case 'waking':
      wake(loop, entity);
      return 1;
    case 'loaded':
      loadSettled(loop, entity);
      return 1;
    case 'left':
      leftSettled(loop, entity);
      return 1;
    default:
      assert.fail(`${entity.host.definition.kind} stood in the run queue while ${entity.phase}`);
  }
}

/** One that leaves with mail wakes again. */
function isThere(entity: Entity): boolean {
  return (entity.phase !== 'leaving' && entity.phase !== 'left') || entity.first !== undefined;
}
