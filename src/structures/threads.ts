// Who comes after the event loop where cores are few: the threads of this process beside its own.

export interface Threads {
  /** The ids of those there are, as far as the system tells; none where it does not. */
  now(): Promise<ReadonlySet<string>>;
  /** Lets those that a library has begun since `before` was read come after the event loop. */
  yieldOfNew(before: ReadonlySet<string>): Promise<void>;
}
