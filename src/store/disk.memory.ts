// The simulator's disk. What was written survives the crash of a process; what was still on its way vanishes with it.
import type { Entry } from '../protocol/messages.ts';
import type { Clock } from '../structures/clock.ts';
import type { ChatId, UserId } from '../structures/ids.ts';
import type { Snapshot } from './chats.ts';
import type { Device } from './devices.ts';
import { StoreFull, StoreUnavailable } from './faults.ts';
import type { Append, Tip } from './messages.ts';
import type { ReceiptRow } from './receipts.ts';
import type { FamilyRow } from './tokens.memory.ts';
import type { SigningKey } from './tokens.ts';
import type { User } from './users.ts';

export interface MemoryLog {
  tip: Tip;
  readonly entries: Entry[];
  /** The append that brought each entry: `tips[n]` is that of `entries[n]`. */
  readonly tips: Tip[];
  fold: { readonly seq: number; readonly bytes: Uint8Array } | undefined;
}

export interface MemoryInboxRow {
  /** Of the newest change applied; for one who left, the last seq that may be seen. */
  head: number;
  confirmed: boolean;
  member: boolean;
  large: boolean;
}

export interface MemoryReceipts {
  version: number;
  readonly rows: Map<UserId, ReceiptRow>;
}

/** What stands on the disk. Readable by checkers; written by the stores alone. */
export interface MemoryDisk {
  incarnation: string;
  readonly logs: Map<ChatId, MemoryLog>;
  readonly snapshots: Map<ChatId, Snapshot>;
  readonly inboxes: Map<UserId, Map<ChatId, MemoryInboxRow>>;
  readonly receipts: Map<ChatId, MemoryReceipts>;
  readonly users: Map<UserId, User>;
  readonly handles: Map<string, UserId>;
  readonly devices: Map<UserId, Map<string, Device>>;
  readonly families: Map<string, FamilyRow>;
  readonly keys: SigningKey[];
}

export function memoryDisk({ incarnation = 'memory' }: { readonly incarnation?: string } = {}): MemoryDisk {
  return {
    incarnation,
    logs: new Map(),
    snapshots: new Map(),
    inboxes: new Map(),
    receipts: new Map(),
    users: new Map(),
    handles: new Map(),
    devices: new Map(),
    families: new Map(),
    keys: [],
  };
}

/** `port.method`, for instance `inbox.raise`. */
export type Operation = `${'messages' | 'chats' | 'inbox' | 'receipts' | 'users' | 'devices' | 'tokens'}.${string}`;

export interface Delay {
  readonly delayMs: number;
}
export type ReadFault = 'ok' | 'unavailable' | Delay;
export type WriteFault = ReadFault | 'full';
/**
 * `unknownApplied`: stored, but the answer is lost · `unknownNotApplied`: lost on the way, and so is the answer · `unknownLate`: the answer is lost, and what was sent
 * arrives `lateMs` after the loss, when the same has long been sent again. The store resolves each by sending the identical append again, for which it asks the fault hook again.
 */
export type AppendFault = WriteFault | 'unknownApplied' | 'unknownNotApplied' | 'unknownLate';

/** What a simulator injects. Left out: all is well. */
export interface MemoryFaults {
  beforeAppend?(append: Append): AppendFault;
  /** Every write but an append. */
  beforeWrite?(operation: Operation): WriteFault;
  beforeRead?(operation: Operation): ReadFault;
}

export interface MemoryOptions {
  /** Default: a new, empty one. */
  readonly disk?: MemoryDisk;
  /** Needed for delays, for `unknownLate` and for latency; without it everything settles by microtasks. */
  readonly clock?: Clock;
  readonly faults?: MemoryFaults;
  /** How long an operation takes to reach the disk; it stands there for as long again before the caller hears. Default 0. */
  readonly latencyMs?: (operation: Operation) => number;
  /**
   * Of the network between process and disk, where they are apart: what was sent arrives though its sender has died or stands still, and an answer waits for who stands still.
   * Left out: they are one machine, and what had not reached the disk vanishes with the process.
   */
  readonly network?: Clock;
  /** How long what was thought lost is under way. */
  readonly lateMs?: () => number;
  /** The clock of the disk's own machine. Default: that of `clock`. */
  readonly storeNowMs?: () => number;
  /** Whether inboxes know of an append what was raised for it, as they do where many nodes share a store, and not what the log says. */
  readonly wantsEveryHead?: boolean;
  /** Nobody else writes to this disk as long as these stores live: what its process knows of the logs is the truth. */
  readonly isSole?: boolean;
}

/** After an unknown outcome the identical append is sent again after this long. */
const resubmitMs = 50;
const lateMsDefault = 500;

/** Carries it out now; what it threw is thrown when the answer arrives. */
function outcomeOf(apply: () => void): () => void {
  try {
    apply();
    return () => undefined;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function after(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}

/** One process's way to the disk. After `crash` no promise settles any more, and nothing that is under way reaches the disk, unless a network lies between. */
export class MemoryAccess {
  readonly disk: MemoryDisk;
  readonly #clock: Clock | undefined;
  readonly #network: Clock | undefined;
  readonly #lateMs: () => number;
  readonly #faults: MemoryFaults;
  readonly #latencyMs: (operation: Operation) => number;
  readonly #underWay = new Set<Promise<unknown>>();
  #state: 'open' | 'closed' | 'crashed' = 'open';
  #trouble: string | undefined;

  constructor({ disk = memoryDisk(), clock, network, lateMs = () => lateMsDefault, faults = {}, latencyMs = () => 0 }: MemoryOptions) {
    this.disk = disk;
    this.#clock = clock;
    this.#network = network;
    this.#lateMs = lateMs;
    this.#faults = faults;
    this.#latencyMs = latencyMs;
  }

  read<Value>(operation: Operation, look: () => Value): Promise<Value> {
    return this.#follow(() => this.#read(operation, look));
  }

  /** `apply` checks and changes the disk in one go, or throws. */
  write<Value>(operation: Operation, apply: () => Value): Promise<Value> {
    return this.#follow(() => this.#write(operation, apply));
  }

  /** `apply` must be harmless when it is done again. */
  append(append: Append, apply: () => void): Promise<void> {
    return this.#follow(() => this.#append(append, apply));
  }

  trouble(): string | undefined {
    return this.#trouble;
  }

  crash(): void {
    this.#state = 'crashed';
  }

  async close(): Promise<void> {
    if (this.#state === 'crashed') return;
    this.#state = 'closed';
    await Promise.allSettled([...this.#underWay]);
  }

  async #read<Value>(operation: Operation, look: () => Value): Promise<Value> {
    const fault = this.#faults.beforeRead?.(operation) ?? 'ok';
    await this.#way(this.#latencyMs(operation));
    if (fault === 'unavailable') return this.#back(0).then(() => Promise.reject(new StoreUnavailable(`${operation}: injected`)));
    if (fault !== 'ok') await this.#way(fault.delayMs);
    const value = look();
    if (this.#network !== undefined) await this.#back(this.#latencyMs(operation));
    return value;
  }

  async #write<Value>(operation: Operation, apply: () => Value): Promise<Value> {
    const fault = this.#faults.beforeWrite?.(operation) ?? 'ok';
    await this.#way(this.#latencyMs(operation));
    await this.#refuse(operation, fault);
    if (typeof fault === 'object') await this.#way(fault.delayMs);
    const value = apply();
    await this.#back(this.#latencyMs(operation));
    return value;
  }

  async #append(append: Append, apply: () => void): Promise<void> {
    const operation = 'messages.append';
    for (let unknown = false; ; unknown = true) {
      const fault = this.#faults.beforeAppend?.(append) ?? 'ok';
      await this.#way(this.#latencyMs(operation));
      if (unknown && (fault === 'full' || fault === 'unavailable')) {
        // Says nothing about the earlier attempt: only an answer to the same append does.
        await this.#back(resubmitMs);
        continue;
      }
      await this.#refuse(operation, fault);
      if (typeof fault === 'object') await this.#way(fault.delayMs);
      if (fault === 'unknownLate') this.#late(apply);
      const outcome = fault === 'unknownNotApplied' || fault === 'unknownLate' ? undefined : outcomeOf(apply);
      await this.#back(this.#latencyMs(operation));
      if (fault === 'ok' || typeof fault === 'object') return outcome?.();
      await this.#back(resubmitMs);
    }
  }

  /** What is already in the network reaches the disk whether its sender lives or not. */
  #late(apply: () => void): void {
    const clock = this.#network ?? this.#clock;
    if (clock === undefined) throw new Error('unknownLate needs a clock');
    clock.after(this.#lateMs(), () => void outcomeOf(apply)); // nobody waits for this answer
  }

  async #refuse(operation: Operation, fault: AppendFault): Promise<void> {
    if (fault === 'full' || fault === 'unavailable') await this.#back(0);
    this.#trouble = fault === 'full' ? 'The disk is full.' : fault === 'unavailable' ? 'The store is out of reach.' : undefined;
    if (fault === 'full') throw new StoreFull(`${operation}: injected`);
    if (fault === 'unavailable') throw new StoreUnavailable(`${operation}: injected`);
  }

  /** To the disk. */
  async #way(ms: number): Promise<void> {
    if (this.#network === undefined) return this.#back(ms);
    if (ms > 0) await after(this.#network, ms);
    else await undefined;
  }

  /** To the process, which may have died. */
  async #back(ms: number): Promise<void> {
    const clock = this.#clock;
    if (clock !== undefined && (ms > 0 || this.#network !== undefined)) await after(clock, ms);
    else await undefined;
    if (this.#state === 'crashed') await new Promise<never>(() => {});
  }

  #follow<Value>(begin: () => Promise<Value>): Promise<Value> {
    if (this.#state === 'closed') return Promise.reject(new StoreUnavailable('the stores are closed'));
    const work = begin();
    this.#underWay.add(work);
    const over = () => this.#underWay.delete(work);
    work.then(over, over);
    return work;
  }
}
