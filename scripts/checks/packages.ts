// Programs that some tests drive and npm cannot bring. On Debian, as root, they are installed; elsewhere the tests that need them say what to do.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Program → the Debian package that brings it. */
const programs: Readonly<Record<string, string>> = {
  strace: 'strace',
  chromium: 'chromium',
  mount: 'mount',
  'mkfs.ext4': 'e2fsprogs',
  'nats-server': 'nats-server',
  'redis-server': 'redis-server',
  java: 'openjdk-17-jre-headless', // Cassandra's; its jars are fetched by whoever starts it first
};
const installMsMax = 5 * 60_000;

/** Sees to it that the programs named (as 'program') in the sources under `folders` are there. */
export function provide(folders: readonly string[]): void {
  const sources = folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => readFileSync(join(folder, name), 'utf8')),
    );
  const missing = Object.keys(programs).filter((program) => !isThere(program) && sources.some((text) => text.includes(`'${program}'`) || text.includes(`/${program}'`)));
  if (missing.length === 0) return;
  const packages = missing.map((program) => programs[program] as string);
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  if (process.getuid?.() !== 0 || !isThere('apt-get')) return say(`Some tests need ${missing.join(' and ')}. On Debian: sudo ${command}`);
  say(`Some tests need ${missing.join(' and ')}: ${command} (a minute or two, once) …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args: readonly string[]): boolean => spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'], timeout: installMsMax }).status === 0;
  const install = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
  if (!apt(...install) && !(apt('update', '-qq') && apt(...install))) say(`That failed. The tests that need ${missing.join(' and ')} will say so.`);
}

function isThere(program: string): boolean {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .concat('/usr/sbin', '/sbin')
    .some((folder) => existsSync(join(folder, program)));
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
