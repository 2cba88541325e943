// What a member may read of the log, and up to where an answer is complete.
import { limits } from '../protocol/limits.ts';
import type { ChatId } from '../structures/ids.ts';
import { type ChatEffect, type ChatState, type ChatStep, refuse } from './chat.ts';
import * as members from './members.ts';
import type { Origin } from './step.ts';

/** Read the log and answer. The bounds were decided under the membership of now; a later change cannot make them wrong. */
export interface ReadLog {
  readonly kind: 'readLog';
  readonly chatId: ChatId;
  /** A device that pulls, or a node's audience that repairs a gap. */
  readonly to: Origin | { readonly node: string };
  readonly request: number;
  readonly after: number;
  readonly before: number;
  readonly limit: number;
  readonly from: 'first' | 'last';
  readonly head: number;
  /** Entries outside of these are left out; undefined: none is. */
  readonly stays: readonly members.Stay[] | undefined;
}

interface Wish {
  readonly kind: 'pull' | 'history';
  readonly from: Origin;
  readonly request: number;
  readonly after?: number;
  readonly before?: number;
  readonly upTo?: number;
  readonly limit: number;
}

export function pull(state: ChatState, { kind, from, request, after = 0, before = 0, upTo = 0, limit }: Wish): ChatStep {
  const stays = members.staysOf(state.members, from.userId);
  if (stays.length === 0) return refuse(state, from, request, 'noSuchChat');
  const head = members.visibleHead(stays, state.seq);
  const bounded = Math.max(1, Math.min(limit, limits.pullEntriesMax));
  const below = kind === 'history' && before > 0 ? Math.min(before, head + 1) : head + 1;
  const read: ReadLog = {
    kind: 'readLog',
    chatId: state.chatId,
    to: from,
    request,
    after: Math.min(after, head), // a cursor beyond the head asks for nothing, and must not be counted on from
    before: below,
    limit: bounded,
    from: kind === 'history' ? 'last' : 'first',
    head,
    stays,
  };
  return { state, effects: checked(state, upTo, read) };
}

/** Somebody has heard of more than is known here: perhaps another owner wrote it. The tip is asked for before that is denied. */
export function checked(state: ChatState, upTo: number, answer: ChatEffect): readonly ChatEffect[] {
  return upTo > state.seq ? [{ kind: 'check' }, answer] : [answer];
}

export function repair(state: ChatState, { node, after, upTo }: { readonly node: string; readonly after: number; readonly upTo: number }): ChatStep {
  const { chatId, seq } = state;
  const read: ReadLog = { kind: 'readLog', chatId, to: { node }, request: 0, after, before: seq + 1, limit: limits.pullEntriesMax, from: 'first', head: seq, stays: undefined };
  return { state, effects: checked(state, upTo, read) };
}
