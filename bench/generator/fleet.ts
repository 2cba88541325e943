// The load of one server: one generator in this process, or several in processes of their own where one is too slow. Their shares of the members, of the rate and of what comes back add up.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { nowFrom, sharedFrom } from './body.ts';
import { Crew, type CrewOptions, type Share } from './crew.ts';
import { DeviceFailed } from './device.ts';
import { Latency, type LatencyDump } from './latency.ts';
import type { Founded } from './speaker.ts';
import type { Standing, Window, WindowMarks, WindowResult } from './traffic.ts';

/** What drives a server, wherever its generators are. */
export interface Fleet {
  /** The processes that generate. */
  readonly pids: readonly number[];
  /** The core of each, where it has been pinned: those that share one are together one generator. */
  readonly cores: readonly (number | undefined)[];
  window(window: Window, marks: WindowMarks): Promise<WindowResult>;
  /** Of the window under way: its 99th percentile so far; null where that is not known. */
  p99Ms(): number | null;
  giveUp(): void;
  brokenWhy(): string | undefined;
  leave(): void;
}

/** From us to a generator, `advanced` serialisation: undefined stays undefined. */
export type ToGenerator =
  | { readonly kind: 'gather'; readonly options: CrewOptions; readonly share: Share }
  | { readonly kind: 'found' }
  | { readonly kind: 'join'; readonly founded: readonly Founded[] }
  | { readonly kind: 'window'; readonly window: Window; readonly startSharedMs: number }
  | { readonly kind: 'whole' }
  | { readonly kind: 'giveUp' };

/** And back. `done` answers the request under way. */
export type FromGenerator =
  | { readonly kind: 'done'; readonly founded?: readonly Founded[]; readonly result?: WindowParts }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'standing'; readonly standing: Standing }
  | { readonly kind: 'gaveUp' }
  | { readonly kind: 'broken'; readonly why: string };

export type WindowParts = Omit<WindowResult, 'latency'> & { readonly latency: LatencyDump };

const program = fileURLToPath(new URL('./process.ts', import.meta.url));
const startDelayMs = 100; // until all have heard of the window

/**
 * `cores`: of the generators in turn. With one generator it is this process, unless that has other work and the fleet must not feel it: `apart`. Then this one counts as a
 * generator too. Rejects with DeviceFailed.
 */
export async function startFleet(options: CrewOptions, generators: number, cores: readonly number[], apart = false): Promise<Fleet> {
  return generators === 1 && !apart ? await OneCrew.start(options) : await Processes.start(options, generators, cores, apart);
}

class OneCrew implements Fleet {
  readonly pids = [process.pid];
  readonly cores = [undefined];
  readonly #crew: Crew;

  private constructor(crew: Crew) {
    this.#crew = crew;
  }

  static async start(options: CrewOptions): Promise<OneCrew> {
    const crew = await Crew.gather(options, { first: 0, count: options.chats.count * options.chats.members });
    await crew.join(await crew.found());
    return new OneCrew(crew);
  }

  window(window: Window, marks: WindowMarks): Promise<WindowResult> {
    return this.#crew.window(window, marks);
  }

  p99Ms(): number | null {
    return this.#crew.look().p99Ms;
  }

  giveUp(): void {
    this.#crew.giveUp();
  }

  brokenWhy(): string | undefined {
    return this.#crew.brokenWhy();
  }

  leave(): void {
    this.#crew.leave();
  }
}

class Processes implements Fleet {
  readonly #generators: readonly Generator[];
  readonly #us: readonly { readonly pid: number; readonly core: number | undefined }[];
  #brokenWhy: string | undefined;
  #endEarly: (() => void) | undefined;

  private constructor(generators: readonly Generator[], us: readonly { readonly pid: number; readonly core: number | undefined }[]) {
    this.#generators = generators;
    this.#us = us;
    for (const generator of generators) {
      generator.onStanding = () => this.#lookWhole();
      generator.onGaveUp = () => {
        this.#endEarly?.();
        this.#endEarly = undefined; // the others give up in turn
        this.giveUp();
      };
      generator.onBroken = (why) => {
        this.#brokenWhy ??= why;
      };
    }
  }

  static async start(options: CrewOptions, count: number, cores: readonly number[], apart: boolean): Promise<Processes> {
    const generators = Array.from({ length: count }, (_, at) => new Generator(cores.length === 0 ? undefined : cores[at % cores.length]));
    const fleet = new Processes(generators, apart ? [{ pid: process.pid, core: cores[0] }] : []);
    try {
      const shares = sharesOf(options.chats.count * options.chats.members, options.chats.members, count);
      await Promise.all(fleet.#generators.map((generator, at) => generator.ask({ kind: 'gather', options, share: shares[at] as Share })));
      const founded = (await Promise.all(fleet.#generators.map((generator) => generator.ask({ kind: 'found' })))).flatMap((done) => done.founded ?? []);
      await Promise.all(fleet.#generators.map((generator) => generator.ask({ kind: 'join', founded })));
      return fleet;
    } catch (error) {
      fleet.leave();
      throw error;
    }
  }

  get cores(): readonly (number | undefined)[] {
    return [...this.#generators, ...this.#us].map(({ core }) => core);
  }

  get pids(): readonly number[] {
    return [...this.#generators, ...this.#us].map(({ pid }) => pid);
  }

  async window(window: Window, marks: WindowMarks): Promise<WindowResult> {
    const startMs = performance.now() + startDelayMs;
    const timers = [setTimeout(marks.begin, startDelayMs + window.warmMs), setTimeout(marks.end, startDelayMs + window.warmMs + window.measuredMs)];
    this.#endEarly = () => {
      for (const timer of timers) clearTimeout(timer);
      marks.end();
    };
    try {
      const parts = await Promise.all(
        this.#generators.map(async (generator) => {
          generator.standing = undefined;
          const share = { ...window, rate: (window.rate * generator.members) / this.#members() };
          return (await generator.ask({ kind: 'window', window: share, startSharedMs: sharedFrom(startMs) })).result as WindowParts;
        }),
      );
      return together(parts, window.rate);
    } finally {
      for (const timer of timers) clearTimeout(timer);
    }
  }

  p99Ms(): null {
    return null;
  }

  giveUp(): void {
    for (const generator of this.#generators) generator.tell({ kind: 'giveUp' });
  }

  brokenWhy(): string | undefined {
    return this.#brokenWhy;
  }

  leave(): void {
    for (const generator of this.#generators) generator.end();
  }

  #members(): number {
    return this.#generators.reduce((total, { members }) => total + members, 0);
  }

  /** All have said how they stand since they had written their last: then only what is under way is missing. */
  #lookWhole(): void {
    const standings = this.#generators.map(({ standing }) => standing);
    if (standings.some((one) => one === undefined)) return;
    const sum = (of: (standing: Standing) => number): number => standings.reduce((total, one) => total + of(one as Standing), 0);
    if (sum(({ accepted, messages }) => accepted - messages) < 0 || sum(({ received, expected }) => received - expected) < 0) return;
    for (const generator of this.#generators) generator.tell({ kind: 'whole' });
  }
}

class Generator {
  readonly core: number | undefined;
  members = 0;
  standing: Standing | undefined;
  onStanding: () => void = () => undefined;
  onGaveUp: () => void = () => undefined;
  onBroken: (why: string) => void = () => undefined;
  readonly #child: ChildProcess;
  #waiting: { readonly resolve: (done: FromGenerator & { kind: 'done' }) => void; readonly reject: (error: Error) => void } | undefined;

  constructor(core: number | undefined) {
    this.core = core;
    this.#child = fork(program, core === undefined ? [] : [String(core)], { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    endWithUs(this.#child);
    this.#child.on('message', (message) => this.#heard(message as FromGenerator));
    this.#child.once('exit', (code, signal) => this.#over(`a generator ended (${signal ?? code})`));
    this.#child.once('error', (error) => this.#over(error.message));
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  ask(request: ToGenerator): Promise<FromGenerator & { kind: 'done' }> {
    if (request.kind === 'gather') this.members = request.share.count;
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.tell(request);
    });
  }

  tell(request: ToGenerator): void {
    if (this.#child.connected) this.#child.send(request);
  }

  end(): void {
    this.#child.kill('SIGKILL'); // nothing of it is to be kept
  }

  #heard(message: FromGenerator): void {
    if (message.kind === 'done') this.#waiting?.resolve(message);
    else if (message.kind === 'failed') this.#waiting?.reject(new DeviceFailed(message.why));
    else if (message.kind === 'gaveUp') this.onGaveUp();
    else if (message.kind === 'broken') this.onBroken(message.why);
    else {
      this.standing = message.standing;
      this.onStanding();
    }
  }

  #over(why: string): void {
    this.onBroken(why);
    this.#waiting?.reject(new DeviceFailed(why));
  }
}

const children = new Set<ChildProcess>();

/** However many there are, one listener. */
function endWithUs(child: ChildProcess): void {
  if (children.size === 0) process.once('exit', () => children.forEach((one) => void one.kill('SIGKILL')));
  children.add(child);
  child.once('exit', () => children.delete(child));
}

/** Whole chats where there are enough of them, else members: contiguous, as equal as can be. */
export function sharesOf(members: number, ofAChat: number, generators: number): readonly Share[] {
  const unit = members / ofAChat >= generators ? ofAChat : 1;
  const bound = (at: number): number => Math.round((members / unit) * (at / generators)) * unit;
  return Array.from({ length: generators }, (_, at) => ({ first: bound(at), count: bound(at + 1) - bound(at) }));
}

/** One window of several generators as one. */
export function together(parts: readonly WindowParts[], rate: number): WindowResult {
  const sum = (of: (part: WindowParts) => number): number => parts.reduce((total, part) => total + of(part), 0);
  const latency = new Latency();
  for (const part of parts) latency.add(Latency.from(part.latency));
  const missing = sum((part) => part.missing);
  return {
    rate,
    measuredMs: Math.max(...parts.map(({ measuredMs }) => measuredMs)),
    latency,
    accepted: sum(({ accepted }) => accepted),
    delivered: sum(({ delivered }) => delivered),
    written: sum(({ written }) => written),
    received: sum(({ received }) => received),
    lost: Math.max(0, missing),
    missing,
    doubled: sum(({ doubled }) => doubled),
    reordered: sum(({ reordered }) => reordered),
    healed: sum(({ healed }) => healed),
    blocked: sum(({ blocked }) => blocked),
    refused: sum(({ refused }) => refused),
    endedEarly: parts.some(({ endedEarly }) => endedEarly),
    broken: parts.find(({ broken }) => broken !== undefined)?.broken,
  };
}

/** The moment at which a window begins, in a generator. */
export function startOf(startSharedMs: number): number {
  return nowFrom(startSharedMs);
}
