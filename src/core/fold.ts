// A chat's state as a fold of its log: replaying the entries from the start, or from a kept fold, gives the same state.
import { decode, Encoder } from '@msgpack/msgpack';
import { decodeMembersBody } from '../protocol/members.ts';
import { type Entry, entryKinds } from '../protocol/messages.ts';
import type { ChatId } from '../structures/ids.ts';
import * as members from './members.ts';
import * as resends from './resends.ts';

export interface Folded {
  readonly chatId: ChatId;
  /** Of the last entry; 0: the chat does not exist. */
  readonly seq: number;
  /** How many countable entries the log holds. */
  readonly countable: number;
  readonly atMs: number;
  readonly title: string;
  readonly members: members.Members;
  readonly resends: resends.Resends;
  /** When the chat grew large, once and for ever; 0: it is small. */
  readonly grownAtMs: number;
}

const encoder = new Encoder(); // one for all: a new one each time begins with a buffer of its own

/** Another version is not read: the log is replayed instead. */
const foldVersion = 1;

export function emptyChat(chatId: ChatId): Folded {
  return { chatId, seq: 0, countable: 0, atMs: 0, title: '', members: members.nobody, resends: resends.noResends, grownAtMs: 0 };
}

/** The state after one more entry. Total: an entry of an unknown kind only counts as one. */
export function apply<State extends Folded>(state: State, entry: Entry): State {
  const next: State = {
    ...state,
    seq: entry.seq,
    countable: entry.countable,
    atMs: entry.atMs,
    resends: resends.accepted(state.resends, entry.device, entry.number, entry.seq),
  };
  if (entry.entryKind === entryKinds.message) return next;
  const { title } = (entry.entryKind === entryKinds.created && decodeMembersBody(entry.body)) || { title: state.title };
  const grownAtMs = entry.entryKind === entryKinds.grown ? entry.atMs : state.grownAtMs;
  return { ...next, title, grownAtMs, members: members.applyEntry(state.members, entry) };
}

export function foldToBytes(state: Folded): Uint8Array {
  return encoder.encode([foldVersion, state.seq, state.countable, state.atMs, state.title, state.grownAtMs, members.toPlain(state.members), resends.toPlain(state.resends)]);
}

/** Undefined for a fold of another version. */
export function foldFromBytes(chatId: ChatId, bytes: Uint8Array): Folded | undefined {
  const plain = decode(bytes);
  if (!Array.isArray(plain) || plain[0] !== foldVersion) return undefined;
  const [, seq, countable, atMs, title, grownAtMs, plainMembers, plainResends] = plain as [number, number, number, number, string, number, unknown, unknown];
  return { chatId, seq, countable, atMs, title, grownAtMs, members: members.fromPlain(plainMembers), resends: resends.fromPlain(plainResends) };
}
