// Judges a run from outside: by the raw frames that went over the sockets, and by the store as it is found when no server has it open.
import { decodeFromDevice, decodeToDevice, encodeEntry, type ToDevice, type Unknown } from '../../src/protocol/codec.ts';
import type { Entry } from '../../src/protocol/messages.ts';
import type { ChatId, DeviceId } from '../../src/structures/ids.ts';
import { storesOf } from '../e2e/accounts.ts';
import type { Journal } from '../e2e/journal.ts';
import { singly } from '../e2e/singly.ts';

export interface Witness {
  readonly deviceId: DeviceId;
  readonly journal: Journal;
  /** In which it has been a member from the first entry on. */
  readonly chats: readonly ChatId[];
}

/** What is wrong, in words; all empty where nothing is. */
export interface Verdict {
  readonly acknowledged: number;
  readonly stored: number;
  readonly frames: number;
  /** Acknowledged, and not in the log as it was sent. */
  readonly lost: readonly string[];
  /** Twice in the log, or acknowledged under two seqs. */
  readonly doubled: readonly string[];
  /** In the log, or pushed on one connection, in another order than sent. */
  readonly reordered: readonly string[];
  /** Somebody was shown an entry that is not the log's. */
  readonly altered: readonly string[];
  /** Entries that a member has never been told of. */
  readonly missed: readonly string[];
}

interface Sighting {
  /** Body by number, as this device sent it; in order of the first time. */
  readonly sends: Map<number, { readonly chatId: ChatId; readonly body: string }>;
  /** Bodies in the order in which they were first sent, by chat. */
  readonly said: Map<ChatId, Set<string>>;
  readonly acknowledged: Map<number, { readonly chatId: ChatId; readonly seq: number }>;
  /** Seqs of which it was told, by chat. */
  readonly seen: Map<ChatId, Set<number>>;
}

export async function judge(directory: string, witnesses: readonly Witness[]): Promise<Verdict> {
  const logs = await logsOf(directory, new Set(witnesses.flatMap(({ chats }) => chats)));
  const verdict = {
    acknowledged: 0,
    stored: 0,
    frames: 0,
    lost: [] as string[],
    doubled: [] as string[],
    reordered: [] as string[],
    altered: [] as string[],
    missed: [] as string[],
  };
  for (const log of logs.values()) {
    verdict.stored += log.length;
    judgeLog(log, verdict.doubled);
  }
  for (const witness of witnesses) {
    const sighting = look(witness, logs, verdict);
    verdict.frames += witness.journal.frames;
    verdict.acknowledged += sighting.acknowledged.size;
    judgeSends(witness, sighting, logs, verdict);
    for (const chatId of witness.chats) {
      const seen = sighting.seen.get(chatId) ?? new Set();
      for (const { seq } of logs.get(chatId) ?? []) if (!seen.has(seq)) verdict.missed.push(`${witness.deviceId} was never told of ${chatId} ${seq}`);
    }
  }
  return verdict;
}

/** Whole logs; the store itself refuses to read one with a gap. */
async function logsOf(directory: string, chatIds: ReadonlySet<ChatId>): Promise<Map<ChatId, readonly Entry[]>> {
  const stores = await storesOf(directory);
  const logs = new Map<ChatId, readonly Entry[]>();
  try {
    for (const chatId of chatIds) {
      const { lastSeq } = await stores.messages.open(chatId);
      const log: Entry[] = [];
      while (log.length < lastSeq) log.push(...(await stores.messages.read(chatId, { after: log.length, before: lastSeq + 1, limit: 10_000, bytesMax: 1e9, from: 'first' })));
      logs.set(chatId, log);
    }
  } finally {
    await stores.close();
  }
  return logs;
}

function judgeLog(log: readonly Entry[], doubled: string[]): void {
  const numbers = new Set<string>();
  const bodies = new Set<string>();
  for (const { chatId, seq, device, number, body } of log) {
    if (number === 0) continue;
    const name = `${device} ${number}`;
    const text = `${device} ${textOf(body)}`;
    if (numbers.has(name)) doubled.push(`${name} stands twice in ${chatId}, again at ${seq}`);
    else if (bodies.has(text)) doubled.push(`${text} stands twice in ${chatId}, again at ${seq}`);
    numbers.add(name);
    bodies.add(text);
  }
}

/** Walks the journal of one device, comparing every entry that it was shown with the log. */
function look(
  { deviceId, journal }: Witness,
  logs: ReadonlyMap<ChatId, readonly Entry[]>,
  { doubled, altered, reordered }: { doubled: string[]; altered: string[]; reordered: string[] },
): Sighting {
  const sighting: Sighting = { sends: new Map(), said: new Map(), acknowledged: new Map(), seen: new Map() };
  let pushed = new Map<ChatId, number>();
  const show = (entry: Entry): void => {
    of(sighting.seen, entry.chatId).add(entry.seq);
    const stored = logs.get(entry.chatId)?.[entry.seq - 1];
    if (stored === undefined || Buffer.compare(encodeEntry(entry), encodeEntry(stored)) !== 0)
      altered.push(`${deviceId} was shown another ${entry.chatId} ${entry.seq} than is stored`);
  };
  const see = (frame: ToDevice | Unknown): void => {
    if (frame.kind === 'entry') {
      const { kind: _, ...entry } = frame;
      show(entry);
      if (entry.seq < (pushed.get(entry.chatId) ?? 0)) reordered.push(`${deviceId} was pushed ${entry.chatId} ${entry.seq} after ${pushed.get(entry.chatId)}`);
      pushed.set(entry.chatId, entry.seq);
    } else if (frame.kind === 'entries') for (const entry of frame.entries) show(entry);
    else if (frame.kind === 'sent') {
      const { number, chatId, seq } = frame;
      of(sighting.seen, chatId).add(seq);
      const before = sighting.acknowledged.get(number);
      if (before !== undefined && before.seq !== seq) doubled.push(`${deviceId} ${number} was acknowledged at ${before.seq} and at ${seq}`);
      sighting.acknowledged.set(number, { chatId, seq });
    }
  };
  for (const { direction, bytes } of journal.read()) {
    if (direction === 'out') {
      const frame = decodeFromDevice(bytes);
      if (frame.kind === 'hello') pushed = new Map();
      if (frame.kind !== 'send') continue;
      sighting.sends.set(frame.number, { chatId: frame.chatId, body: textOf(frame.body) });
      of(sighting.said, frame.chatId).add(textOf(frame.body));
      continue;
    }
    for (const frame of singly(decodeToDevice(bytes))) see(frame);
  }
  return sighting;
}

function judgeSends(
  { deviceId }: Witness,
  { sends, said, acknowledged }: Sighting,
  logs: ReadonlyMap<ChatId, readonly Entry[]>,
  { lost, reordered }: { lost: string[]; reordered: string[] },
): void {
  for (const [number, { chatId, seq }] of acknowledged) {
    const sent = sends.get(number);
    if (sent === undefined) continue; // not a message: how the chat was made
    const entry = logs.get(chatId)?.[seq - 1];
    if (entry?.device !== deviceId || entry.number !== number || textOf(entry.body) !== sent.body)
      lost.push(`${deviceId} ${number} was acknowledged at ${chatId} ${seq}, where it is not`);
  }
  for (const [chatId, bodies] of said) {
    const places = new Map([...bodies].map((body, at) => [body, at]));
    let last = -1;
    for (const { device, seq, body } of logs.get(chatId) ?? []) {
      const place = device === deviceId ? places.get(textOf(body)) : undefined;
      if (place === undefined) continue;
      if (place < last) reordered.push(`${deviceId} said ${textOf(body)} before what stands before it in ${chatId} at ${seq}`);
      last = place;
    }
  }
}

function of<Key, Item>(map: Map<Key, Set<Item>>, key: Key): Set<Item> {
  let set = map.get(key);
  if (set === undefined) map.set(key, (set = new Set()));
  return set;
}

/** Bodies as text of one character a byte, at most their beginning: the marks that tell them apart stand there. */
function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, markBytesMax)).toString('latin1');
}
const markBytesMax = 256;
