// Whether a chat's log is as it must be: dense, with running counts and numbers that rise, its appends a whole chain, no member's inbox behind it.
import { apply, emptyChat, type Folded } from '../core/fold.ts';
import type { Inbox } from '../store/inbox.ts';
import type { MessageStore } from '../store/messages.ts';
import type { ChatId } from '../structures/ids.ts';

export interface CheckNeeds {
  readonly messages: Pick<MessageStore, 'open' | 'read'>;
  readonly inbox: Pick<Inbox, 'rows'>;
  /** Which append each entry came with, where the store knows. */
  readonly chain?: (chatId: ChatId) => Promise<Chain>;
}

export interface Chain {
  /** Neighbouring entries that came with one append, ascending. */
  readonly spans: readonly { readonly first: number; readonly last: number; readonly id: number }[];
  readonly tip: number;
  readonly lastSeq: number;
  readonly owner: string;
}

export interface Checked {
  readonly chatId: ChatId;
  readonly lastSeq: number;
  readonly members: number;
  /** 0 where the store does not tell. */
  readonly appends: number;
  /** What wrote last; empty where the store does not tell. */
  readonly owner: string;
  /** None: all is well. At most `problemsMax`. */
  readonly problems: readonly string[];
}

const problemsMax = 50;
const pageEntries = 1_000;
const pageBytes = 4 * 1024 * 1024;

export async function checkChat(chatId: ChatId, { messages, inbox, chain }: CheckNeeds): Promise<Checked> {
  const problems: string[] = [];
  const { lastSeq } = await messages.open(chatId);
  const state = await replay(chatId, lastSeq, messages, problems);
  const appends = chain === undefined ? undefined : await chain(chatId);
  if (appends !== undefined) problems.push(...chainProblems(appends));
  for (const userId of state.members.present) {
    const row = (await inbox.rows(userId)).find((one) => one.chatId === chatId);
    if (row === undefined) problems.push(`the inbox of ${userId}, a member, has no row`);
    else if (!row.large && row.head < lastSeq) problems.push(`the inbox of ${userId} stands at ${row.head}, behind ${lastSeq}`);
  }
  const { spans = [], owner = '' } = appends ?? {};
  return { chatId, lastSeq, members: state.members.present.length, appends: spans.length, owner, problems: problems.slice(0, problemsMax) };
}

/** All entries from the first, each held against the one before. */
async function replay(chatId: ChatId, lastSeq: number, messages: CheckNeeds['messages'], problems: string[]): Promise<Folded> {
  let state = emptyChat(chatId);
  const numbers = new Map<string, number>();
  for (let after = 0; after < lastSeq; ) {
    const entries = await messages.read(chatId, { after, before: lastSeq + 1, limit: pageEntries, bytesMax: pageBytes, from: 'first' });
    for (const entry of entries) {
      const { seq, device, number, countable } = entry;
      if (seq !== state.seq + 1) problems.push(`entry ${seq} stands behind ${state.seq}`);
      if (countable < state.countable || countable > state.countable + 1) problems.push(`entry ${seq} counts ${countable} behind ${state.countable}`);
      if (number > 0 && number <= (numbers.get(device) ?? 0)) problems.push(`entry ${seq} has a number of ${device} that does not rise`);
      if (number > 0) numbers.set(device, number);
      state = apply(state, entry);
    }
    const last = entries.at(-1)?.seq ?? lastSeq;
    if (entries.length === 0) problems.push(`entries after ${after} up to ${lastSeq} are missing`);
    after = Math.max(last, after + 1);
  }
  return state;
}

function chainProblems({ spans, tip, lastSeq }: Chain): readonly string[] {
  const problems: string[] = [];
  const ids = new Set<number>();
  for (const [at, { first, last, id }] of spans.entries()) {
    if (first !== (spans[at - 1]?.last ?? 0) + 1) problems.push(`append ${id} begins with ${first}, behind ${spans[at - 1]?.last ?? 0}`);
    if (ids.has(id)) problems.push(`append ${id} stands in two places, the second from ${first} to ${last}`);
    ids.add(id);
  }
  const end = spans.at(-1);
  if ((end?.last ?? 0) !== lastSeq) problems.push(`the log ends with ${end?.last ?? 0}, its statics say ${lastSeq}`);
  if ((end?.id ?? 0) !== tip) problems.push(`the last append is ${end?.id ?? 0}, the tip ${tip}`);
  return problems;
}
