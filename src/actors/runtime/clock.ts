// The clock of a real process.
import type { Clock, Timer } from '../../structures/clock.ts';

/** The longest that setTimeout can wait; a longer wait comes back after it, early. */
const delayMsMax = 2 ** 31 - 1;

/**
 * Follows the machine's clock: forward at once, so that a laptop that slept or a late NTP step is noticed; when the machine's clock is set back, at half
 * speed until that has caught up. So it never goes back, never stands still for long, and ends where the machine's clock is.
 * Timers keep the process alive: what is under way gets done, and whoever armed one cancels it when it stops.
 */
export function systemClock(wallMs: () => number = Date.now, steadyMs: () => number = () => performance.now()): Clock {
  let latest = wallMs();
  /** When the machine's clock was last seen behind ours, by the steady one; undefined while it isn't. */
  let behindSince: number | undefined;
  return {
    nowMs(): number {
      const wall = wallMs();
      if (wall >= latest) {
        latest = wall;
        behindSince = undefined;
        return Math.floor(latest);
      }
      const steady = steadyMs();
      if (behindSince !== undefined) latest += Math.max(0, steady - behindSince) / 2;
      behindSince = steady;
      return Math.floor(latest);
    },
    after(delayMs, job): Timer {
      const timeout = setTimeout(job, Math.min(Math.max(delayMs, 0), delayMsMax));
      return { cancel: () => clearTimeout(timeout) };
    },
    soon(job): void {
      setImmediate(job);
    },
  };
}
