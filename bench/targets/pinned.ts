// Starts a program on one core of its own, and ends it again.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';

export interface PinnedOptions {
  /** Left out: Node. */
  readonly program?: string;
  readonly arguments: readonly string[];
  /** Undefined: wherever the system puts it. */
  readonly core: number | undefined;
  readonly environment?: Readonly<Record<string, string>>;
  /** What `ready` found in a line of its output; until then it counts as starting. */
  readonly ready: (line: string) => boolean;
  readonly startMsMax: number;
}

/** A program could not be started. */
export class StartFailed extends Error {}

const stopMsMax = 15_000;
const linesKept = 40;

export class Pinned {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start({ program = process.execPath, arguments: words, core, environment, ready, startMsMax }: PinnedOptions): Promise<Pinned> {
    const command = core === undefined ? [program, ...words] : ['taskset', '-c', String(core), program, ...words];
    const child = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    const pinned = new Pinned(child);
    const endWithUs = (): void => void child.kill('SIGKILL');
    process.once('exit', endWithUs);
    child.once('exit', () => process.off('exit', endWithUs));
    await pinned.#untilReady(ready, startMsMax);
    return pinned;
  }

  get pid(): number {
    return this.#child.pid as number; // taskset becomes the program: same process
  }

  /** Undefined while it runs. */
  get endedWhy(): string | undefined {
    if (this.#child.exitCode !== null) return `it ended with code ${this.#child.exitCode}: ${this.#lines.slice(-5).join(' | ')}`;
    return this.#child.signalCode === null ? undefined : `it was ended by ${this.#child.signalCode}`;
  }

  /** SIGTERM, and SIGKILL if that is not enough. */
  async stop(): Promise<void> {
    if (this.endedWhy !== undefined) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), stopMsMax);
    await ended;
    clearTimeout(timer);
  }

  #untilReady(ready: (line: string) => boolean, startMsMax: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        this.#child.kill('SIGKILL');
        reject(new StartFailed(`${why}\n${this.#lines.join('\n')}`));
      };
      const timer = setTimeout(() => fail(`not ready within ${startMsMax} ms`), startMsMax);
      const take = (line: string) => {
        this.#lines.push(line);
        if (this.#lines.length > linesKept) this.#lines.shift();
        if (!ready(line)) return;
        clearTimeout(timer);
        resolve();
      };
      for (const stream of [this.#child.stdout, this.#child.stderr]) if (stream) createInterface({ input: stream }).on('line', take);
      this.#child.once('error', (error) => fail(error.message));
      this.#child.once('exit', () => fail(this.endedWhy ?? 'it ended'));
      this.#child.once('exit', () => clearTimeout(timer));
    });
  }
}

export interface Cores {
  readonly server: number | undefined;
  /** Of this process. */
  readonly generator: number | undefined;
  /** Of generators in processes of their own, in turn. */
  readonly generators: readonly number[];
}

let chosen: Cores | undefined;

/** The server on the first core, we on the second; none where the machine has but one, or no `taskset`. Looked up once: who is pinned sees one core. */
export function chooseCores(): Cores {
  chosen ??= lookUpCores();
  return chosen;
}

function lookUpCores(): Cores {
  const none = { server: undefined, generator: undefined, generators: [] };
  const count = availableParallelism();
  if (count < 2) return none;
  try {
    execFileSync('taskset', ['-p', String(process.pid)], { stdio: 'ignore' });
  } catch {
    return none;
  }
  return { server: 0, generator: 1, generators: Array.from({ length: count - 1 }, (_, at) => at + 1) };
}

/** All threads of this process. */
export function pinThisProcess(core: number | undefined): void {
  pinProcess(process.pid, core);
}

/** All threads of that process, and those that they start later. */
export function pinProcess(pid: number, core: number | undefined): void {
  if (core !== undefined) execFileSync('taskset', ['-acp', String(core), String(pid)], { stdio: 'ignore' });
}

/** And those that it starts later. */
export function pinMainThread(pid: number, core: number | undefined): void {
  if (core !== undefined) execFileSync('taskset', ['-cp', String(core), String(pid)], { stdio: 'ignore' });
}

/** Lets the timers of all threads of that process, and of those that they start later, come so much late: a thread that looks for work every few microseconds then looks less often. Linux, as root. */
export function slackenTimers(pid: number, us: number): void {
  for (const task of readdirSync(`/proc/${pid}/task`)) writeFileSync(`/proc/${task}/timerslack_ns`, `${us * 1_000}`);
}
