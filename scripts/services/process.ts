// A program that serves others, as a process of ours: what it writes, when it is ready, how it ends. It never outlives us.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface ServiceKind {
  /** For messages. */
  readonly name: string;
  readonly startMsMax: number;
  readonly stopMsMax: number;
  /** In a process group of its own, which a Ctrl-C at the terminal does not reach. */
  readonly ownGroup: boolean;
  /** What is thrown where it does not start. */
  readonly Failed: new (
    message: string,
    options?: ErrorOptions,
  ) => Error;
}

const linesMax = 20_000;
/** Of what it wrote, in the message of a failure. */
const linesTold = 30;

export class ServiceProcess {
  /** What it has written since it was launched, line by line. */
  readonly lines: string[] = [];
  readonly #kind: ServiceKind;
  readonly #waiting = new Set<(line: string) => void>();
  #child: ChildProcess | undefined;
  readonly #killWithUs = (): void => void this.#child?.kill('SIGKILL');

  constructor(kind: ServiceKind) {
    this.#kind = kind;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts it, once the former one has ended. */
  launch(program: string, args: readonly string[], options: Pick<SpawnOptions, 'cwd'> = {}): void {
    const { name, ownGroup, Failed } = this.#kind;
    if (this.isRunning) throw new Failed(`${name} is running already.`);
    this.lines.length = 0;
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], detached: ownGroup });
    this.#child = child;
    child.on('error', () => undefined); // heard by who waits for it
    process.once('exit', this.#killWithUs);
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', (line) => this.#take(line));
  }

  /** Resolves once it has written a line with `text`. Throws `Failed`, with the end of what it said, where it ends before or takes too long. */
  says(text: string): Promise<void> {
    const { name, startMsMax, Failed } = this.#kind;
    if (this.lines.some((line) => line.includes(text))) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = (error?: Error): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        this.#child?.off('close', closed).off('error', failed);
        if (error === undefined) resolve();
        else reject(error);
      };
      const fault = (what: string, cause?: Error): Error => new Failed(`${name} ${what}\n${this.lines.slice(-linesTold).join('\n')}`, { cause });
      const look = (line: string): void => void (line.includes(text) && settle());
      const closed = (code: number | null, signal: string | null): void => settle(fault(`ended (${signal ?? code}) before it wrote "${text}".`));
      const failed = (cause: Error): void => settle(fault(`cannot be run: ${cause.message}.`, cause));
      const timer = setTimeout(() => settle(fault(`has not written "${text}" within ${startMsMax / 1_000} s.`)), startMsMax);
      this.#waiting.add(look);
      this.#child?.once('close', closed).once('error', failed);
    });
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

  /** As an operator ends it; hard if need be. */
  async end(): Promise<void> {
    if (this.isRunning) this.#child?.kill('SIGCONT'); // one that was stopped would not hear SIGTERM
    const timer = setTimeout(() => void this.kill('SIGKILL'), this.#kind.stopMsMax);
    await this.kill('SIGTERM');
    clearTimeout(timer);
  }

  #take(line: string): void {
    if (this.lines.length < linesMax) this.lines.push(line);
    for (const look of this.#waiting) look(line);
  }
}
