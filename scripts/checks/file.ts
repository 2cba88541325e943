// Runs one test file in a process of its own, and ends it, with all that it has started, when it hangs.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { shortOf, type Told } from './reporter.ts';

export interface Limits {
  /** A file in which no test begins or ends, and that writes nothing, for so long hangs. A test that takes minutes writes now and then how far it is. */
  readonly quietMs: number;
  /** All its tests are over: its process has so long to end. */
  readonly lingerMs: number;
  /** Whether it takes only what others leave of the processors. */
  readonly isPatient?: boolean;
}

export const limits: Limits = { quietMs: 180_000, lingerMs: 45_000 };

export interface FileResult {
  /** How often each kind of thing was told. */
  readonly counts: Readonly<Record<Told['kind'], number>>;
  readonly failures: readonly { readonly test: string; readonly place: string; readonly error: string }[];
  readonly output: string;
  readonly ms: number;
}

const outputShownMax = 20_000;
/** To answer what it is doing. */
const answerMs = 2_000;
const lookEveryMs = 250;
const [reporter, asked] = ['./reporter.ts', './asked.ts'].map((file) => fileURLToPath(new URL(file, import.meta.url))) as [string, string];

export async function runFile(file: string, { quietMs, lingerMs, isPatient = false }: Limits = limits): Promise<FileResult> {
  const startedMs = performance.now();
  const run = new Run(file, isPatient);
  const watching = setInterval(() => {
    const quietForMs = performance.now() - run.heardAtMs;
    if (quietForMs > quietMs) void run.end(`it was ended: nothing had happened in it for ${Math.round(quietMs / 1_000)} s`);
    else if (run.isOver && quietForMs > lingerMs) void run.end(`its tests were over, but ${Math.round(lingerMs / 1_000)} s later its process was not, and was ended`);
  }, lookEveryMs);
  await run.closed;
  clearInterval(watching);
  return { ...run.result(), ms: performance.now() - startedMs };
}

class Run {
  heardAtMs = performance.now();
  readonly closed: Promise<unknown>;
  readonly #file: string;
  readonly #child: ChildProcess;
  readonly #counts: Record<Told['kind'], number> = { began: 0, over: 0, passed: 0, skipped: 0, todo: 0, failed: 0, cancelled: 0, said: 0 };
  readonly #failures: { test: string; place: string; error: string }[] = [];
  /** Tests and suites that have begun and are not over. */
  readonly #running = new Set<string>();
  #output = '';
  #hung: string | undefined;
  #exitCode: number | string | undefined;

  constructor(file: string, isPatient: boolean) {
    this.#file = file;
    // A group of its own: what a hung file has started is ended with it.
    const child = spawn(process.execPath, ['--import', asked, `--test-reporter=${reporter}`, '--test-reporter-destination=stdout', file], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.#child = child;
    groups.add(child);
    if (isPatient && child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
    const ended = once(child, 'close').then(([code, signal]) => {
      this.#exitCode = code ?? signal;
      groups.delete(child);
    });
    const lines = createInterface({ input: child.stdio[3] as Readable }).on('line', (line) => this.#take(JSON.parse(line) as Told));
    this.closed = Promise.all([ended, once(lines, 'close')]);
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
  }

  get isOver(): boolean {
    return this.#counts.over > 0 && this.#running.size === 0;
  }

  /** Once; says what it was doing. */
  async end(why: string): Promise<void> {
    if (this.#hung !== undefined) return;
    this.#hung = why;
    const outputBefore = this.#output.length;
    this.#child.kill('SIGUSR2');
    const answered = new Promise<void>((resolve) => this.#child.stderr?.once('data', () => resolve()));
    await Promise.race([answered, new Promise((resolve) => setTimeout(resolve, answerMs))]);
    if (this.#output.length === outputBefore) this.#write('asked what it is doing, it did not answer: its event loop does not turn\n');
    if (this.#running.size > 0) this.#hung += `\nnot over: ${[...this.#running].join(' · ')}`;
    killGroup(this.#child);
  }

  result(): Omit<FileResult, 'ms'> {
    const failures = [...this.#failures];
    const problem = this.#hung ?? (this.#exitCode !== 0 && failures.length === 0 ? `its process ended with ${this.#exitCode}` : undefined);
    if (problem !== undefined) failures.push({ test: 'the file itself', place: shortOf(this.#file), error: problem });
    return { counts: this.#counts, failures, output: this.#output };
  }

  #take(told: Told): void {
    this.heardAtMs = performance.now();
    this.#counts[told.kind] += 1;
    if (told.kind === 'began') this.#running.add(told.test);
    else if (told.kind === 'over') this.#running.delete(told.test);
    else if (told.kind === 'said') this.#write(`${told.text}\n`);
    else if (told.kind === 'failed' || told.kind === 'cancelled') this.#failures.push(told);
  }

  #hear(text: string): void {
    if (!this.isOver) this.heardAtMs = performance.now();
    this.#write(text);
  }

  #write(text: string): void {
    if (this.#output.length < outputShownMax) this.#output += text;
  }
}

/** Those that run: a signal to us does not reach them. */
const groups = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of groups) killGroup(child);
});
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)
  process.once(signal, () => process.exit(code));

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it went meanwhile
  }
}
