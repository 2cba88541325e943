// The supervision tree of a node, on nact: a root over the few long-lived parts (link, sockets, hosts of entities). Lifecycle and notices only, no command.
// nact resets and respawns by its own policies can run two handlers of one actor at once, its mailboxes have no bound and what is sent to a stopped actor
// vanishes; so no handler here ever throws into nact, a restart is a message like any other, and each child has at most one notice under way.
import { createRequire } from 'node:module';
import type { Clock, Random, Timer } from '../../structures/clock.ts';
import type { KernelEvent } from './events.ts';
import { type RestartLimits, Trouble } from './restarts.ts';

export interface TreeChild {
  readonly name: string;
  /** The kinds of entities that it hosts: it hears what the kernel reports of them. */
  readonly hosts?: readonly string[];
  /** A rejection of the first start fails the whole tree. `failed` may be called at any later time, and asks for a restart. */
  start(failed: (error: unknown) => void): void | Promise<void>;
  /** Also before a restart, and after a start that failed. */
  stop(): void | Promise<void>;
  /** What was reported since the last call, in order; of a flood `missed` were left out. A throw asks for a restart. */
  hear?(events: readonly KernelEvent[], missed: number): void | Promise<void>;
}

export type TreeEvent =
  | { readonly kind: 'started' | 'stopped'; readonly child: string }
  | { readonly kind: 'failed'; readonly child: string; readonly error: unknown; readonly restartInMs: number }
  | { readonly kind: 'stopFailed'; readonly child: string; readonly error: unknown }
  /** It failed too often and stays down: the node should go down. */
  | { readonly kind: 'gaveUp'; readonly child: string; readonly error: unknown };

export interface Tree {
  /** Passes a report of the kernel on to the child that hosts the entity; nothing happens when none does. */
  hear(event: KernelEvent): void;
  /** Stops the children in reverse order, each after what it is doing. Resolves when all have stopped; one that fails to is reported. */
  stop(): Promise<void>;
}

export interface TreeNeeds {
  readonly clock: Clock;
  readonly random: Random;
  readonly restarts?: RestartLimits;
}

export const treeRestarts: RestartLimits = { max: 3, withinMs: 60_000, backoffMsMin: 200, backoffMsMax: 10_000 };
/** Reports that wait for one child; more are only counted. */
const noticesMax = 1_000;

/** Starts the children in order, each after the one before. Rejects with what the first that fails has thrown, with the others stopped again. */
export async function startTree(children: readonly TreeChild[], report: (event: TreeEvent) => void, needs: TreeNeeds): Promise<Tree> {
  const tree = new NactTree(children, report, needs);
  await tree.start();
  return tree;
}

// nact builds its exports so that Node can't tell their names in advance: a named import fails.
const nact = createRequire(import.meta.url)('nact') as typeof import('nact');
type Ref<Message> = import('nact').Ref<Message>;

type ToChild = { readonly kind: 'start' | 'stop'; readonly done: (error: unknown) => void } | { readonly kind: 'restart' } | { readonly kind: 'notices' };
type ToRoot = { readonly kind: 'failed'; readonly branch: Branch; readonly error: unknown };

/** One child with its actor. Only that actor's handler touches the child. */
class Branch {
  readonly child: TreeChild;
  readonly trouble = new Trouble();
  notices: KernelEvent[] = [];
  missed = 0;
  noticed = false;
  up = false;
  /** Until the restart that a failure has brought. */
  pause: Timer | undefined = undefined;
  actor: Ref<ToChild> | undefined = undefined;

  constructor(child: TreeChild) {
    this.child = child;
  }
}

class NactTree implements Tree {
  readonly #report: (event: TreeEvent) => void;
  readonly #needs: TreeNeeds;
  readonly #branches: Branch[];
  readonly #hosts = new Map<string, Branch>();
  readonly #system = nact.start();
  readonly #root: Ref<ToRoot>;
  #stopping: Promise<void> | undefined;

  constructor(children: readonly TreeChild[], report: (event: TreeEvent) => void, needs: TreeNeeds) {
    this.#report = report;
    this.#needs = needs;
    this.#branches = children.map((child) => new Branch(child));
    this.#root = nact.spawn(this.#system, (_state: undefined, message: ToRoot) => this.#atRoot(message), 'root', { onCrash: (_message, _error, { resume }) => resume });
    for (const branch of this.#branches) {
      const handle = (_state: undefined, message: ToChild): Promise<undefined> => this.#atChild(branch, message);
      branch.actor = nact.spawn(this.#root, handle, branch.child.name, { onCrash: (_message, _error, { resume }) => resume });
      for (const kind of branch.child.hosts ?? []) this.#hosts.set(kind, branch);
    }
  }

  async start(): Promise<void> {
    for (const branch of this.#branches) {
      const error = await this.#ask(branch, 'start');
      if (error === undefined) continue;
      await this.stop();
      throw error;
    }
  }

  hear(event: KernelEvent): void {
    const branch = this.#hosts.get(event.actor);
    if (branch?.child.hear === undefined || this.#stopping !== undefined) return;
    if (branch.notices.length < noticesMax) branch.notices.push(event);
    else branch.missed += 1;
    if (branch.noticed) return;
    branch.noticed = true;
    send(branch, { kind: 'notices' });
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    for (const { pause } of this.#branches) pause?.cancel();
    for (const branch of this.#branches.toReversed()) await this.#ask(branch, 'stop');
    nact.stop(this.#system);
  }

  #ask(branch: Branch, kind: 'start' | 'stop'): Promise<unknown> {
    return new Promise((done) => send(branch, { kind, done }));
  }

  async #atChild(branch: Branch, message: ToChild): Promise<undefined> {
    switch (message.kind) {
      case 'start':
        message.done(await this.#startChild(branch));
        return undefined;
      case 'stop':
        await this.#stopChild(branch);
        message.done(undefined);
        return undefined;
      case 'restart':
        await this.#restartChild(branch);
        return undefined;
      case 'notices':
        await this.#giveNotices(branch);
        return undefined;
    }
  }

  /** What the start threw, or undefined. */
  async #startChild(branch: Branch): Promise<unknown> {
    try {
      branch.up = true; // also when it fails half-way: then it must be stopped
      await branch.child.start((error) => this.#failed(branch, error));
    } catch (error) {
      return error ?? new Error(`${branch.child.name} did not start`);
    }
    this.#tell({ kind: 'started', child: branch.child.name });
    return undefined;
  }

  async #stopChild(branch: Branch): Promise<void> {
    const { name } = branch.child;
    if (!branch.up) return;
    branch.up = false;
    try {
      await branch.child.stop();
      this.#tell({ kind: 'stopped', child: name });
    } catch (error) {
      this.#tell({ kind: 'stopFailed', child: name, error });
    }
  }

  async #restartChild(branch: Branch): Promise<void> {
    await this.#stopChild(branch);
    if (this.#stopping !== undefined) return;
    branch.trouble.down = false; // what fails from here on fails anew
    const error = await this.#startChild(branch);
    if (error !== undefined) this.#failed(branch, error);
  }

  async #giveNotices(branch: Branch): Promise<void> {
    const { notices, missed } = branch;
    branch.notices = [];
    branch.missed = 0;
    branch.noticed = false;
    if (!branch.up) return;
    try {
      await branch.child.hear?.(notices, missed);
    } catch (error) {
      this.#failed(branch, error);
    }
  }

  /** Tells the root, which decides. */
  #failed(branch: Branch, error: unknown): void {
    if (this.#stopping === undefined) nact.dispatch(this.#root, { kind: 'failed', branch, error });
  }

  #atRoot({ branch, error }: ToRoot): undefined {
    const { trouble, child } = branch;
    if (this.#stopping !== undefined || trouble.down || trouble.quarantined) return undefined; // one failure, told twice
    const { clock, random, restarts = treeRestarts } = this.#needs;
    const restartInMs = trouble.crashed(restarts, clock.nowMs(), random);
    if (restartInMs === undefined) {
      trouble.quarantined = true;
      this.#tell({ kind: 'gaveUp', child: child.name, error });
      return undefined;
    }
    this.#tell({ kind: 'failed', child: child.name, error, restartInMs });
    branch.pause = clock.after(restartInMs, () => send(branch, { kind: 'restart' }));
    return undefined;
  }

  /** Outside of the handlers, so that a report that throws leaves them whole. */
  #tell(event: TreeEvent): void {
    queueMicrotask(() => this.#report(event));
  }
}

function send(branch: Branch, message: ToChild): void {
  if (branch.actor !== undefined) nact.dispatch(branch.actor, message);
}
