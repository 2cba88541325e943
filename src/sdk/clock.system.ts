// The hour and timers of the machine, and its randomness.
import type { Clock, Random } from '../structures/clock.ts';

export function systemClock(): Clock {
  let latest = 0;
  return {
    nowMs: () => {
      latest = Math.max(latest, Date.now());
      return latest;
    },
    after(delayMs, job) {
      const timer: unknown = setTimeout(job, Math.min(delayMs, 2 ** 31 - 1));
      return { cancel: () => clearTimeout(timer as ReturnType<typeof setTimeout>) };
    },
    soon: (job) => void setTimeout(job, 0),
  };
}

export const systemRandom: Random = () => Math.random();
