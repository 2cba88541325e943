// Which append each entry of a log came with, as the store has it: for who checks that the chain is whole.
import type { ChatId } from '../structures/ids.ts';
import type { Logs } from './logs.cql.ts';
import type { CqlSession } from './session.cql.ts';

/** Of neighbouring entries that came with one append. */
export interface AppendSpan {
  readonly first: number;
  readonly last: number;
  readonly id: number;
}

export interface AppendChain {
  readonly spans: readonly AppendSpan[];
  /** What the statics say: the last append's id and entry, and the node that made it. */
  readonly tip: number;
  readonly lastSeq: number;
  readonly owner: string;
}

/** Reads the log at serial consistency, so that what a coordinator has left half done is finished and seen. */
export async function appendChain(session: CqlSession, logs: Logs, chatId: ChatId): Promise<AppendChain> {
  const newest = await logs.newest(chatId, { serial: true });
  const spans: { first: number; last: number; id: number }[] = [];
  const query = `SELECT seq, append_id FROM ${session.keyspace}.log WHERE chat_id = ? AND bucket = ?`;
  for (let bucket = 0; bucket <= newest.bucket; bucket += 1) {
    for (const row of await session.read(query, [chatId, bucket], { serial: true, fetchSize: 2_000 })) {
      if (row['seq'] === null) continue; // statics alone
      const seq = Number(row['seq']);
      if (seq > newest.lastSeq) break; // appended meanwhile
      const id = Number(row['append_id']);
      const span = spans.at(-1);
      if (span?.id === id && span.last === seq - 1) span.last = seq;
      else spans.push({ first: seq, last: seq, id });
    }
  }
  const row = await session.one(`SELECT DISTINCT chat_id, bucket, owner FROM ${session.keyspace}.log WHERE chat_id = ? AND bucket = ?`, [chatId, newest.bucket]);
  return { spans, tip: newest.tip, lastSeq: newest.lastSeq, owner: row?.['owner'] ?? '' };
}
