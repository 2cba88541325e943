// What a journal holds that the database does not: read when the store is opened.
import { StoreRefused } from './faults.ts';
import type { Home, Report } from './home.level.ts';
import { Journal, type Segment } from './journal.level.ts';
import { operationsOf } from './journal-block.level.ts';
import { numberBytes, readNumber } from './keys.level.ts';
import { lastSeqOf } from './packs.level.ts';
import { groupKey } from './schema.level.ts';
import { Generation } from './tails.level.ts';

export interface Recovered {
  readonly journal: Journal;
  /** The files it was read from: free once `generation` is in the database. */
  readonly segments: readonly Segment[];
  readonly generation: Generation;
  /** Of the last commit. */
  readonly number: number;
}

/** Throws StoreRefused where part of the middle is missing. */
export async function readJournal({
  home,
  journalBytes,
  onReport,
}: {
  readonly home: Home;
  readonly journalBytes: number;
  readonly onReport: (report: Report) => void;
}): Promise<Recovered> {
  const done = readNumber((await home.database.get(groupKey)) ?? numberBytes(0), 0);
  const generation = new Generation();
  let number = done;
  const options = { directory: home.directory, segmentBytes: journalBytes, onReport };
  const { journal, segments } = await Journal.open(options, done, (found) => {
    for (const operation of operationsOf(found.payload)) {
      if ('key' in operation) generation.write(operation);
      else generation.append(operation, found.payload);
    }
    number = found.number;
  });
  // A checkpoint that was cut short has left some of it in the database.
  for (const [chatId, tail] of generation.tails) {
    const lastSeq = await lastSeqOf(home.database, chatId);
    if (tail.firstSeq > lastSeq + 1)
      throw new StoreRefused(`The data in ${home.directory} is damaged: entries ${lastSeq + 1} to ${tail.firstSeq - 1} of chat ${chatId} are missing. Restore a backup.`);
    tail.dropUpTo(lastSeq);
    if (tail.lastSeq < tail.firstSeq) generation.tails.delete(chatId);
  }
  return { journal, segments, generation, number };
}
