// Which layout the embedded store has, how older ones become this one, and the few rows about the store itself.
import type { ClassicLevel } from 'classic-level';
import type { Random } from '../structures/clock.ts';
import { idFrom } from '../structures/ids.ts';
import { StoreRefused } from './faults.ts';
import { aboutKey, numberBytes, readNumber } from './keys.level.ts';

export type Database = ClassicLevel<Buffer, Buffer>;

/** From one version to the next. May be cut short and begun again, so it must bear being run twice on the same rows. */
export interface Migration {
  /** For the operator, who sees it while it runs. */
  readonly says: string;
  run(database: Database): Promise<void>;
}

/** The first one leads from version 1 to version 2, and so on. Append only. */
export const migrations: readonly Migration[] = [
  { says: 'entries of a log lie in packs from now on; rows of single entries are read as they are', run: () => Promise.resolve() },
  { says: 'packs lie in files beside the database from now on; those in it are read as they are', run: () => Promise.resolve() },
];

export const versionKey = aboutKey('version');
export const incarnationKey = aboutKey('incarnation');
/** The number of the last group of writes that was committed: tells after a failure what had become of it. */
export const groupKey = aboutKey('group');
/** The last file of packs that a row may name: all up to it are there. One with a higher number is what a crash has left behind. */
export const packFileKey = aboutKey('packFile');
/** Written to see whether writing works again. */
export const probeKey = aboutKey('probe');

const durably = { sync: true } as const;

/** Makes an empty database ours. Throws StoreRefused for one that is newer than ours, or is not Parley's. */
export async function checkLayout(database: Database, chain: readonly Migration[], random: Random): Promise<void> {
  const newest = 1 + chain.length;
  const row = await database.get(versionKey);
  if (row === undefined) return create(database, newest, random);
  const version = readNumber(row, 0);
  if (version > newest) {
    throw new StoreRefused(
      `The data in ${database.location} was written by a newer Parley (layout ${version}; this one knows up to ${newest}). Start the newer one, or restore a backup from before the upgrade.`,
    );
  }
}

/** Brings the database to the newest layout. What the journal holds must be in it. */
export async function migrate(database: Database, chain: readonly Migration[], onReport: (says: string) => void): Promise<void> {
  const newest = 1 + chain.length;
  for (let version = readNumber((await database.get(versionKey)) as Buffer, 0); version < newest; version += 1) {
    const step = chain[version - 1] as Migration;
    onReport(`Migrating the store from layout ${version} to ${version + 1}: ${step.says}`);
    await step.run(database);
    await database.put(versionKey, numberBytes(version + 1), durably);
  }
}

/** 0: there is none. */
export async function lastPackFile(database: Database): Promise<number> {
  return readNumber((await database.get(packFileKey)) ?? numberBytes(0), 0);
}

export async function incarnationOf(database: Database): Promise<string> {
  const row = await database.get(incarnationKey);
  if (row === undefined) throw new StoreRefused(`The data in ${database.location} has no incarnation: it is damaged. Restore a backup.`);
  return row.toString();
}

/** Identity of the store's history: another one tells devices to pull everything afresh. */
export function newIncarnation(random: Random): Buffer {
  return Buffer.from(
    idFrom(
      'g',
      Uint8Array.from({ length: 15 }, () => Math.floor(random() * 256)),
    ).slice(1),
  );
}

async function create(database: Database, version: number, random: Random): Promise<void> {
  for await (const _ of database.keys({ limit: 1 })) throw new StoreRefused(`${database.location} holds a database that is not Parley's. Choose another directory.`);
  const batch = database.batch();
  batch.put(versionKey, numberBytes(version)).put(incarnationKey, newIncarnation(random)).put(groupKey, numberBytes(0));
  await batch.write(durably);
}
