// A nats-server for tests, the cluster on one machine and whoever tries things out: found, or installed from Debian; started on a port of its own, stopped by its process.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort, haveProgram, type Wanted } from './debian.ts';

/** It does not start; the message holds what it said. */
export class NatsFailed extends Error {}

const wanted: Wanted = { program: 'nats-server', from: 'nats-server', variable: 'PARLEY_NATS_SERVER', elsewhere: 'https://nats.io/download' };
const startMsMax = 10_000;
const stopMsMax = 10_000;
const linesMax = 10_000;

export interface NatsOptions {
  /** Left out: any free one, kept over restarts. */
  readonly port?: number;
  /** Further lines of its configuration: authorization, tls, limits. */
  readonly configuration?: string;
  /** In a process group of its own, which a Ctrl-C at the terminal does not reach. */
  readonly ownGroup?: boolean;
}

export class NatsServer {
  readonly port: number;
  readonly url: string;
  /** What it has written, line by line. */
  readonly lines: string[] = [];
  readonly #folder: string;
  readonly #binary: string;
  readonly #ownGroup: boolean;
  #child: ChildProcess | undefined;
  readonly #killWithUs = (): void => void this.#child?.kill('SIGKILL');

  private constructor(binary: string, folder: string, port: number, ownGroup: boolean) {
    this.#ownGroup = ownGroup;
    this.#binary = binary;
    this.#folder = folder;
    this.port = port;
    this.url = `nats://127.0.0.1:${port}`;
  }

  /** Resolves when it takes connections. Throws NoProgram or NatsFailed. */
  static async start({ port, configuration = '', ownGroup = false }: NatsOptions = {}, say: (text: string) => void = () => undefined): Promise<NatsServer> {
    const server = new NatsServer(haveProgram(wanted, say), await mkdtemp(join(tmpdir(), 'parley-nats-')), port ?? (await freePort()), ownGroup);
    await writeFile(server.#configurationFile, `listen: "127.0.0.1:${server.port}"\n${configuration}\n`, { mode: 0o600 });
    try {
      await server.restart();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts it again on the same port, once it has been ended. */
  async restart(): Promise<void> {
    if (this.isRunning) throw new NatsFailed('nats-server is running already.');
    const child = spawn(this.#binary, ['-c', this.#configurationFile], { stdio: ['ignore', 'pipe', 'pipe'], detached: this.#ownGroup });
    this.#child = child;
    process.once('exit', this.#killWithUs);
    await this.#untilReady(child);
  }

  /** Resolves when it has gone, or, for SIGSTOP and SIGCONT, when the signal was sent. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return;
    const closed = once(child, 'close');
    child.kill(signal);
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return;
    await closed;
    process.off('exit', this.#killWithUs);
  }

  /** Ends it, hard if need be, and removes its folder. */
  async stop(): Promise<void> {
    if (this.isRunning) this.#child?.kill('SIGCONT'); // one that was stopped would not hear SIGTERM
    const timer = setTimeout(() => void this.kill('SIGKILL'), stopMsMax);
    await this.kill('SIGTERM');
    clearTimeout(timer);
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #configurationFile(): string {
    return join(this.#folder, 'nats.conf');
  }

  #untilReady(child: ChildProcess): Promise<void> {
    const from = this.lines.length;
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => reject(new NatsFailed(`${why}\n${this.lines.slice(from).join('\n')}`));
      const timer = setTimeout(() => fail(`nats-server was not ready within ${startMsMax} ms.`), startMsMax);
      const take = (line: string): void => {
        if (this.lines.length < linesMax) this.lines.push(line);
        if (!line.includes('Server is ready')) return;
        clearTimeout(timer);
        resolve();
      };
      for (const stream of [child.stdout, child.stderr]) if (stream) createInterface({ input: stream }).on('line', take);
      child.once('error', (error) => fail(`nats-server cannot be run: ${error.message}.`));
      child.once('close', (code, signal) => {
        clearTimeout(timer);
        fail(`nats-server ended while it started (${signal ?? code}).`);
      });
    });
  }
}
