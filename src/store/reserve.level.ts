// Room on the disk that is kept for the day on which it is full: given up then, so that the database can still be opened and read.
import { type FileHandle, open, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';

const chunk = Buffer.alloc(1024 * 1024, 'parley');

export class Reserve {
  readonly #directory: string;
  readonly #file: string;
  readonly #bytes: number;

  constructor(directory: string, name: string, bytes: number) {
    this.#directory = directory;
    this.#file = join(directory, name);
    this.#bytes = bytes;
  }

  /** Takes the room, unless it has it. False, and nothing taken, where not as much again would be left over. */
  async take(): Promise<boolean> {
    const held = await stat(this.#file).catch(() => undefined);
    if (held !== undefined && held.size >= this.#bytes) return true;
    const { bavail, bsize } = await statfs(this.#directory);
    if (bavail * bsize + (held?.size ?? 0) < 2 * this.#bytes) return false;
    try {
      const file = await open(this.#file, 'w', 0o600);
      try {
        await this.#fill(file);
      } finally {
        await file.close();
      }
      return true;
    } catch (error) {
      await this.release();
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
      throw error;
    }
  }

  async release(): Promise<void> {
    await rm(this.#file, { force: true });
  }

  async #fill(file: FileHandle): Promise<void> {
    for (let left = this.#bytes; left > 0; left -= chunk.byteLength) await file.write(chunk, 0, Math.min(left, chunk.byteLength));
  }
}
