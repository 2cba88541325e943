// The writes of all stores that will be committed together.
import type { ChatId } from '../structures/ids.ts';
import { Block } from './journal-block.level.ts';

export class Group {
  readonly block: Block;
  /** Resolves once all of it is durable; rejects with StoreFull or StoreUnavailable when certainly none of it is. */
  readonly durable: Promise<void>;
  appends = 0;
  entries = 0;
  isDurable = false;
  /** Nobody waits for it any more, and its rows can be read from the database. */
  isSettled = false;
  /** Somebody waits until its rows can be read. */
  isAwaited = false;
  /** Called when somebody begins to wait for that after it has become durable. */
  hurry: () => void = nothing;
  #applied: Promise<void> | undefined;
  #becameDurable: () => void = () => {};
  #becameReadable: () => void = () => {};
  #failed: (error: Error) => void = () => {};

  /** `bytes`: where a former group was written, see Block. */
  constructor(bytes?: Buffer) {
    this.block = new Block(bytes);
    this.durable = new Promise((resolve, reject) => {
      this.#becameDurable = resolve;
      this.#failed = reject;
    });
    this.durable.catch(() => {}); // those who wrote hear of it; nobody else needs to
  }

  get operations(): number {
    return this.entries + this.block.rows.length;
  }

  get bytes(): number {
    return this.block.byteLength;
  }

  /** Neither may change afterwards. */
  put(key: Buffer, value: Buffer): void {
    this.block.put(key, value);
  }

  del(key: Buffer): void {
    this.block.del(key);
  }

  append(chatId: ChatId, firstSeq: number, tip: number, entries: readonly Uint8Array[], fold: Uint8Array | undefined, framed = false): void {
    this.block.append(chatId, firstSeq, tip, entries, fold, framed);
    this.appends += 1;
    this.entries += entries.length;
  }

  /** Like `durable`, and then its rows can also be read. Appends can be read as soon as they are durable. */
  get applied(): Promise<void> {
    this.isAwaited = true;
    this.hurry();
    this.#applied ??= this.durable.then(() => (this.isSettled ? undefined : new Promise<void>((resolve) => void (this.#becameReadable = resolve))));
    return this.#applied;
  }

  /** Its bytes are on the disk, and its appends can be read. */
  stands(): void {
    this.isDurable = true;
    this.#becameDurable();
  }

  /** Its rows can be read from the database, and all that were written before them. */
  isApplied(): void {
    this.isSettled = true;
    this.#becameReadable();
  }

  fails(error: Error): void {
    this.isSettled = true;
    this.#failed(error);
  }
}

function nothing(): void {}
