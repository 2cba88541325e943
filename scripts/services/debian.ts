// Programs that the services here run: found on this machine, or installed from Debian; and a port for them.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { canInstall, installCommand, installPackages } from './apt.ts';

export interface Wanted {
  readonly program: string;
  /** The Debian package that brings it. */
  readonly from: string;
  /** A variable that names another one. */
  readonly variable: string;
  /** Where else it can be had. */
  readonly elsewhere: string;
}

/** There is none, and none can be had; the message says what to do. */
export class NoProgram extends Error {}

/** Undefined: nowhere. */
export function findProgram(wanted: Wanted): string | undefined {
  // Debian keeps some where an ordinary PATH does not look.
  return find(wanted, (process.env['PATH'] ?? '').split(delimiter).concat('/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin'), constants.X_OK);
}

/** Finds or installs. `say` is told what is done. Throws NoProgram. */
export function haveProgram(wanted: Wanted, say: (text: string) => void): string {
  return have(wanted, () => findProgram(wanted), say);
}

/** The same for what is no program, a library say, and lies in one of these folders. */
export function haveFile(wanted: Wanted, folders: readonly string[], say: (text: string) => void): string {
  return have(wanted, () => find(wanted, folders, constants.R_OK), say);
}

function have({ program, from, variable, elsewhere }: Wanted, look: () => string | undefined, say: (text: string) => void): string {
  const found = look();
  if (found !== undefined) return found;
  if (!canInstall())
    throw new NoProgram(`This needs ${program}. Install it (Debian: \`sudo ${installCommand([from])}\`; elsewhere: ${elsewhere}), or set ${variable} to where it is.`);
  say(`Installing ${from} with apt-get …`);
  const problem = installPackages([from]);
  if (problem !== undefined) throw new NoProgram(`Installing ${from} failed: ${problem}. Try \`${installCommand([from])}\` by hand, or set ${variable} to where ${program} is.`);
  const installed = look();
  if (installed === undefined) throw new NoProgram(`${from} was installed, but ${program} is not to be found. Set ${variable} to where it is.`);
  return installed;
}

/** Below those that the system gives away to connections meanwhile: it is to be free again after a restart. Nobody else on this machine who asks here gets it while this process lives. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 30_000);
    if (await isClaimed(port)) continue;
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await Promise.race([once(server, 'listening').then(() => true), once(server, 'error').then(() => false)]).catch(() => false);
    server.close();
    if (isFree) return port;
  }
}

/** Claims it, where Linux has names for sockets that go with their process; where not, in this process alone. */
async function isClaimed(port: number): Promise<boolean> {
  if (claimed.has(port)) return true;
  const claim = createServer()
    .unref()
    .listen({ path: `\0parley-port-${port}` });
  const problem = await once(claim, 'listening').then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
  claimed.add(port);
  return problem === 'EADDRINUSE';
}
const claimed = new Set<number>();

function find({ program, variable }: Wanted, folders: readonly string[], mode: number): string | undefined {
  const named = process.env[variable];
  if (named !== undefined && named !== '') return named;
  return folders.map((folder) => join(folder, program)).find((path) => isThere(path, mode));
}

function isThere(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
