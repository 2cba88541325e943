// Programs that must not outlive whoever started them, however that one ends: kill -9 leaves no time to tell them.
import { spawnSync } from 'node:child_process';

let hasSetpriv: boolean | undefined;

/** What to spawn instead, under the same pid. Where util-linux's setpriv is missing (not Linux) it is the program itself, which then only ends when it is told to. */
export function leashed(program: string, args: readonly string[]): readonly [program: string, args: readonly string[]] {
  hasSetpriv ??= spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true'], { stdio: 'ignore' }).status === 0;
  return hasSetpriv ? ['setpriv', ['--pdeathsig', 'KILL', program, ...args]] : [program, args];
}
