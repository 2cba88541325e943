// A clock whose timers all end together.
import type { Clock } from '../structures/clock.ts';

export interface HaltableClock extends Clock {
  halt(): void;
}

export function haltable(clock: Clock): HaltableClock {
  let halted = false;
  const timers = new Set<{ cancel(): void }>();
  return {
    nowMs: () => clock.nowMs(),
    after(delayMs, job) {
      if (halted) return { cancel: () => undefined };
      const timer = clock.after(delayMs, () => {
        timers.delete(own);
        job();
      });
      const own = {
        cancel: () => {
          timers.delete(own);
          timer.cancel();
        },
      };
      timers.add(own);
      return own;
    },
    soon(job) {
      if (!halted) clock.soon(() => halted || job());
    },
    halt() {
      halted = true;
      for (const timer of [...timers]) timer.cancel();
    },
  };
}
