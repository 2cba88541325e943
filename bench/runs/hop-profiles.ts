// The CPU profiles that the nodes of a cluster leave: read, and summed over all nodes by whose code it was and by function.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CpuProfile, functionsOf, type Split, splitOf, sumOfSplits } from '../cpu-profile.ts';
import type { Stretch } from './hop-moment.ts';

/** By process. */
export type Profiles = ReadonlyMap<number, CpuProfile>;

/** Of those processes, which have ended. */
export async function profilesOf(folder: string, pids: readonly number[]): Promise<Profiles> {
  const files = await readdir(folder);
  const profiles = new Map<number, CpuProfile>();
  for (const pid of pids) {
    const file = files.find((name) => name.split('.')[3] === `${pid}`); // CPU.date.time.pid.thread.nth.cpuprofile
    if (file === undefined) throw new Error(`process ${pid} has left no profile`);
    profiles.set(pid, JSON.parse(await readFile(join(folder, file), 'utf8')) as CpuProfile);
  }
  return profiles;
}

/** Seconds of the nodes' main threads, by whose code they ran. */
export function splitBetween(profiles: Profiles, stretch: Stretch): Split {
  return sumOfSplits([...profiles].map(([pid, profile]) => sumOfSplits([splitOf(profile, ...boundsOf(stretch))], secondsASample(profile, pid, stretch))));
}

/** Seconds of the nodes' main threads in each function of ours, in those stretches together. */
export function ourFunctions(profiles: Profiles, stretches: readonly Stretch[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const stretch of stretches)
    for (const [pid, profile] of profiles) {
      const factor = secondsASample(profile, pid, stretch);
      for (const [name, us] of functionsOf(profile, ...boundsOf(stretch), 'ours')) sums.set(name, (sums.get(name) ?? 0) + us * factor);
    }
  return sums;
}

/** A profile tells shares, by the clock on the wall; the system tells of how much. */
function secondsASample(profile: CpuProfile, pid: number, stretch: Stretch): number {
  const all = Object.values(splitOf(profile, ...boundsOf(stretch))).reduce((sum, one) => sum + one, 0);
  return all === 0 ? 0 : (stretch.mains.get(pid) ?? Number.NaN) / all;
}

function boundsOf({ fromUs, us }: Stretch): readonly [number, number] {
  return [fromUs, fromUs + us];
}
