// Who is in which chat, in the embedded store: a row a user and chat, written when a membership changes. How far a chat stands is read from its log.
import { type ChatId, idLength, type UserId } from '../structures/ids.ts';
import type { Committer } from './committer.level.ts';
import type { Group } from './group.level.ts';
import type { Heads } from './heads.level.ts';
import type { Inbox, InboxChange, InboxRow, Known } from './inbox.ts';
import type { InboxList, InboxLists } from './inbox-lists.level.ts';
import { inboxKey, inboxPrefix, readNumber, receiptKey, receiptsVersionKey, textWithin, writeNumber } from './keys.level.ts';
import type { Reads } from './reads.level.ts';

const confirmedFlag = 1;
const memberFlag = 2;
const largeFlag = 4;

type Asks = NonNullable<Parameters<Inbox['rows']>[1]>;
const nobodyKnows: Asks = () => undefined;

export interface InboxNeeds {
  readonly committer: Committer;
  readonly heads: Heads;
  readonly reads: Reads;
  readonly lists: InboxLists;
}

export function levelInbox(needs: InboxNeeds): Inbox {
  const { committer, lists } = needs;
  const keep = (group: Group, userId: UserId, chatId: ChatId, row: Buffer): void => {
    committer.keep(group, inboxKey(userId, chatId), row);
    lists.wrote(userId, chatId, row.readUInt8(0), readNumber(row, 1), group.applied);
  };
  return {
    wantsEveryHead: false,
    rows: (userId, known) => rowsOf(needs, userId, known),

    async announce(chatId, userIds) {
      const group = committer.gather();
      for (const userId of userIds) {
        const held = committer.look(inboxKey(userId, chatId));
        if (held === undefined) keep(group, userId, chatId, rowOf(0, 0));
        else if ((held.readUInt8(0) & confirmedFlag) !== 0) keep(group, userId, chatId, rowOf(held.readUInt8(0) & ~confirmedFlag, readNumber(held, 1)));
      }
      await group.applied;
    },

    async raise(changes) {
      const group = committer.gather();
      for (const change of changes) {
        const held = committer.look(inboxKey(change.userId, change.chatId));
        const next = changed(held, change);
        if (held === undefined || !next.equals(held)) keep(group, change.userId, change.chatId, next);
      }
      await group.applied;
    },
  };
}

function rowOf(flags: number, head: number): Buffer {
  const row = Buffer.allocUnsafe(9);
  row.writeUInt8(flags, 0);
  writeNumber(row, head, 1);
  return row;
}

function changed(held: Buffer | undefined, { head, member, large }: InboxChange): Buffer {
  const flags = held?.readUInt8(0) ?? 0;
  const keptLarge = (flags & largeFlag) | (large ? largeFlag : 0); // once large, for ever
  if (held !== undefined && head < readNumber(held, 1)) return rowOf((flags & ~largeFlag) | keptLarge, readNumber(held, 1));
  return rowOf(confirmedFlag | (member ? memberFlag : 0) | keptLarge, head);
}

async function rowsOf(needs: InboxNeeds, userId: UserId, known: Asks = nobodyKnows): Promise<readonly InboxRow[]> {
  const list = await needs.lists.of(userId, () => readList(needs, userId));
  const chatIds = list.chatIds.slice(); // the list may grow while what is not known is looked up
  const flags = list.flags.slice();
  const heads = list.heads.slice();
  const standings = chatIds.map(known);
  if (standings.includes(undefined)) await lookUp(needs, userId, chatIds, standings);
  const rows: InboxRow[] = [];
  for (const [at, chatId] of chatIds.entries()) {
    const own = flags[at] as number;
    const confirmed = (own & confirmedFlag) !== 0;
    const member = (own & memberFlag) !== 0;
    const { lastSeq, receiptsVersion, read } = standings[at] as Known;
    if (confirmed && lastSeq === 0) continue;
    const head = confirmed && !member ? Math.min(heads[at] as number, lastSeq) : lastSeq;
    rows.push({ chatId, head, confirmed, member, large: (own & largeFlag) !== 0, receiptsVersion, read });
  }
  return rows;
}

async function readList({ reads }: InboxNeeds, userId: UserId): Promise<InboxList> {
  const found = await reads.read((database) => database.iterator({ ...textWithin(inboxPrefix(userId)), keyEncoding: 'utf8', highWaterMarkBytes: 256 * 1024 }).all());
  return {
    chatIds: found.map(([key]) => key.slice(-idLength) as ChatId),
    flags: found.map(([, value]) => value.readUInt8(0)),
    heads: found.map(([, value]) => readNumber(value, 1)),
  };
}

/** Fills in what nobody knew. */
async function lookUp({ reads, committer, heads }: InboxNeeds, userId: UserId, chatIds: readonly ChatId[], standings: (Known | undefined)[]): Promise<void> {
  const places = standings.flatMap((standing, at) => (standing === undefined ? [at] : []));
  const asked = places.map((at) => chatIds[at] as ChatId);
  await committer.applied(); // of receipts
  const receipts = await reads.read((database) => database.getMany([...asked.map(receiptsVersionKey), ...asked.map((chatId) => receiptKey(chatId, userId))]));
  const lastSeqs = await heads.lastSeqs(asked); // later: nobody has read further than the log goes
  for (const [nth, at] of places.entries()) {
    const version = receipts[nth];
    const own = receipts[asked.length + nth];
    standings[at] = { lastSeq: lastSeqs[nth] as number, receiptsVersion: version === undefined ? 0 : readNumber(version, 0), read: own === undefined ? 0 : readNumber(own, 8) };
  }
}
