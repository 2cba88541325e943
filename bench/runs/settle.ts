// Waits until a server has done what it was given: one that was asked for more than it can do goes on with what waits, and must not be judged by that at the next rate.
import { setTimeout as pause } from 'node:timers/promises';
import { type Usage, usageOf, usedBetween } from '../targets/usage.ts';

const lookMs = 200;
/** Of one core. */
const quietShare = 0.2;
const patienceMs = 120_000;

/** Resolves with how many milliseconds it took: one look where the server is quiet, none where its process cannot be looked at. `look`: what the system says of a process. */
export async function settle(pid: number | undefined, look: (pid: number) => Usage = usageOf): Promise<number> {
  const sinceMs = performance.now();
  while (pid !== undefined && performance.now() - sinceMs < patienceMs) {
    const before = look(pid);
    await pause(lookMs);
    if ((usedBetween(before, look(pid)).utilisation ?? 0) < quietShare) break;
  }
  return performance.now() - sinceMs;
}
