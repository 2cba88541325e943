// One entity: its mailbox, its phase, and what it holds while it is awake. There is one Entity per id at any time, and it has at most one thing under way;
// that is why no two handlers of one entity ever run at once, whatever crashes, restarts or goes.
import type { Queue } from '../../structures/queue.ts';
import { WheelTimer } from '../../structures/timer-wheel.ts';
import type { ActorDefinition, Self } from './actor.ts';
import type { Batch } from './batch.ts';
import type { Loop } from './loop.ts';
import type { Trouble } from './restarts.ts';

/** A definition whose types the kernel doesn't look into. */
export type AnyDefinition = ActorDefinition<string, unknown, unknown, unknown, unknown>;

/** In `waking`, `due`, `loaded`, `committed` and `left` the entity stands in the run queue, once; in the others something has to happen first. */
export type Phase =
  | 'waking' // to be loaded
  | 'loading'
  | 'loaded' // the load has settled
  | 'idle' // awake, nothing to do
  | 'due' // awake, mail waits
  | 'running' // within `tell`, see `atOnce`
  | 'committing'
  | 'committed' // the commit has settled
  | 'resting' // between a failure and the next load
  | 'leaving' // passivate is under way
  | 'left' // passivate has settled
  | 'gone';

/** How a promise of the actor's ended. */
export interface Outcome {
  readonly failed: boolean;
  readonly value: unknown;
}

/** All entities of one kind. */
export class Host {
  readonly kind: string;
  readonly definition: AnyDefinition;
  readonly loop: Loop;
  readonly entities = new Map<string, Entity>();
  quarantined = 0;

  constructor(definition: AnyDefinition, loop: Loop) {
    this.kind = definition.kind;
    this.definition = definition;
    this.loop = loop;
  }
}

export class Entity {
  readonly host: Host;
  readonly id: string;
  phase: Phase = 'waking';
  /** The oldest command that waits; undefined: none does. Apart, since most of the time there is one or none, and every further object that a message touches is one more to be fetched from memory. */
  first: unknown = undefined;
  /** Those behind it. Lent by the loop while there are any: an idle entity holds none. */
  #others: Queue<unknown> | undefined = undefined;
  mailBytes = 0;
  /** Undefined unless it is awake. */
  activation: Activation | undefined = undefined;
  /** The held state: what the last batch that counts has left. */
  state: unknown = undefined;
  /** By the wheel's ticks. */
  lastActiveTick = 0;
  /** The idle clock while awake, the alarm while resting. */
  readonly timer: WheelTimer<Entity | Delayed>;
  /** Under commit, or to be stepped again after a Superseded. */
  batch: Batch | undefined = undefined;
  outcome: Outcome | undefined = undefined;
  trouble: Trouble | undefined = undefined;
  /** It has to go as soon as nothing is under way. */
  mustLeave = false;
  /** Told when it has gone. */
  leavers: (() => void)[] | undefined = undefined;

  constructor(host: Host, id: string) {
    this.host = host;
    this.id = id;
    this.timer = new WheelTimer<Entity | Delayed>(this);
  }

  get waiting(): number {
    return this.first === undefined ? 0 : 1 + (this.#others?.length ?? 0);
  }

  /** False, and nothing done, when the mailbox is full. */
  accept(command: unknown): boolean {
    const { definition, loop } = this.host;
    if (this.phase === 'idle' && definition.ignores?.(this.state, command)) return true; // idle: the held state is the newest
    const size = definition.sizeOf(command);
    const bytes = this.mailBytes + size;
    if (bytes > definition.mailboxBytesMax || loop.mailBytes + size > loop.limits.mailBytesMax) return false;
    if (this.first === undefined) {
      this.first = command;
      if (loop.fullest === 0) loop.fullest = 1;
    } else if (!this.#acceptBehind(command)) return false;
    this.mailBytes = bytes;
    loop.mailBytes += size;
    if (this.phase === 'idle') {
      this.phase = 'due';
      loop.enqueue(this);
    }
    return true;
  }

  /** The oldest command, out of the mailbox; there must be one. */
  take(): unknown {
    const command = this.first;
    const { host } = this;
    const bytes = host.definition.sizeOf(command);
    this.next();
    this.taken(bytes);
    return command;
  }

  /** The oldest command is no more; its bytes are the caller's to take off. */
  next(): void {
    const others = this.#others;
    if (others === undefined) {
      this.first = undefined;
      return;
    }
    this.first = others.shift();
    if (others.length > 0) return;
    this.#others = undefined;
    this.host.loop.returnMailbox(others);
  }

  /** So many bytes have left the mailbox. */
  taken(bytes: number): void {
    const left = this.first === undefined ? 0 : this.mailBytes - bytes;
    this.host.loop.mailBytes -= this.mailBytes - left;
    this.mailBytes = left;
  }

  #acceptBehind(command: unknown): boolean {
    const { definition, loop } = this.host;
    const others = this.#others;
    if (1 + (others?.length ?? 0) >= definition.mailboxMax) return false;
    this.#others = others ?? loop.lendMailbox();
    this.#others.push(command);
    if (this.#others.length >= loop.fullest) loop.fullest = 1 + this.#others.length;
    return true;
  }
}

/** What the actor gets as `self`. What was meant for an activation lapses with it. */
export class Activation implements Self<string, unknown> {
  readonly id: string;
  readonly uid: number;
  readonly context: unknown;
  readonly #entity: Entity;

  constructor(entity: Entity, uid: number, context: unknown) {
    this.id = entity.id;
    this.uid = uid;
    this.context = context;
    this.#entity = entity;
  }

  after(delayMs: number, command: unknown): void {
    if (this.#entity.activation === this) this.#entity.host.loop.arm(new WheelTimer<Entity | Delayed>(new Delayed(this.#entity, this, command)), delayMs);
  }
}

/** A command that an activation has sent to itself, for later. */
export class Delayed {
  readonly entity: Entity;
  readonly activation: Activation;
  readonly command: unknown;

  constructor(entity: Entity, activation: Activation, command: unknown) {
    this.entity = entity;
    this.activation = activation;
    this.command = command;
  }
}
