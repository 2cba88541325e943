// The journal of the embedded store: every commit is one write to the end of a file and one fdatasync. Two files take turns, so that no commit makes a file grow.

import { fdatasync, writeSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreRefused } from './faults.ts';
import type { Report } from './home.level.ts';
import { blockAt, type Found, headerBytes, headerOf } from './journal-block.level.ts';

const filesMin = 2;
const zeros = Buffer.alloc(256 * 1024);
const partialName = 'partial';

/** One file of the journal. */
export interface Segment {
  readonly name: string;
  readonly file: FileHandle;
}

export interface JournalOptions {
  /** The data directory; the files lie in `journal` under it. */
  readonly directory: string;
  readonly segmentBytes: number;
  onReport(report: Report): void;
}

export class Journal {
  readonly #directory: string;
  readonly #segmentBytes: number;
  /** Those that may be written over. */
  readonly #free: Segment[] = [];
  /** Those that others have, until they give them back. */
  readonly #lent = new Set<Segment>();
  #current: Segment | undefined;
  #at = 0;
  #names = 0;

  private constructor({ directory, segmentBytes }: JournalOptions) {
    this.#directory = join(directory, 'journal');
    this.#segmentBytes = segmentBytes;
  }

  /**
   * Reads what stands there after commit `done`, in order, and gives it to `found`. The files must not be given back by `recycle` before that is safe elsewhere.
   * Throws StoreRefused when the middle of the journal is missing.
   */
  static async open(options: JournalOptions, done: number, found: (block: Found) => void): Promise<{ readonly journal: Journal; readonly segments: readonly Segment[] }> {
    const journal = new Journal(options);
    await mkdir(journal.#directory, { recursive: true, mode: 0o700 });
    await rm(join(journal.#directory, partialName), { force: true });
    const names = (await readdir(journal.#directory)).filter((name) => /^\d+$/.test(name));
    const held = await Promise.all(names.map(async (name): Promise<Segment> => ({ name, file: await open(join(journal.#directory, name), 'r+') })));
    for (const segment of held) journal.#lent.add(segment);
    const segments = await Promise.all(held.map(async ({ name, file }) => ({ name, blocks: blocksIn(await newsIn(file, done), (says) => damaged(options, name, says)) })));
    segments.sort((a, b) => (a.blocks[0]?.number ?? 0) - (b.blocks[0]?.number ?? 0));
    let last = done;
    for (const { name, blocks } of segments) {
      for (const block of blocks) {
        if (block.number !== last + 1) {
          await journal.close();
          throw new StoreRefused(`The journal in ${journal.#directory} is damaged: after commit ${last} comes ${block.number}, in file ${name}. Restore a backup.`);
        }
        last = block.number;
        found(block);
      }
    }
    for (const name of names) journal.#names = Math.max(journal.#names, Number(name));
    return { journal, segments: held };
  }

  /** Makes what files are missing. Throws where the disk has no room for them. */
  async prepare(): Promise<void> {
    const held = this.#free.length + this.#lent.size + (this.#current === undefined ? 0 : 1);
    for (let missing = filesMin - held; missing > 0; missing -= 1) this.#free.push(await this.#make());
  }

  /** Whether the current file has room for so many bytes; an empty one takes whatever comes. */
  hasRoom(bytes: number): boolean {
    return this.#current !== undefined && (this.#at === 0 || this.#at + bytes <= this.#segmentBytes);
  }

  /** How full the current file is, from 0 to 1. */
  get fullness(): number {
    return Math.min(1, this.#at / this.#segmentBytes);
  }

  /** Goes on in another file, if one is free; the one before is the caller's, to be given back by `recycle`. */
  turn(): Segment | undefined {
    const next = this.#free.pop();
    if (next === undefined) return undefined;
    const former = this.#current;
    if (former !== undefined) this.#lent.add(former);
    this.#current = next;
    this.#at = 0;
    return former;
  }

  /** What it holds is in the database now. */
  recycle(segment: Segment): void {
    this.#lent.delete(segment);
    this.#free.push(segment);
  }

  /** `done` is called once the block is durable, or with what went wrong: then nothing may be written before `cutOff`. */
  write(block: Buffer, done: (error: Error | null) => void): void {
    const { fd } = (this.#current as Segment).file;
    const at = this.#at;
    try {
      // At once: it is a copy into the page cache, and a turn of the event loop spent on waiting for it costs every message of this commit that turn.
      for (let from = 0; from < block.byteLength; ) from += writeSync(fd, block, from, block.byteLength - from, at + from);
    } catch (error) {
      setImmediate(done, error as Error);
      return;
    }
    fdatasync(fd, (failed) => {
      if (failed === null) this.#at = at + block.byteLength;
      done(failed);
    });
  }

  /** Makes certain that the block whose write failed is not there. Rejects while the disk cannot be written. */
  async cutOff(): Promise<void> {
    const { file } = this.#current as Segment;
    await file.write(zeros, 0, 4096, this.#at);
    await file.datasync();
  }

  async close(): Promise<void> {
    const open = [...this.#free, ...this.#lent, ...(this.#current === undefined ? [] : [this.#current])];
    await Promise.all(open.map(({ file }) => file.close()));
  }

  /** Of full length from the beginning: a commit then has no size and no blocks to make durable beside its bytes. */
  async #make(): Promise<Segment> {
    const partial = join(this.#directory, partialName);
    const file = await open(partial, 'w+', 0o600);
    try {
      for (let left = this.#segmentBytes; left > 0; left -= zeros.byteLength) await file.write(zeros, 0, Math.min(left, zeros.byteLength));
      await file.sync();
      this.#names += 1;
      const name = String(this.#names);
      await rename(partial, join(this.#directory, name));
      await syncDirectory(this.#directory);
      return { name, file };
    } catch (error) {
      await file.close();
      await rm(partial, { force: true });
      throw error;
    }
  }
}

/** What stands behind the block of commit `done`, and behind all before it: those are not read, since a file whose commits are all done is what is usually found. */
async function newsIn(file: FileHandle, done: number): Promise<Buffer> {
  const { size } = await file.stat();
  const header = Buffer.alloc(headerBytes);
  let at = 0;
  for (let last = 0; at + headerBytes <= size; ) {
    await file.read(header, 0, headerBytes, at);
    const { number, byteLength } = headerOf(header);
    if (number === 0 || (last > 0 && number !== last + 1)) break;
    if (number > done) return readFrom(file, at, size);
    last = number;
    at += byteLength;
  }
  return Buffer.alloc(0);
}

async function readFrom(file: FileHandle, at: number, end: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(end - at);
  for (let read = 0; read < bytes.byteLength; ) {
    const { bytesRead } = await file.read(bytes, read, bytes.byteLength - read, at + read);
    if (bytesRead === 0) return bytes.subarray(0, read);
    read += bytesRead;
  }
  return bytes;
}

function blocksIn(segment: Buffer, onDamage: (says: string) => void): readonly Found[] {
  const blocks: Found[] = [];
  for (let at = 0; ; ) {
    const found = blockAt(segment, at, blocks.length === 0 ? undefined : (blocks[blocks.length - 1] as Found).number + 1);
    if (found === 'damaged') onDamage(`at byte ${at}`);
    if (typeof found === 'string') return blocks;
    blocks.push(found);
    at = found.next;
  }
}

/** A torn end is what a crash may leave; whether more than that is missing shows in the numbers of what follows. */
function damaged({ onReport }: JournalOptions, name: string, where: string): void {
  onReport({
    level: 'error',
    says: `The end of the write-ahead log in file ${name} of the journal was damaged ${where} and has been cut off. What was acknowledged before it is there.`,
  });
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  await directory.sync().finally(() => directory.close());
}
