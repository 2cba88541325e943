// A device's storage in memory: for programs that may forget, for tests and for the simulator.
import type { Entry } from '../protocol/messages.ts';
import type { ChatId } from '../structures/ids.ts';
import { type Change, type ChatPlace, type DeviceStorage, type EntryRange, type Login, type OutboxItem, type Roster, StorageClosed, StorageInUse } from './storage.ts';

export interface MemoryDisk {
  /** A storage on this disk. One at a time may be open. */
  storage(): DeviceStorage;
  /** As if the process that has it open had died: what it has not yet written never comes, and the disk is free. */
  crash(): void;
}

interface Data {
  login: Login | null;
  incarnation: string;
  lastNumber: number;
  readonly places: Map<ChatId, ChatPlace>;
  readonly rosters: Map<ChatId, Roster>;
  /** Ascending by seq. */
  readonly entries: Map<ChatId, Entry[]>;
  readonly outbox: Map<number, OutboxItem>;
}

/** The newest this many entries of each chat stay in memory. */
export const memoryEntriesPerChatMax = 1_000;

export function memoryStorage(options: { readonly entriesPerChatMax?: number } = {}): DeviceStorage {
  return memoryDisk(options).storage();
}

export function memoryDisk({ entriesPerChatMax = memoryEntriesPerChatMax }: { readonly entriesPerChatMax?: number } = {}): MemoryDisk {
  const data: Data = { login: null, incarnation: '', lastNumber: 0, places: new Map(), rosters: new Map(), entries: new Map(), outbox: new Map() };
  let holder: object | undefined;
  const storage = (): DeviceStorage => {
    const me = {};
    const check = (): void => {
      if (holder !== me) throw new StorageClosed('this storage is not open');
    };
    return {
      entriesPerChatMax,
      async open() {
        if (holder !== undefined) throw new StorageInUse('this disk is in use');
        holder = me;
        const outbox = [...data.outbox.values()].sort((one, other) => one.key - other.key);
        return { login: data.login, incarnation: data.incarnation, lastNumber: data.lastNumber, places: [...data.places.values()], rosters: [...data.rosters.values()], outbox };
      },
      async write(changes) {
        check();
        await null; // a write takes its time: what crashes meanwhile has not written
        check();
        for (const change of changes) apply(data, change);
      },
      async entries(chatId, range) {
        check();
        return within(data.entries.get(chatId) ?? [], range);
      },
      async close() {
        await null;
        if (holder === me) holder = undefined;
      },
    };
  };
  return { storage, crash: () => (holder = undefined) };
}

function apply(data: Data, change: Change): void {
  switch (change.kind) {
    case 'login':
      data.login = change.login;
      return;
    case 'newHistory':
      data.incarnation = change.incarnation;
      data.places.clear();
      data.rosters.clear();
      data.entries.clear();
      return;
    case 'place':
      data.places.set(change.place.chatId, change.place);
      return;
    case 'roster':
      data.rosters.set(change.roster.chatId, change.roster);
      return;
    case 'entry':
      insert(data.entries, change.entry);
      return;
    case 'trim': {
      const log = data.entries.get(change.chatId) ?? [];
      data.entries.set(
        change.chatId,
        log.filter(({ seq }) => seq <= change.after || seq > change.upTo),
      );
      return;
    }
    case 'outbox':
      data.outbox.set(change.item.key, change.item);
      return;
    case 'outboxDone':
      data.outbox.delete(change.key);
      return;
    case 'lastNumber':
      data.lastNumber = change.number;
  }
}

function insert(logs: Map<ChatId, Entry[]>, entry: Entry): void {
  const log = logs.get(entry.chatId);
  if (log === undefined) {
    logs.set(entry.chatId, [entry]);
    return;
  }
  const at = firstAbove(log, entry.seq - 1);
  log.splice(at, log[at]?.seq === entry.seq ? 1 : 0, entry);
}

function within(log: readonly Entry[], { after, before, limit, from }: EntryRange): readonly Entry[] {
  const start = firstAbove(log, after);
  const end = firstAbove(log, before - 1);
  return from === 'first' ? log.slice(start, Math.min(end, start + limit)) : log.slice(Math.max(start, end - limit), Math.max(start, end));
}

/** Index of the first entry whose seq is above `seq`. */
function firstAbove(log: readonly Entry[], seq: number): number {
  let low = 0;
  let high = log.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((log[middle] as Entry).seq <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
