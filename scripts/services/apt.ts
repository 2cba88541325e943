// Debian's packages, installed by one process at a time: several tests may miss a program at the same moment, and apt-get ends at once where another one runs.
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const lock = join(tmpdir(), 'parley-apt.lock');
const lockSecondsMax = 600;
/** For those who install without asking us: the system's own upgrades, say. */
const othersSecondsMax = 120;
const installMsMax = 20 * 60_000;

/** This is Debian or the like, and we are root. */
export function canInstall(): boolean {
  return process.getuid?.() === 0 && spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0;
}

/** What somebody types who has to do it. */
export function installCommand(packages: readonly string[]): string {
  return `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
}

/** Undefined: they are there. Otherwise why not, in apt-get's own words. Waits for others that install. */
export function installPackages(packages: readonly string[]): string | undefined {
  const install = ['install', '-qy', '--no-install-recommends', '-o', `DPkg::Lock::Timeout=${othersSecondsMax}`, ...packages];
  return apt(install) === undefined ? undefined : (apt(['update', '-q']) ?? apt(install));
}

function apt(words: readonly string[]): string | undefined {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, error, stderr } = spawnSync('flock', ['-w', String(lockSecondsMax), lock, 'apt-get', ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: installMsMax,
    env,
  });
  if (status === 0) return undefined;
  return error?.message ?? (stderr.trim().split('\n').at(-1) || `apt-get ${words[0]} ended with ${status}`);
}
