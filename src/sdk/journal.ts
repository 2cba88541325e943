// Writes to the storage, in order: one at a time, and what gathers meanwhile goes together (an fsync is shared by all who wait for it).
import { Closed } from './faults.ts';
import type { Change, DeviceStorage } from './storage.ts';

interface Waiting {
  readonly changes: readonly Change[];
  readonly sync: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Journal {
  private readonly storage: DeviceStorage;
  private readonly failed: (error: unknown) => void;
  private waiting: Waiting[] = [];
  private writing = false;
  private fault: { readonly error: unknown } | undefined;
  private unwritten = 0;
  private emptied: (() => void)[] = [];

  /** `failed` is told of the first write that fails. From then on all are refused: memory and storage no longer agree, and the client has to be opened anew. */
  constructor(storage: DeviceStorage, failed: (error: unknown) => void) {
    this.storage = storage;
    this.failed = failed;
  }

  /** Changes that wait to be written, or are being written. */
  get backlog(): number {
    return this.unwritten;
  }

  /** All or nothing, after everything that was given earlier. With no changes: resolves once that is written. */
  write(changes: readonly Change[], { sync = false }: { readonly sync?: boolean } = {}): Promise<void> {
    if (this.fault !== undefined) return Promise.reject(this.fault.error);
    this.unwritten += changes.length;
    return new Promise((resolve, reject) => {
      this.waiting.push({ changes, sync, resolve, reject });
      if (!this.writing) void this.run();
    });
  }

  /** Resolves when nothing waits any more, whether it was written or refused. */
  settled(): Promise<void> {
    if (!this.writing && this.waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.emptied.push(resolve));
  }

  /** Nothing more is written, and nobody is told: for a client that is thought dead. */
  abandon(): void {
    this.fault ??= { error: new Closed('this client was dropped') };
    this.waiting = [];
  }

  private async run(): Promise<void> {
    this.writing = true;
    await null; // what this turn still brings goes with the first
    while (this.waiting.length > 0) {
      const batch = this.waiting;
      this.waiting = [];
      const changes = batch.flatMap((one) => one.changes);
      await this.writeOne(batch, changes);
      this.unwritten -= changes.length;
    }
    this.writing = false;
    for (const resolve of this.emptied.splice(0)) resolve();
  }

  private async writeOne(batch: readonly Waiting[], changes: readonly Change[]): Promise<void> {
    try {
      if (this.fault !== undefined) throw this.fault.error;
      if (changes.length > 0) await this.storage.write(changes, { sync: batch.some(({ sync }) => sync) });
    } catch (error) {
      if (this.fault === undefined) {
        this.fault = { error };
        this.failed(error);
      }
      for (const { reject } of batch) reject(error);
      return;
    }
    for (const { resolve } of batch) resolve();
  }
}
