// The event loop of this process: how busy it is, and its rests.
import type { EventLoop } from './event-loop.ts';

const cell = new Int32Array(new SharedArrayBuffer(4));
let restedMs = 0;

export const nodeEventLoop: EventLoop = {
  nowMs: () => performance.now(),

  rest(ms) {
    const sinceMs = performance.now();
    Atomics.wait(cell, 0, 0, ms);
    restedMs += performance.now() - sinceMs;
  },

  busyShare() {
    let before = performance.eventLoopUtilization();
    let restedBefore = restedMs;
    return () => {
      const now = performance.eventLoopUtilization();
      const { active, idle } = performance.eventLoopUtilization(now, before);
      const busy = active - (restedMs - restedBefore);
      before = now;
      restedBefore = restedMs;
      return busy / (active + idle);
    };
  },
};
