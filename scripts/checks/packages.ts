// Programs that some tests drive and npm cannot bring. On Debian, as root, they are installed; elsewhere the tests that need them say what to do.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { canInstall, installCommand, installPackages } from '../services/apt.ts';

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
  const byHand = installCommand(packages);
  if (!canInstall()) return say(`Some tests need ${missing.join(' and ')}. On Debian: sudo ${byHand}`);
  say(`Some tests need ${missing.join(' and ')}: ${byHand} (a minute or two, once) …`);
  const problem = installPackages(packages);
  if (problem !== undefined) say(`That failed: ${problem}. The tests that need ${missing.join(' and ')} will say so.`);
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
