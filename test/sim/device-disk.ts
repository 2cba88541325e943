// The disk of one simulated device: slow, losing what was not synced when the power goes, and able to come back as it was some time ago.
import type { Entry } from '../../src/protocol/messages.ts';
import { type MemoryDisk, memoryDisk } from '../../src/sdk/storage.memory.ts';
import type { Change, DeviceStorage, EntryRange, Kept } from '../../src/sdk/storage.ts';
import type { Clock } from '../../src/structures/clock.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import type { Draws } from './random.ts';

interface Written {
  readonly changes: readonly Change[];
  readonly sync: boolean;
}

const everything: EntryRange = { after: 0, before: Number.MAX_SAFE_INTEGER, limit: Number.MAX_SAFE_INTEGER, from: 'first' };
const writeMsMax = 8;

export class DeviceDisk {
  #written: Written[] = [];
  #disk: MemoryDisk = fresh();
  readonly #kept: (change: Change) => void;

  /** `kept` hears of each change once it is on the disk. */
  constructor(kept: (change: Change) => void) {
    this.#kept = kept;
  }

  /** For one life of the device: `clock` ends with it, and what is being written then never comes. */
  async open(clock: Clock, random: Draws): Promise<{ readonly storage: DeviceStorage; readonly kept: Kept }> {
    const inner = this.#disk.storage();
    const kept = await inner.open();
    const storage: DeviceStorage = {
      entriesPerChatMax: inner.entriesPerChatMax,
      open: () => Promise.reject(new Error('is open')),
      write: async (changes, options) => {
        if (random.chance(0.5)) await new Promise<void>((resolve) => clock.after(random.between(0, writeMsMax), resolve));
        await inner.write(changes, options);
        this.#written.push({ changes, sync: options.sync });
        for (const change of changes) this.#kept(change);
      },
      entries: (chatId, range) => inner.entries(chatId, range),
      close: () => inner.close(),
    };
    return { storage, kept };
  }

  /** The process has died. What had been written stays. */
  crash(): void {
    this.#disk.crash();
  }

  /** The power was cut: what was written after the last sync may be gone, from some point on. */
  async powerCut(random: Draws): Promise<void> {
    const synced = this.#written.findLastIndex(({ sync }) => sync) + 1;
    await this.#become(this.#written.slice(0, random.whole(synced, this.#written.length)));
  }

  /** The device comes back from a copy that was made a while ago. */
  async rewind(random: Draws): Promise<void> {
    await this.#become(this.#written.slice(0, random.whole(Math.floor(this.#written.length / 3), this.#written.length)));
  }

  /** Everything that is kept, to be judged. Only for a device that is off. */
  async contents(): Promise<{ readonly kept: Kept; readonly logs: ReadonlyMap<ChatId, readonly Entry[]> }> {
    const storage = this.#disk.storage();
    const kept = await storage.open();
    const logs = new Map<ChatId, readonly Entry[]>();
    for (const { chatId } of kept.places) logs.set(chatId, await storage.entries(chatId, everything));
    await storage.close();
    return { kept, logs };
  }

  async #become(written: readonly Written[]): Promise<void> {
    this.#written = [...written];
    this.#disk = fresh();
    const storage = this.#disk.storage();
    await storage.open();
    await storage.write(
      written.flatMap(({ changes }) => changes),
      { sync: true },
    );
    await storage.close();
  }
}

function fresh(): MemoryDisk {
  return memoryDisk({ entriesPerChatMax: Number.POSITIVE_INFINITY });
}
