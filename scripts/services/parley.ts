// Starts the real server as a process of its own, on free ports and a folder of its own, and ends it again. For tests of the whole and for whoever tries things out.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface ParleyOptions {
  /** Kept when the server has stopped; left out: a temporary one that goes with it. */
  readonly data?: string;
  readonly transport?: 'auto' | 'uws' | 'ws';
  /** Further settings (see src/config.ts). */
  readonly environment?: Readonly<Record<string, string>>;
  /** For Node, for example `--max-old-space-size=256`. */
  readonly nodeOptions?: readonly string[];
  /** A program to run it under, with its arguments, for example strace; signals still go to the server itself. */
  readonly under?: readonly string[];
  /** In a process group of its own, which a Ctrl-C at the terminal does not reach. */
  readonly ownGroup?: boolean;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A server did not start; the message holds what it said. */
export class ParleyFailed extends Error {}

const startMsMax = 60_000;
const stopMsMax = 25_000;
const linesMax = 100_000;
const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const readyLine = /^Parley serves: API (\S+?):(\d+)\s+sockets (\S+?):(\d+) \((uws|ws)\)\s+metrics \S+?:(\d+)\/metrics/;

export class Parley {
  readonly data: string;
  /** Everything it has written, line by line. */
  readonly lines: string[] = [];
  /** Resolves when the process has gone, however. */
  readonly ended: Promise<Ended>;
  transport: 'uws' | 'ws' = 'ws';
  socketPort = 0;
  apiPort = 0;
  opsPort = 0;
  /** Of the server itself, also when it runs under another program. */
  pid = 0;
  readonly #child: ChildProcess;
  readonly #keepsData: boolean;
  readonly #killWithUs = (): void => this.#send('SIGKILL');

  private constructor(child: ChildProcess, data: string, keepsData: boolean) {
    this.#child = child;
    this.data = data;
    this.#keepsData = keepsData;
    process.once('exit', this.#killWithUs);
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        process.off('exit', this.#killWithUs);
        resolve({ code, signal });
      });
    });
  }

  /** Resolves when it serves. Throws ParleyFailed. */
  static async start({ data, transport = 'auto', environment, nodeOptions = [], under = [], ownGroup = false }: ParleyOptions = {}): Promise<Parley> {
    const directory = data ?? (await mkdtemp(join(tmpdir(), 'parley-')));
    const command = [...under, process.execPath, ...nodeOptions, main];
    const ours = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PARLEY_') && !name.startsWith('NODE_TEST')));
    const settings = { PARLEY_DATA: directory, PARLEY_PORT: '0', PARLEY_API_PORT: '0', PARLEY_OPS_PORT: '0', PARLEY_TRANSPORT: transport, PARLEY_RATE_FACTOR: '1000' };
    const child = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], detached: ownGroup, env: { ...ours, ...settings, ...environment } });
    const parley = new Parley(child, directory, data !== undefined);
    try {
      await parley.#untilReady();
      parley.pid = under.length === 0 ? (child.pid as number) : await onlyChildOf(child.pid as number);
    } catch (error) {
      await parley.stop();
      throw error;
    }
    return parley;
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.apiPort}`;
  }

  get socketUrl(): string {
    return `ws://127.0.0.1:${this.socketPort}`;
  }

  get opsUrl(): string {
    return `http://127.0.0.1:${this.opsPort}`;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The lines of its log at this level or above, as they were written. */
  logged(least: 'warn' | 'error'): readonly string[] {
    const levels = least === 'warn' ? ['warn', 'error', 'fatal'] : ['error', 'fatal'];
    return this.lines.filter((line) => levels.some((level) => line.startsWith(`{"level":"${level}"`)));
  }

  /** Resolves when it has gone. */
  async kill(signal: NodeJS.Signals): Promise<Ended> {
    this.#send(signal);
    return this.ended;
  }

  /** Drains it (SIGTERM), ends it hard if that is not enough, and removes its temporary folder. */
  async stop(): Promise<Ended> {
    this.#send('SIGTERM');
    const timer = setTimeout(() => this.#send('SIGKILL'), stopMsMax);
    const ended = await this.ended;
    clearTimeout(timer);
    if (!this.#keepsData) await rm(this.data, { recursive: true, force: true });
    return ended;
  }

  #send(signal: NodeJS.Signals): void {
    if (!this.isRunning) return;
    try {
      process.kill(this.pid || (this.#child.pid as number), signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it went meanwhile
    }
  }

  #untilReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => reject(new ParleyFailed(`${why}\n${this.lines.join('\n')}`));
      const timer = setTimeout(() => fail(`The server was not ready within ${startMsMax} ms.`), startMsMax);
      const take = (line: string): void => {
        if (this.lines.length < linesMax) this.lines.push(line);
        const ready = readyLine.exec(line);
        if (ready === null) return;
        clearTimeout(timer);
        this.apiPort = Number(ready[2]);
        this.socketPort = Number(ready[4]);
        this.transport = ready[5] as 'uws' | 'ws';
        this.opsPort = Number(ready[6]);
        resolve();
      };
      for (const stream of [this.#child.stdout, this.#child.stderr]) if (stream) createInterface({ input: stream }).on('line', take);
      this.#child.once('error', (error) => fail(`The server cannot be run: ${error.message}.`));
      this.#child.once('close', (code, signal) => {
        clearTimeout(timer);
        fail(`The server ended while it started (${signal ?? code}).`);
      });
    });
  }
}

/** Settings for a server that is to come back under the same address: free ports below those that the system gives away to connections meanwhile. */
export async function lastingAddress(): Promise<{ readonly PARLEY_PORT: string; readonly PARLEY_API_PORT: string }> {
  const ports: string[] = [];
  while (ports.length < 2) {
    const port = randomInt(20_000, 30_000);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await Promise.race([once(server, 'listening').then(() => true), once(server, 'error').then(() => false)]).catch(() => false);
    server.close();
    if (isFree && !ports.includes(`${port}`)) ports.push(`${port}`);
  }
  return { PARLEY_PORT: ports[0] as string, PARLEY_API_PORT: ports[1] as string };
}

/** The process that a wrapping program has started. */
async function onlyChildOf(pid: number): Promise<number> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').filter(Boolean);
  if (children.length !== 1) throw new ParleyFailed(`Process ${pid} has ${children.length} children, not just the server.`);
  return Number(children[0]);
}
