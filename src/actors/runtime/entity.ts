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
  readonly definition: AnyDefinition;
  readonly loop: Loop;
  readonly entities = new Map<string, Entity>();
  quarantined = 0;

  constructor(definition: AnyDefinition, loop: Loop) {
    this.definition = definition;
    this.loop = loop;
  }
}

export class Entity {
  readonly host: Host;
  readonly id: string;
  phase: Phase = 'waking';
  /** Lent by the loop while something waits: an idle entity holds none. */
  mail: Queue<unknown> | undefined = undefined;
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
    return this.mail === undefined ? 0 : this.mail.length;
  }

  /** False, and nothing done, when the mailbox is full. */
  accept(command: unknown): boolean {
    const { definition, loop } = this.host;
    if (this.phase === 'idle' && definition.ignores?.(this.state, command)) return true; // idle: the held state is the newest
    const size = definition.sizeOf(command);
    const bytes = this.mailBytes + size;
    if (bytes > definition.mailboxBytesMax || loop.mailBytes + size > loop.limits.mailBytesMax) return false;
    if (this.mail === undefined) this.mail = loop.lendMailbox();
    else if (this.mail.length >= definition.mailboxMax) return false;
    this.mail.push(command);
    this.mailBytes = bytes;
    loop.mailBytes += size;
    if (this.mail.length > loop.fullest) loop.fullest = this.mail.length;
    if (this.phase === 'idle') {
      this.phase = 'due';
      loop.enqueue(this);
    }
    return true;
  }

  /** The oldest command, out of the mailbox; there must be one. */
  take(): unknown {
    const command = this.mail?.shift();
    this.taken(this.host.definition.sizeOf(command));
    return command;
  }

  /** So many bytes have left the mailbox. */
  taken(bytes: number): void {
    const { mail } = this;
    const { loop } = this.host;
    if (mail === undefined) return;
    if (mail.length > 0) {
      this.mailBytes -= bytes;
      loop.mailBytes -= bytes;
    } else {
      loop.mailBytes -= this.mailBytes;
      this.mail = undefined;
      this.mailBytes = 0;
      loop.returnMailbox(mail);
    }
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
