// Ids, entries and appends for the tests of the stores.
import type { Entry } from '../../src/protocol/messages.ts';
import type { Append } from '../../src/store/messages.ts';
import type { Stores } from '../../src/store/stores.ts';
import { type ChatId, type DeviceId, idFrom, type UserId } from '../../src/structures/ids.ts';

/** Stores on a place of their own, which is gone after `end`. */
export interface Opened {
  readonly stores: Stores;
  /** Ends these stores and opens others on the same data. */
  reopen(): Promise<Stores>;
  end(): Promise<void>;
}
export type OpenStores = () => Promise<Opened>;

export const userOf = (n: number): UserId => idFrom<'user'>('u', bitsOf(n));
export const deviceOf = (n: number): DeviceId => idFrom<'device'>('d', bitsOf(n));
export const chatOf = (n: number): ChatId => idFrom<'chat'>('g', bitsOf(n));

export const ann = userOf(1);
export const bob = userOf(2);
export const room = chatOf(1);

export function entryOf(chatId: ChatId, seq: number, body: Uint8Array | string = `entry ${seq}`): Entry {
  return {
    chatId,
    seq,
    entryKind: 1,
    author: ann,
    device: deviceOf(1),
    number: seq * 1_024,
    countable: seq,
    atMs: 1_700_000_000_000 + seq,
    contentType: 'text/plain',
    body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
  };
}

/** An append of `count` entries after `lastSeq`. */
export function appendOf(chatId: ChatId, { lastSeq = 0, count = 1, builtOn = 0, tip, fold, body }: AppendParts): Append {
  const entries = Array.from({ length: count }, (_, at) => entryOf(chatId, lastSeq + 1 + at, body));
  return { chatId, entries, builtOn, tip, fold };
}
export interface AppendParts {
  readonly lastSeq?: number;
  readonly count?: number;
  readonly builtOn?: number;
  readonly tip: number;
  readonly fold?: Uint8Array;
  readonly body?: Uint8Array | string;
}

export const everything = { after: 0, before: Number.MAX_SAFE_INTEGER, limit: 100_000, bytesMax: Number.MAX_SAFE_INTEGER, from: 'first' } as const;

function bitsOf(n: number): Uint8Array {
  const bits = new Uint8Array(15);
  new DataView(bits.buffer).setUint32(11, n);
  return bits;
}
