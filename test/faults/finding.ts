// What there is to be judged after a run: what everybody saw, and what the store and the SDK's own storages hold in the end.
import { setTimeout as delay } from 'node:timers/promises';
import type { Entry } from '../../src/protocol/messages.ts';
import type { ReceiptRow } from '../../src/store/receipts.ts';
import type { Stores } from '../../src/store/stores.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { sees, staysIn } from '../sim/truth.ts';
import type { Found } from './checks.ts';
import type { History } from './history.ts';
import type { Party } from './party.ts';

type Read = Pick<Stores, 'messages' | 'receipts' | 'inbox'>;

export async function logOf({ messages }: Read, chatId: ChatId): Promise<readonly Entry[]> {
  const { lastSeq } = await messages.open(chatId);
  const log: Entry[] = [];
  while (log.length < lastSeq) {
    const more = await messages.read(chatId, { after: log.length, before: lastSeq + 1, limit: 10_000, bytesMax: 1e9, from: 'first' });
    if (more.length === 0) break; // a log with a hole at its end: the checks will say so
    log.push(...more);
  }
  return log;
}

export async function foundIn(stores: Read, party: Party, history: History): Promise<Found> {
  const logs = new Map<ChatId, readonly Entry[]>();
  const receipts = new Map<ChatId, readonly ReceiptRow[]>();
  for (const chatId of party.chatIds) {
    logs.set(chatId, await logOf(stores, chatId));
    receipts.set(chatId, await stores.receipts.list(chatId));
  }
  const inbox: { client: string; chatId: ChatId; head: number }[] = [];
  for (const { name, userId } of party.clients) {
    const rows = new Map((await stores.inbox.rows(userId)).map((row) => [row.chatId, row]));
    for (const [chatId, log] of logs) {
      const row = rows.get(chatId);
      if (!sees(staysIn(log), userId, log.length) || log.length === 0 || row?.large) continue; // a large chat's head is asked of the log itself
      inbox.push({ client: name, chatId, head: row?.head ?? 0 });
    }
  }
  const kept = new Map<string, ReadonlyMap<ChatId, readonly Entry[]>>();
  for (const client of party.clients) if (client.kind === 'sdk') kept.set(client.name, await client.kept(party.chatIds));
  return { clients: party.known, happenings: history.happenings, logs, receipts, inbox, kept };
}

/** Resolves when every client has been shown, or was told the place of, all that its user may see; or after so long, with how many entries are still missing. */
export async function untilConverged(stores: Read, party: Party, history: History, msMax: number): Promise<number> {
  const logs = new Map<ChatId, readonly Entry[]>();
  for (const chatId of party.chatIds) logs.set(chatId, await logOf(stores, chatId));
  const missing = new Map<string, Set<string>>(party.clients.map(({ name }) => [name, new Set()]));
  for (const [chatId, log] of logs) {
    const stays = staysIn(log);
    for (const { name, userId } of party.clients) for (const { seq } of log) if (sees(stays, userId, seq)) missing.get(name)?.add(`${chatId} ${seq}`);
  }
  const startedMs = performance.now();
  for (let at = 0; ; await delay(200)) {
    for (; at < history.happenings.length; at += 1) {
      const happening = history.happenings[at];
      if (happening?.what === 'entry' || happening?.what === 'sent') missing.get(happening.who)?.delete(`${happening.chatId} ${happening.seq}`);
    }
    const left = [...missing.values()].reduce((sum, { size }) => sum + size, 0);
    if (left === 0 || performance.now() - startedMs > msMax) return left;
  }
}
