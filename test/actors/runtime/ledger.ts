// An actor for the kernel's tests: it counts, keeps things on a disk whose faults the test decides, and notices when two of its handlers run at once.
import type { ActorDefinition, GivenBack, Self, Step } from '../../../src/actors/runtime/actor.ts';
import type { KernelEvent } from '../../../src/actors/runtime/events.ts';
import { createKernel, type Kernel, type KernelNeeds } from '../../../src/actors/runtime/kernel.ts';
import { StoreUnavailable, Superseded } from '../../../src/store/faults.ts';
import { FakeClock } from '../../sim/clock.ts';

export type Does = 'count' | 'keep' | 'read' | 'poison' | 'clumsy' | 'end' | 'remind' | 'poisonOver' | 'odd';

export interface Command {
  readonly name: string;
  readonly does: Does;
  readonly bytes?: number;
}

export interface State {
  readonly id: string;
  readonly kept: readonly string[];
  readonly counted: number;
  readonly over: boolean;
  /** `isOver` throws. */
  readonly broken: boolean;
}

export interface Effect {
  readonly kind: 'keep' | 'done' | 'fall' | 'remind' | 'odd';
  readonly name: string;
}

interface Context {
  tip: number;
}

type Definition = ActorDefinition<string, State, Command, Effect, Context>;

/** What lasts. Every operation takes one of `faults` first, waits while `held`, and then does the whole or nothing. */
export class Disk {
  readonly logs = new Map<string, string[]>();
  /** Rejections to come, oldest first; undefined lets one operation pass. */
  loadFaults: (Error | undefined)[] = [];
  commitFaults: (Error | undefined)[] = [];
  #gate: Promise<void> | undefined;
  #open: (() => void) | undefined;
  /** Operations that were started. */
  loads = 0;
  commits = 0;

  hold(): void {
    this.#gate ??= new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  release(): void {
    this.#gate = undefined;
    this.#open?.();
  }

  log(id: string): string[] {
    const log = this.logs.get(id) ?? [];
    this.logs.set(id, log);
    return log;
  }

  async load(id: string): Promise<{ readonly kept: readonly string[]; readonly tip: number }> {
    this.loads += 1;
    const fault = this.loadFaults.shift();
    await this.#gate;
    if (fault !== undefined) throw fault;
    const log = this.log(id);
    return { kept: [...log], tip: log.length };
  }

  async append(id: string, names: readonly string[], builtOn: number): Promise<number> {
    this.commits += 1;
    const fault = this.commitFaults.shift();
    await this.#gate;
    if (fault !== undefined) throw fault;
    const log = this.log(id);
    if (log.length !== builtOn) throw new Superseded(id);
    log.push(...names);
    return log.length;
  }
}

/** A kernel with the ledger in it, and all that was seen of it. */
export class Bench {
  readonly clock = new FakeClock();
  readonly disk = new Disk();
  readonly kernel: Kernel;
  /** `id:name` of what was done, in order. */
  readonly performed: string[] = [];
  readonly givenBack: string[] = [];
  readonly events: KernelEvent[] = [];
  readonly violations: string[] = [];
  readonly passivated: State[] = [];
  turns = 0;
  /** Awaited by `passivate`. */
  parting: Promise<void> | undefined;
  readonly #underWay = new Map<string, string>();

  constructor(needs: Partial<KernelNeeds> = {}, overrides: Partial<Definition> = {}) {
    this.kernel = createKernel({
      clock: this.clock,
      random: () => 0.5,
      afterTurn: () => {
        this.turns += 1;
      },
      report: (event) => this.events.push(event),
      ...needs,
    });
    this.kernel.host({ ...this.#definition(), ...overrides });
  }

  tell(id: string, does: Does, name: string, bytes = 1): void {
    this.kernel.tell('ledger', id, { name, does, bytes } satisfies Command);
  }

  settle(): Promise<void> {
    return this.clock.settle();
  }

  kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }

  /** Wraps what takes time: from here to its end nothing else may run for that id. */
  async #alone<Result>(id: string, what: string, work: () => Promise<Result>): Promise<Result> {
    this.#check(id, what);
    this.#underWay.set(id, what);
    try {
      return await work();
    } finally {
      this.#underWay.delete(id);
    }
  }

  #check(id: string, what: string): void {
    const other = this.#underWay.get(id);
    if (other !== undefined) this.violations.push(`${what} of ${id} during its ${other}`);
  }

  #definition(): Definition {
    return {
      kind: 'ledger',
      mailboxMax: 8,
      mailboxBytesMax: 1_000,
      batchMax: 4,
      batchBytesMax: 100,
      passivateAfterMs: 60_000,
      sizeOf: ({ bytes }) => bytes ?? 1,
      load: (id) =>
        this.#alone(id, 'load', async () => {
          const { kept, tip } = await this.disk.load(id);
          return { state: { id, kept, counted: 0, over: false, broken: false }, context: { tip } };
        }),
      step: (state, command) => {
        this.#check(state.id, 'step');
        return step(state, command);
      },
      isDurable: ({ kind }) => {
        if (kind === 'odd') throw new Error('an odd effect');
        return kind === 'keep';
      },
      commit: (durable, state, self) => this.#alone(state.id, 'commit', () => this.#keep(durable, self)),
      perform: (effect, self) => this.#perform(effect, self),
      giveBack: ({ name }, why: GivenBack, id) => this.givenBack.push(`${id}:${name} ${why}`),
      readsOnly: ({ does }) => does === 'read',
      isOver: ({ over, broken }) => {
        if (broken) throw new Error('isOver fell over');
        return over;
      },
      passivate: (state) =>
        this.#alone(state.id, 'passivate', async () => {
          await this.parting;
          this.passivated.push(state);
        }),
    };
  }

  async #keep(durable: readonly Effect[], self: Self<string, Context>): Promise<void> {
    const names = durable.map(({ name }) => name);
    self.context.tip = await this.disk.append(self.id, names, self.context.tip);
  }

  #perform({ kind, name }: Effect, self: Self<string, Context>): void {
    this.#check(self.id, 'perform');
    this.performed.push(`${self.id}:${name}`);
    if (kind === 'remind') self.after(1_000, { name: `${name} again`, does: 'count' } satisfies Command);
    if (kind === 'fall') throw new Error(`${name} fell`);
  }
}

function step(state: State, { name, does }: Command): Step<State, Effect> {
  const done: Effect = { kind: 'done', name };
  switch (does) {
    case 'count':
      return { state: { ...state, counted: state.counted + 1 }, effects: [done] };
    case 'keep':
      return { state: { ...state, kept: [...state.kept, name] }, effects: [{ kind: 'keep', name }, done] };
    case 'read':
      return { state: { ...state, counted: -1 }, effects: [{ ...done, name: `${name}=${state.kept.join('')}/${state.counted}` }] };
    case 'clumsy':
      return { state, effects: [{ kind: 'fall', name }] };
    case 'remind':
      return { state, effects: [{ kind: 'remind', name }] };
    case 'end':
      return { state: { ...state, over: true }, effects: [done] };
    case 'poisonOver':
      return { state: { ...state, broken: true }, effects: [done] };
    case 'odd':
      return { state, effects: [done, { kind: 'keep', name }, { kind: 'odd', name }] };
    case 'poison':
      throw new Error(`${name} is poison`);
  }
}

export const outOfReach = (): StoreUnavailable => new StoreUnavailable('the store is out of reach');
