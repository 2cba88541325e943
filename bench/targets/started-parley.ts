// The server under test as a target: our own, embedded, on a temporary folder, on a core of its own; or one that runs already.
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mintAccounts, parseAccounts } from '../accounts.ts';
import type { Account } from '../generator/device.ts';
import { saidBy } from './metrics.ts';
import { Pinned, StartFailed } from './pinned.ts';
import type { Target } from './target.ts';

export interface StartedOptions {
  readonly accounts: number;
  readonly core: number | undefined;
  /** A CPU profile is written there when the server ends. */
  readonly profileTo?: string | undefined;
}

const startMsMax = 60_000;
const answerMsMax = 10_000;
const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const announcement = /sockets wss?:\/\/\S*?:(\d+) \((uws|ws)\).*metrics (http\S+)/;

/** Accounts are written into the store before the server opens it. */
export async function startParley({ accounts, core, profileTo }: StartedOptions): Promise<Target> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-bench-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true })); // also when we are interrupted
  try {
    const minted = await mintAccounts(directory, accounts);
    let said: RegExpMatchArray | null = null;
    const profile = profileTo === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profileTo, '--cpu-prof-name', 'parley.cpuprofile'];
    const pinned = await Pinned.start({
      arguments: [...profile, program],
      core,
      startMsMax,
      environment: { PARLEY_DATA: directory, PARLEY_HOST: '127.0.0.1', PARLEY_PORT: '0', PARLEY_API_PORT: '0', PARLEY_OPS_PORT: '0', PARLEY_LOG: 'warn' },
      ready: (line) => (said ??= line.match(announcement)) !== null,
    });
    const [, port, transport, metricsUrl] = said as unknown as RegExpMatchArray;
    return {
      name: 'parley',
      transport: transport as 'uws' | 'ws',
      protocol: 'parley',
      endpoint: { host: '127.0.0.1', port: Number(port), path: '/' },
      accounts: minted,
      pid: pinned.pid,
      says: () => saidBy(metricsUrl),
      endedWhy: () => pinned.endedWhy,
      async stop() {
        await pinned.stop();
        await rm(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

export interface RunningOptions {
  readonly url: URL;
  readonly tokensFile: string;
  readonly metricsUrl: string | undefined;
  /** Of the server, when it runs on this machine: for processor time and memory. */
  readonly pid: number | undefined;
}

/** Throws StartFailed where nobody listens, or the file of tokens is none. */
export async function runningParley({ url, tokensFile, metricsUrl, pid }: RunningOptions): Promise<Target> {
  const endpoint = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (url.protocol === 'wss:' ? 443 : 80)),
    path: `${url.pathname}${url.search}`,
    tls: url.protocol === 'wss:',
  };
  await someoneListens(endpoint);
  return {
    name: 'parley',
    transport: 'unknown',
    protocol: 'parley',
    endpoint,
    accounts: await accountsIn(tokensFile),
    pid,
    says: () => saidBy(metricsUrl),
    endedWhy: () => undefined,
    stop: async () => undefined,
  };
}

async function someoneListens({ host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  const socket = connect({ host, port, timeout: answerMsMax });
  try {
    socket.once('timeout', () => socket.destroy(new Error(`no answer within ${answerMsMax} ms`)));
    await once(socket, 'connect');
  } catch (error) {
    throw new StartFailed(`Nothing listens at ${host}:${port}: ${(error as Error).message}.`);
  } finally {
    socket.destroy();
  }
}

async function accountsIn(file: string): Promise<readonly Account[]> {
  try {
    return parseAccounts(await readFile(file, 'utf8'));
  } catch (error) {
    throw new StartFailed(`${file} is no file of tokens (bench/accounts.ts makes them): ${(error as Error).message}.`);
  }
}
