// Files of packs beside the database: written once, one after the other, and never changed. A row of the database then says only where a pack lies, so that no merge moves its bytes again.
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';

/** Where a pack lies. */
export interface Place {
  readonly file: number;
  readonly at: number;
  readonly byteLength: number;
  readonly crc: number;
}

const placeBytes = 20;
/** Written and synced at a time. */
const chunkBytes = 128 * 1024;

export const packsName = 'packs';
export const packFileName = (file: number): string => `${file}`;

export function placeBytesOf({ file, at, byteLength, crc }: Place): Buffer {
  const bytes = Buffer.allocUnsafe(placeBytes);
  bytes.writeUIntBE(file, 0, 6);
  bytes.writeUIntBE(at, 6, 6);
  bytes.writeUInt32BE(byteLength, 12);
  bytes.writeUInt32BE(crc, 16);
  return bytes;
}

export function placeFrom(bytes: Buffer, from: number): Place {
  return { file: bytes.readUIntBE(from, 6), at: bytes.readUIntBE(from + 6, 6), byteLength: bytes.readUInt32BE(from + 12), crc: bytes.readUInt32BE(from + 16) };
}

/** Writes the packs into file `number` of `directory`, which is made anew: no row names it yet. Resolves with their places once all of it is durable; `pace` is told of each chunk, and awaited. */
export async function writePacks(directory: string, number: number, packs: Iterable<Buffer>, pace: (bytes: number) => Promise<void>): Promise<readonly Place[]> {
  if ((await mkdir(directory, { recursive: true, mode: 0o700 })) !== undefined) await syncDirectory(dirname(directory));
  const path = join(directory, packFileName(number));
  const file = await open(path, 'w', 0o600);
  try {
    const places: Place[] = [];
    const chunk: Buffer[] = [];
    let at = 0;
    let waiting = 0;
    const flush = async (): Promise<void> => {
      await writeAll(file, chunk, at - waiting);
      await file.datasync();
      chunk.length = 0;
      waiting = 0;
    };
    for (const bytes of packs) {
      places.push({ file: number, at, byteLength: bytes.byteLength, crc: crc32(bytes) });
      chunk.push(bytes);
      at += bytes.byteLength;
      waiting += bytes.byteLength;
      if (waiting < chunkBytes) continue;
      const written = waiting;
      await flush();
      await pace(written);
    }
    await flush();
    await syncDirectory(directory);
    return places;
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined); // a full disk has use for the room
    throw error;
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, parts: readonly Buffer[], at: number): Promise<void> {
  const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  for (let from = 0; from < bytes.byteLength; ) {
    const { bytesWritten } = await file.write(bytes, from, bytes.byteLength - from, at + from);
    from += bytesWritten;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  await directory.sync().finally(() => directory.close());
}

/** Reads packs; holds each file open from its first pack on until it is closed itself. */
export class PackReader {
  readonly #directory: string;
  readonly #files = new Map<number, FileHandle>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Throws where the file is not there, or holds other bytes than were written: the disk has lost something. */
  async read({ file, at, byteLength, crc }: Place): Promise<Buffer> {
    const path = join(this.#directory, packFileName(file));
    const handle = this.#files.get(file) ?? (await open(path, 'r'));
    this.#files.set(file, handle);
    const bytes = Buffer.allocUnsafeSlow(byteLength);
    for (let from = 0; from < byteLength; ) {
      const { bytesRead } = await handle.read(bytes, from, byteLength - from, at + from);
      if (bytesRead === 0) throw new Error(`${path} is damaged: it ends before byte ${at + byteLength}`);
      from += bytesRead;
    }
    if (crc32(bytes) !== crc) throw new Error(`${path} is damaged at byte ${at}`);
    return bytes;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#files.values()].map((handle) => handle.close()));
  }
}
