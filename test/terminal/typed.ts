// The terminal client as a script drives it: a process, lines in, lines out.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/terminal/main.ts', import.meta.url));
const patienceMs = 30_000;

export interface Ended {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly errors: string;
}

export class Terminal {
  private static readonly running = new Set<Terminal>();
  readonly lines: string[] = [];
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;
  private looked = 0;
  private errors = '';
  private wake: () => void = () => undefined;

  constructor(...args: readonly string[]) {
    this.child = spawn(process.execPath, [main, ...args], { stdio: 'pipe', env: { ...process.env, PARLEY_PASSWORD: undefined } });
    createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.lines.push(line);
      this.wake();
    });
    this.child.stderr?.on('data', (chunk) => (this.errors += chunk));
    Terminal.running.add(this);
    this.ended = once(this.child, 'close').then(([code]) => {
      Terminal.running.delete(this);
      this.wake();
      return code as number | null;
    });
  }

  type(...lines: readonly string[]): void {
    this.child.stdin?.write(lines.map((line) => `${line}\n`).join(''));
  }

  /** The next line, after the last one that was waited for, in which that stands. */
  async sees(expected: string | RegExp): Promise<string> {
    const deadlineMs = Date.now() + patienceMs;
    for (;;) {
      for (; this.looked < this.lines.length; this.looked += 1) {
        const line = this.lines[this.looked] as string;
        if (typeof expected === 'string' ? !line.includes(expected) : !expected.test(line)) continue;
        this.looked += 1;
        return line;
      }
      const leftMs = deadlineMs - Date.now();
      if (leftMs <= 0 || this.child.exitCode !== null) throw new Error(`never saw ${expected}, but:\n${this.lines.join('\n')}\n${this.errors}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Nothing more is typed. */
  async end(): Promise<Ended> {
    this.child.stdin?.end();
    return { code: await this.ended, lines: this.lines, errors: this.errors };
  }

  /** Those that a failed test has left behind. */
  static killAll(): void {
    for (const terminal of Terminal.running) terminal.kill();
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}
