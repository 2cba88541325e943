// What must hold after any faults: judged by what every client saw and by what the store holds at the end. Each check gives its complaints.
import { decodeMembersBody } from '../../src/protocol/members.ts';
import { type Entry, entryKinds } from '../../src/protocol/messages.ts';
import type { ReceiptRow } from '../../src/store/receipts.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { sees, staysIn } from '../sim/truth.ts';
import { type Client, digestOf, type Happening, type What } from './history.ts';

export interface Found {
  readonly clients: readonly Client[];
  readonly happenings: readonly Happening[];
  /** As the store has them, in the order in which it gives them. */
  readonly logs: ReadonlyMap<ChatId, readonly Entry[]>;
  readonly receipts: ReadonlyMap<ChatId, readonly ReceiptRow[]>;
  /** Of members: what a resync would read. */
  readonly inbox: readonly { readonly client: string; readonly chatId: ChatId; readonly head: number }[];
  /** What each SDK client keeps in the end. */
  readonly kept: ReadonlyMap<string, ReadonlyMap<ChatId, readonly Entry[]>>;
}

type Complain = (says: string) => void;
type Check = (found: Found) => readonly string[];

function check(judge: (found: Found, complain: Complain) => void): Check {
  return (found) => {
    const complaints: string[] = [];
    judge(found, (says) => complaints.push(says));
    return complaints;
  };
}

function* those<W extends What>({ happenings }: Found, what: W): Generator<Extract<Happening, { what: W }>> {
  for (const happening of happenings) if (happening.what === what) yield happening as Extract<Happening, { what: W }>;
}

/** Every acknowledged send stands in the log, where the client was told. */
const durable = check((found, complain) => {
  const clients = new Map(found.clients.map((client) => [client.name, client]));
  for (const { who, chatId, text, seq } of those(found, 'sent')) {
    const entry = found.logs.get(chatId)?.[seq - 1];
    if (entry === undefined || entry.device !== clients.get(who)?.deviceId || textOf(entry) !== text)
      complain(`${who} was told that ${text} is ${chatId} ${seq}; there is ${named(entry)}`);
  }
  for (const { who, chatId, seq, change, userId } of those(found, 'changed')) {
    const entry = found.logs.get(chatId)?.[seq - 1];
    const whom = entry && decodeMembersBody(entry.body)?.members.some(([one]) => one === userId);
    if (entry?.device !== clients.get(who)?.deviceId || entry?.entryKind !== entryKinds[change] || !whom)
      complain(`${who} was told that ${userId} is ${change} at ${chatId} ${seq}; there is ${named(entry)}`);
  }
});

/** Seqs 1, 2, 3 …; messages are counted right; the chat's clock never falls. */
const dense = check(({ logs }, complain) => {
  for (const [chatId, log] of logs) {
    let [countable, atMs] = [0, 0];
    log.forEach((entry, at) => {
      if (entry.entryKind === entryKinds.message) countable += 1;
      if (entry.seq !== at + 1) complain(`${chatId}: entry ${at + 1} says that it is ${entry.seq}`);
      if (entry.countable !== countable) complain(`${chatId} ${entry.seq} counts ${entry.countable} messages, not ${countable}`);
      if (entry.atMs < atMs) complain(`${chatId} ${entry.seq}: the clock of the chat went back`);
      atMs = entry.atMs;
    });
  }
});

/** Nothing that was written stands twice, no number of a device does, and nothing is acknowledged under two seqs. */
const once = check((found, complain) => {
  for (const [chatId, log] of found.logs) {
    const seen = new Map<string, number>();
    for (const entry of log) {
      const names = [...(entry.number > 0 ? [`${entry.device} ${entry.number}`] : []), ...(entry.entryKind === entryKinds.message ? [`"${textOf(entry)}"`] : [])];
      for (const name of names) {
        if (seen.has(name)) complain(`${chatId}: ${name} stands at ${seen.get(name)} and at ${entry.seq}`);
        seen.set(name, entry.seq);
      }
    }
  }
  const told = new Map<string, number>();
  for (const { who, chatId, text, seq } of those(found, 'sent')) {
    const before = told.get(`${chatId} ${text}`);
    if (before !== undefined && before !== seq) complain(`${who} was told that ${text} is at ${before} and at ${seq}`);
    told.set(`${chatId} ${text}`, seq);
  }
});

/** What one device wrote in one chat stands in the order in which it was written. */
const inOrder = check((found, complain) => {
  const places = new Map<string, number>();
  let count = 0;
  for (const { chatId, text } of those(found, 'posted')) places.set(`${chatId} ${text}`, (count += 1));
  for (const [chatId, log] of found.logs) {
    const last = new Map<string, Entry>();
    for (const entry of log) {
      const place = places.get(`${chatId} ${textOf(entry)}`);
      if (entry.entryKind !== entryKinds.message || place === undefined) continue;
      const before = last.get(entry.device);
      if (before !== undefined && place < (places.get(`${chatId} ${textOf(before)}`) as number))
        complain(`${chatId}: ${textOf(entry)} stands at ${entry.seq}, after ${textOf(before)}`);
      last.set(entry.device, entry);
    }
  }
});

/** Whatever was written has a fate: acknowledged, or refused and then it stands nowhere. */
const answered = check((found, complain) => {
  const open = new Map<string, string>();
  const texts = new Set<string>();
  for (const [chatId, log] of found.logs) for (const entry of log) if (entry.entryKind === entryKinds.message) texts.add(`${chatId} ${textOf(entry)}`);
  for (const { who, chatId, text } of those(found, 'posted')) open.set(`${chatId} ${text}`, who);
  for (const { chatId, text } of those(found, 'sent')) open.delete(`${chatId} ${text}`);
  for (const { who, chatId, text, why } of those(found, 'refused')) {
    open.delete(`${chatId} ${text}`);
    if (texts.has(`${chatId} ${text}`)) complain(`${who} was told that ${text} is refused (${why}), but it stands in ${chatId}`);
  }
  for (const [text, who] of open) complain(`${who} never heard what became of ${text}`);
});

/** Whoever was shown an entry, whenever, was shown the one that stands there. */
const oneOrder = check((found, complain) => {
  const digests = new Map([...found.logs].map(([chatId, log]) => [chatId, log.map(digestOf)]));
  for (const { who, chatId, seq, digest } of those(found, 'entry'))
    if (digests.get(chatId)?.[seq - 1] !== digest) complain(`${who} was shown another ${chatId} ${seq} than the log's`);
});

/** In the end every client has every entry that its user may see, and the SDK keeps them in order. */
const converged = check((found, complain) => {
  const { logs, clients, kept } = found;
  const has = new Map(clients.map(({ name }) => [name, new Set<string>()]));
  for (const { who, chatId, seq } of those(found, 'entry')) has.get(who)?.add(`${chatId} ${seq}`);
  for (const { who, chatId, seq } of those(found, 'sent')) has.get(who)?.add(`${chatId} ${seq}`); // its own, of which only the place was new
  for (const [chatId, log] of logs) {
    const stays = staysIn(log);
    for (const { name, userId } of clients) {
      const expected = log.filter(({ seq }) => sees(stays, userId, seq));
      const missing = expected.filter(({ seq }) => !has.get(name)?.has(`${chatId} ${seq}`));
      if (missing.length > 0) complain(`${name} lacks ${missing.length} of ${expected.length} entries of ${chatId}, first ${missing[0]?.seq}`);
      const own = kept.get(name)?.get(chatId) ?? [];
      if (kept.has(name) && own.map(({ seq }) => seq).join() !== expected.map(({ seq }) => seq).join())
        complain(`${name} keeps ${own.length} entries of ${chatId}, not the ${expected.length} of the log in their order`);
    }
  }
});

/** The SDK tells its program each entry once, in order. */
const toldOnce = check((found, complain) => {
  const last = new Map<string, number>();
  for (const { who, chatId, seq, by } of those(found, 'entry')) {
    if (by !== 'told') continue;
    const key = `${who} ${chatId}`;
    if (seq <= (last.get(key) ?? 0)) complain(`${who} was told ${chatId} ${seq} after ${last.get(key)}`);
    last.set(key, seq);
  }
});

/** Nobody is shown an entry at which they were no member, or told that a chat goes beyond their stay. */
const membersOnly = check((found, complain) => {
  const users = new Map(found.clients.map(({ name, userId }) => [name, userId]));
  const stays = new Map([...found.logs].map(([chatId, log]) => [chatId, staysIn(log)]));
  for (const { who, chatId, seq } of those(found, 'entry')) {
    const [userId, own] = [users.get(who), stays.get(chatId)];
    if (userId === undefined || own === undefined || !sees(own, userId, seq)) complain(`${who} was shown ${chatId} ${seq}, at which it was no member`);
  }
  for (const { who, chatId, seq } of those(found, 'head')) {
    const userId = users.get(who);
    const last = userId === undefined ? 0 : (stays.get(chatId)?.get(userId)?.at(-1)?.[1] ?? 0);
    if (seq > last) complain(`${who} was told that ${chatId} goes to ${seq}; its stay ends at ${last}`);
  }
});

/** Watermarks: what a program is told of them only rises; what anybody was told is in the store, and none is beyond the log. */
const watermarks = check((found, complain) => {
  const rows = new Map<string, ReceiptRow>();
  for (const [chatId, list] of found.receipts) {
    const length = found.logs.get(chatId)?.length ?? 0;
    for (const row of list) {
      rows.set(`${chatId} ${row.userId}`, row);
      if (Math.max(row.delivered, row.read) > length) complain(`${row.userId} stands at ${row.delivered}/${row.read} of the ${length} entries of ${chatId}`);
    }
  }
  const last = new Map<string, ReceiptRow>();
  for (const { who, chatId, userId, delivered, read, merged } of those(found, 'receipt')) {
    const row = rows.get(`${chatId} ${userId}`);
    if (row === undefined || row.delivered < delivered || row.read < read)
      complain(`${who} was told ${delivered}/${read} of ${userId} in ${chatId}; the store has ${row?.delivered}/${row?.read}`);
    const key = `${who} ${chatId} ${userId}`;
    const before = last.get(key);
    if (merged && before !== undefined && (delivered < before.delivered || read < before.read))
      complain(`${who}: ${userId} fell from ${before.delivered}/${before.read} to ${delivered}/${read} in ${chatId}`);
    last.set(key, { userId, delivered, read });
  }
});

/** A resync finds every chat up to its end: no row of an inbox is behind the log. */
const inboxNotBehind = check(({ inbox, logs }, complain) => {
  for (const { client, chatId, head } of inbox) {
    const length = logs.get(chatId)?.length ?? 0;
    if (head < length) complain(`the inbox of ${client} says that ${chatId} goes to ${head}; its log goes to ${length}`);
  }
});

/** Nothing that no client should meet. */
const nothingWrong = check((found, complain) => {
  for (const { who, says } of those(found, 'wrong')) complain(`${who}: ${says}`);
});

export const checks = { durable, dense, once, inOrder, answered, oneOrder, converged, toldOnce, membersOnly, watermarks, inboxNotBehind, nothingWrong } as const;
export type CheckName = keyof typeof checks;
export type Verdicts = Readonly<Record<CheckName, readonly string[]>>;

export function judgeAll(found: Found): Verdicts {
  return Object.fromEntries(Object.entries(checks).map(([name, judge]) => [name, judge(found)])) as Record<CheckName, readonly string[]>;
}

function textOf({ body }: Entry): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
}

function named(entry: Entry | undefined): string {
  return entry === undefined ? 'nothing' : `"${textOf(entry)}" of ${entry.device}`;
}
