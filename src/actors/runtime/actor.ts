// What the kernel asks of an actor: how to wake, how to decide, what must be durable, how to act. No rule about chats or users lives in the kernel.

/** One run of `step`: the state after it, and what is to be done, in order. */
export interface Step<State, Effect> {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/** Why a command was given back. Nothing is dropped without one of these. */
export type GivenBack =
  | 'busy' // the mailbox is full
  | 'storeFull'
  | 'unavailable' // the store is out of reach
  | 'internal' // this command made `step` throw
  | 'quarantined' // the entity crashed too often
  | 'draining'; // the kernel is stopping

/** The running entity, as its actor sees it. `context` lives as long as the activation (the tip of a log, say). */
export interface Self<Id extends string, Context> {
  readonly id: Id;
  /** Of this activation; a later one of the same id has a larger one. */
  readonly uid: number;
  readonly context: Context;
  /** Puts `command` into this entity's own mailbox after `delayMs` (coarse: up to a tick of the wheel late); lapses with the activation. */
  after(delayMs: number, command: unknown): void;
}

export interface Loaded<State, Context> {
  readonly state: State;
  readonly context: Context;
}

export interface ActorDefinition<Id extends string, State, Command, Effect, Context> {
  readonly kind: string;
  /** Commands that may wait; one more is given back `busy`. */
  readonly mailboxMax: number;
  /** Bytes that may wait, by `sizeOf`. */
  readonly mailboxBytesMax: number;
  /** Commands stepped in one batch, that is before one commit. */
  readonly batchMax: number;
  /** Bytes (by `sizeOf`) in one batch. */
  readonly batchBytesMax: number;
  /** Idle time after which the entity is put away; 0: never (it ends itself by `isOver`). */
  readonly passivateAfterMs: number;
  /**
   * An idle entity takes a command within `tell`, past mailbox and turn: for actors with short steps, of whose effects none is ever durable. One that is busy takes it by its
   * mailbox as any other does, so the order stays.
   */
  readonly atOnce?: true;
  sizeOf(command: Command): number;
  /** Wakes the entity. Returning a value instead of a promise keeps it in the same turn. */
  load(id: Id): Loaded<State, Context> | Promise<Loaded<State, Context>>;
  /** Pure. A throw is a crash that costs this one command. */
  step(state: State, command: Command, nowMs: number): Step<State, Effect>;
  /** Whether in this state the command would change nothing and have no effect: then it never reaches the mailbox. For what is told often and mostly in vain. */
  ignores?(state: State, command: Command): boolean;
  /** Whether the effect must be durable before any effect of the batch is performed. */
  isDurable(effect: Effect): boolean;
  /**
   * Makes the durable effects of one batch durable; `state` is the one after the batch. A rejection with Superseded reloads and steps the batch's commands again;
   * StoreFull and StoreUnavailable give them back; anything else is a crash, and gives them back `busy`. StoreRefused would be for ever, so it
   * quarantines at once. The kernel waits for as long as the promise takes: time-outs are the store's.
   */
  commit(durable: readonly Effect[], state: State, self: Self<Id, Context>): void | Promise<void>;
  /** The commit of the batch that led to `state` has succeeded; before its other effects are done. */
  committed?(state: State, self: Self<Id, Context>): void;
  /** Does one other effect. Called after the commit, in order. May be called twice for one command, in different activations. */
  perform(effect: Effect, self: Self<Id, Context>): void;
  /** Tells whoever sent the command that it was not done. */
  giveBack(command: Command, why: GivenBack, id: Id): void;
  /** Whether the command only reads: served even in quarantine, from the last good state. */
  readsOnly(command: Command): boolean;
  /** Whether the entity has nothing left to hold, and may be put away at once. */
  isOver?(state: State): boolean;
  /** Before the entity is put away or the kernel stops; what it returns is awaited (a snapshot, say). */
  passivate?(state: State, self: Self<Id, Context>): void | Promise<void>;
}

/** What the router sees of the kernel. */
export interface Entities {
  /** Puts the command into the mailbox of the entity, which is woken if need be. A full mailbox gives it back before this returns. */
  tell(kind: string, id: string, command: unknown): void;
  /** The same, but only if the entity is awake: false (and nothing done) if it is not. For pushes to whoever is there. */
  tellIfAwake(kind: string, id: string, command: unknown): boolean;
}
