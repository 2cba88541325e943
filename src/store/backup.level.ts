// Backups of the embedded store: a consistent copy while writes go on, and a new store made from one.
import { constants, copyFile, cp, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AbstractIterator } from 'abstract-level';
import { ClassicLevel } from 'classic-level';
import type { Random } from '../structures/clock.ts';
import { Committer } from './committer.level.ts';
import { StoreRefused } from './faults.ts';
import { Home, type HomeOptions } from './home.level.ts';
import { packFileName, packsName } from './pack-files.level.ts';
import { type Database, incarnationKey, lastPackFile, newIncarnation, versionKey } from './schema.level.ts';

const partialName = 'db.partial';
const packsPartialName = `${packsName}.partial`;
const rowsAtOnce = 1_000;
const bytesAtOnce = 1024 * 1024;
const journalBytes = 1024 * 1024; // nothing is written while a store that does not run is copied
const durably = { sync: true } as const;

/**
 * Copies what the database holds at this moment, so everything that was acknowledged before. The copy is called `db` only once all of it is on the disk: one that was
 * cut short stays as `db.partial`, which the next attempt replaces. Throws StoreRefused if `to` is there and not empty.
 */
export async function backupTo(committer: Committer, packs: string, to: string): Promise<void> {
  await beginAt(to);
  const copy: Database = new ClassicLevel(join(to, partialName), { keyEncoding: 'buffer', valueEncoding: 'buffer', errorIfExists: true });
  await copy.open();
  let last = 0;
  try {
    // It sees the database as it is at its making.
    await copyRows(await committer.snapshot((database) => database.iterator({ highWaterMarkBytes: bytesAtOnce })), copy);
    last = await lastPackFile(copy);
  } finally {
    await copy.close();
  }
  await copyPacks(packs, to, last);
  await finishAt(to);
}

/** The same for a store that no process has open. Throws StoreRefused if one has. */
export async function backupLevel({ to, ...options }: HomeOptions & { readonly to: string }): Promise<void> {
  await checkStore(options.directory);
  const home = await Home.open(options);
  try {
    const committer = await Committer.open({ home, clock: options.clock, onReport: options.onReport, journalBytes, onFailure: () => {} });
    await backupTo(committer, home.packs, to).finally(() => committer.close());
  } finally {
    await home.close();
  }
}

/**
 * Makes a store in `directory` from the backup in `from`, with a new incarnation, so that devices pull afresh. The backup stays as it is.
 * Throws StoreRefused if `directory` is there and not empty, or `from` holds no backup or is the directory of a running store.
 */
export async function restoreLevel({ from, directory, random }: { readonly from: string; readonly directory: string; readonly random: Random }): Promise<void> {
  await checkStore(from);
  // A database that runs cannot be copied file by file, and that it does not run cannot be seen without opening it.
  if ((await readdir(from)).includes('owner')) throw new StoreRefused(`${from} is the data directory of a Parley, not a backup. Take a backup of it and restore that.`);
  await beginAt(directory);
  const location = join(directory, partialName);
  await cp(join(from, 'db'), location, { recursive: true });
  const database: Database = new ClassicLevel(location, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  await database.open();
  try {
    if ((await database.get(versionKey)) === undefined) throw new StoreRefused(`${from} holds a database that is not Parley's.`);
    await copyPacks(join(from, packsName), directory, await lastPackFile(database));
    await database.put(incarnationKey, newIncarnation(random), durably);
  } finally {
    await database.close();
  }
  await finishAt(directory);
}

/** Files 1 to `last`, which nobody changes any more. They come under their name before the database that names them does. Throws StoreRefused where one is missing. */
async function copyPacks(from: string, to: string, last: number): Promise<void> {
  const partial = join(to, packsPartialName);
  await mkdir(partial, { mode: 0o700 });
  for (let file = 1; file <= last; file += 1) {
    const name = packFileName(file);
    await copyFile(join(from, name), join(partial, name), constants.COPYFILE_FICLONE).catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'ENOENT'
        ? new StoreRefused(`${from} is not whole: file ${name} of the entries is missing, of ${last}. Restore another backup.`, { cause: error })
        : error;
    });
  }
}

async function copyRows(iterator: AbstractIterator<Database, Buffer, Buffer>, to: Database): Promise<void> {
  try {
    for (;;) {
      const rows = await iterator.nextv(rowsAtOnce);
      if (rows.length === 0) break;
      await to.batch(rows.map(([key, value]) => ({ type: 'put', key, value }))); // unlike a chained batch its memory is let go at once
    }
  } finally {
    await iterator.close();
  }
  await to.put(versionKey, (await to.get(versionKey)) as Buffer, durably); // and with it all that came before
}

async function checkStore(directory: string): Promise<void> {
  const names = await readdir(join(directory, 'db')).catch((): string[] => []);
  if (!names.includes('CURRENT')) throw new StoreRefused(`${directory} holds no store of Parley's: there is no database in ${join(directory, 'db')}.`);
}

/** Works inside `to`, which may be a mounted volume, and so cannot be renamed into place. */
async function beginAt(to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  const found = await readdir(to);
  const ours = found.includes(partialName) ? [partialName, packsPartialName, packsName] : [partialName, packsPartialName]; // of an attempt that was cut short
  if (found.some((name) => !ours.includes(name) && name !== 'lost+found'))
    throw new StoreRefused(`${to} is not empty. Choose a directory that is new or empty; nothing was changed.`);
  for (const name of ours) await rm(join(to, name), { recursive: true, force: true });
}

async function finishAt(to: string): Promise<void> {
  await syncAll(join(to, partialName));
  await syncAll(join(to, packsPartialName));
  await rename(join(to, packsPartialName), join(to, packsName));
  await syncOne(to);
  await rename(join(to, partialName), join(to, 'db'));
  await syncOne(to);
  await syncOne(dirname(to));
}

/** Every file in `directory`, and the directory itself: what was written without a wish to sync may still lie in the page cache. */
async function syncAll(directory: string): Promise<void> {
  for (const name of await readdir(directory)) await syncOne(join(directory, name));
  await syncOne(directory);
}

async function syncOne(path: string): Promise<void> {
  const file = await open(path, 'r');
  await file.sync().finally(() => file.close());
}
