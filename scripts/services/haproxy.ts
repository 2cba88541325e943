// An HAProxy for tests and whoever tries things out: found, or installed from Debian; run with a configuration in a folder of its own, stopped by its process.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { haveProgram, type Wanted } from './debian.ts';

/** It does not start; the message holds what it said. */
export class HaproxyFailed extends Error {}

const wanted: Wanted = { program: 'haproxy', from: 'haproxy', variable: 'PARLEY_HAPROXY', elsewhere: 'https://www.haproxy.org/#down' };
const startMsMax = 10_000;
const stopMsMax = 5_000;
const pollMs = 20;

export interface ServerState {
  readonly backend: string;
  readonly server: string;
  /** UP, DOWN, DRAIN, MAINT … */
  readonly status: string;
  /** Connections that it has now, and has had since the start. */
  readonly sessions: number;
  readonly sessionsTotal: number;
}

export class Haproxy {
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #killWithUs = (): void => void this.#child.kill('SIGKILL');
  #said = '';

  private constructor(folder: string, child: ChildProcess) {
    this.#folder = folder;
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (words: string) => (this.#said += words));
    process.once('exit', this.#killWithUs);
  }

  /** `configuration`: given the path of the operators' socket that it must name. Resolves when it answers there. Throws NoProgram or HaproxyFailed. */
  static async start(configuration: (adminSocket: string) => string, say: (words: string) => void = () => undefined): Promise<Haproxy> {
    const binary = haveProgram(wanted, say);
    const folder = await mkdtemp(join(tmpdir(), 'parley-haproxy-'));
    const file = join(folder, 'haproxy.cfg');
    await writeFile(file, configuration(join(folder, 'admin.sock')), { mode: 0o600 });
    const haproxy = new Haproxy(folder, spawn(binary, ['-db', '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] }));
    try {
      await haproxy.#untilReady();
    } catch (error) {
      await haproxy.stop();
      throw error;
    }
    return haproxy;
  }

  /** What it would find wrong with that configuration; '' for nothing. */
  static check(file: string, say: (words: string) => void = () => undefined): string {
    const { status, stdout, stderr } = spawnSync(haveProgram(wanted, say), ['-c', '-f', file], { encoding: 'utf8' });
    return status === 0 ? '' : `${stdout}${stderr}`;
  }

  /** What it has written. */
  get said(): string {
    return this.#said;
  }

  /** A command of its operators: `show stat`, `set server sockets/n1 state drain` … */
  async ask(command: string): Promise<string> {
    const socket = connect(join(this.#folder, 'admin.sock'));
    await once(socket, 'connect');
    socket.end(`${command}\n`);
    return text(socket);
  }

  async servers(): Promise<readonly ServerState[]> {
    const [head = '', ...lines] = (await this.ask('show stat')).trim().split('\n');
    const names = head.replace(/^# /, '').split(',');
    return lines
      .map((line) => new Map(line.split(',').map((cell, at) => [names[at] ?? '', cell])))
      .filter((row) => !['FRONTEND', 'BACKEND'].includes(row.get('svname') ?? ''))
      .map((row) => ({
        backend: row.get('pxname') ?? '',
        server: row.get('svname') ?? '',
        status: row.get('status') ?? '',
        sessions: Number(row.get('scur')),
        sessionsTotal: Number(row.get('stot')),
      }));
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const closed = once(this.#child, 'close');
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), stopMsMax);
      await closed;
      clearTimeout(timer);
    }
    process.off('exit', this.#killWithUs);
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #untilReady(): Promise<void> {
    const startedMs = performance.now();
    const isGone = (): boolean => this.#child.exitCode !== null || this.#child.signalCode !== null;
    while (
      !(await this.ask('show info').then(
        (answer) => answer.includes('Name: HAProxy'),
        () => false,
      ))
    ) {
      if (isGone() || performance.now() - startedMs > startMsMax) throw new HaproxyFailed(`haproxy ${isGone() ? 'ended while it started' : 'does not answer'}:\n${this.#said}`);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }
}
