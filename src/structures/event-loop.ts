// What a process can know of its event loop, and do about it.

export interface EventLoop {
  /** By a steady clock. */
  nowMs(): number;
  /** The thread sleeps for so long: nothing is read, called or written meanwhile. */
  rest(ms: number): void;
  /** Makes a question: which share of the time, from 0 to 1, it has worked since the question was last asked; rests and waiting are no work. */
  busyShare(): () => number;
}
