// Checkers of the logs: what is acknowledged is durable, stands once, in order, and reaches every device (P1 to P4).
import { type Entry, entryKinds } from '../../src/protocol/messages.ts';
import type { DeviceId } from '../../src/structures/ids.ts';
import { checker, entriesIn } from './evidence.ts';
import { owedLength, sees } from './truth.ts';

/** P1: every `sent` that left speaks of an entry that the disk had in that moment, and has for ever. */
export const acknowledgedIsDurable = checker(({ recording, disk }, complain) => {
  for (const { frame, stored, to } of recording.left) {
    if (frame.kind !== 'sent') continue;
    const { chatId, seq, number } = frame;
    const then = stored !== undefined && stored.device === to.deviceId && stored.number === number && stored.atMs === frame.atMs;
    if (!then) complain(`sent ${number} of ${to.device} left for ${chatId} ${seq} when the disk had ${named(stored)} there`);
    else if (disk.logs.get(chatId)?.entries[seq - 1] !== stored)
      complain(`sent ${number} of ${to.device}: ${chatId} ${seq} later became ${named(disk.logs.get(chatId)?.entries[seq - 1])}`);
  }
});

/** P2: every log is dense, its counts and clock rise, and it was never another than it is. */
export const sequenceHasNoGaps = checker(({ disk }, complain) => {
  for (const [chatId, { entries }] of disk.logs) {
    let countable = 0;
    let atMs = 0;
    entries.forEach((entry, at) => {
      if (entry.entryKind === entryKinds.message) countable += 1;
      if (entry.seq !== at + 1 || entry.chatId !== chatId) complain(`${chatId}: entry ${at + 1} says it is ${entry.seq} of ${entry.chatId}`);
      if (entry.countable !== countable) complain(`${chatId} ${entry.seq} counts ${entry.countable} messages, not ${countable}`);
      if (entry.atMs < atMs) complain(`${chatId} ${entry.seq}: the clock of the chat went back`);
      atMs = entry.atMs;
    });
  }
});

/** P2: whoever was told of an entry, whenever, was told the one that stands there. */
export const everyReaderSeesTheSame = checker(({ recording, disk }, complain) => {
  for (const { frame, to } of recording.left) {
    for (const entry of entriesIn(frame)) {
      const stands = disk.logs.get(entry.chatId)?.entries[entry.seq - 1];
      if (stands === undefined || !same(entry, stands)) complain(`${to.device} was told ${named(entry)}, but the log has ${named(stands)}`);
    }
  }
});

/**
 * P3: a number of a device makes at most one entry, numbers stand in rising order, and so does what the device wrote; nothing that was written stands twice.
 * But for what a device had to number anew (its clock was off, say) and then forgot with an older copy of its storage: it sends that again under its old number,
 * which was never stored, and so once more under a new one.
 */
export const onceAndInDeviceOrder = checker(({ disk, devices, recording }, complain) => {
  const firstNumbers = new Map<string, number>();
  for (const { frame } of recording.came) {
    const text = frame.kind === 'send' ? new TextDecoder().decode(frame.body) : '';
    if (frame.kind === 'send' && !firstNumbers.has(text)) firstNumbers.set(text, frame.number);
  }
  // A device whose clock was days ahead: what it then numbered is refused, and everything behind it numbered anew, perhaps before it ever left.
  const ahead = new Set<string>(recording.left.flatMap(({ frame, to }) => (frame.kind === 'refused' && frame.why === 'clockOff' ? [to.device] : [])));
  const copied = new Set(devices.filter(({ copies }) => copies > 0).map(({ name }) => name));
  for (const [chatId, { entries }] of disk.logs) {
    const numbers = new Map<DeviceId, number>();
    const counts = new Map<string, number>();
    const seen = new Map<string, number>();
    for (const { device, number, seq, entryKind, body } of entries) {
      if (number > 0 && number <= (numbers.get(device) ?? 0)) complain(`${chatId} ${seq}: number ${number} of ${device} stands again, or late`);
      if (number > 0) numbers.set(device, Math.max(number, numbers.get(device) ?? 0));
      if (entryKind !== entryKinds.message) continue;
      const text = new TextDecoder().decode(body);
      const [name = '', , count = ''] = text.split('/');
      const forgotten = copied.has(name) && (ahead.has(name) || seen.get(text) !== firstNumbers.get(text));
      if (seen.has(text) && !forgotten) complain(`${chatId} ${seq}: ${text} stands twice`);
      if (!seen.has(text)) seen.set(text, number);
      // What a device that came back from an older copy had left open may come after what it has written since. The raw device numbers as it likes.
      if (!copied.has(name) && name !== 'raw' && Number(count) < (counts.get(name) ?? 0)) complain(`${chatId} ${seq}: ${text} stands after ${counts.get(name)} of the same device`);
      counts.set(name, Math.max(Number(count), counts.get(name) ?? 0));
    }
  }
});

/** P3: what somebody wrote is in the log once the world is well, unless they were told no. Of a device that came back from an older copy, what it wrote before may be lost with its outbox. */
export const nothingWrittenIsLost = checker(({ disk, devices }, complain) => {
  const texts = new Set<string>();
  for (const { entries } of disk.logs.values())
    for (const { body, entryKind, chatId } of entries) if (entryKind === entryKinds.message) texts.add(`${chatId} ${new TextDecoder().decode(body)}`);
  for (const { name, posted, copies } of devices) {
    for (const { text, fate, why, chatId, copy, kept } of posted) {
      const stands = texts.has(`${chatId} ${text}`);
      if (fate === 'sent' && !stands) complain(`${name} was told that ${text} is sent, but it stands nowhere`);
      if (fate === 'refused' && stands) complain(`${name} was told that ${text} is refused (${why}), but it stands in ${chatId}`);
      if (fate === 'open' && kept && !stands && copy === copies) complain(`${text} has vanished`);
    }
  }
});

/** P4: once the world is well, every device has every entry that its user may see, in order, once; and its outbox is empty. */
export const devicesConverge = checker(({ recording, disk, devices, stays }, complain) => {
  const asksAgain = new Set(devices.map(({ deviceId }) => deviceId));
  const owed = new Map([...disk.logs].map(([chatId, { entries }]) => [chatId, owedLength(entries, recording, (device) => asksAgain.has(device))]));
  for (const { name, userId, logs, kept } of devices) {
    for (const { number, chatId } of kept.outbox) complain(`${name} still has ${number} for ${chatId} in its outbox`);
    for (const [chatId, { entries }] of disk.logs) {
      const own = stays.get(chatId) ?? new Map();
      const expected = entries.filter(({ seq }) => seq <= (owed.get(chatId) ?? 0) && sees(own, userId, seq));
      const has = logs.get(chatId) ?? [];
      const missing = expected.filter((entry) => !has.some((other) => other.seq === entry.seq));
      if (missing.length > 0) complain(`${name} lacks ${missing.length} of ${expected.length} entries of ${chatId}, first ${missing[0]?.seq}`);
      if (has.some(({ seq }, at) => seq <= (has[at - 1]?.seq ?? 0))) complain(`${name} has ${chatId} out of order, or something twice`);
      for (const entry of has) {
        const stands = entries[entry.seq - 1];
        if (stands === undefined || !same(entry, stands)) complain(`${name} keeps ${named(entry)}, but the log has ${named(stands)}`);
      }
    }
  }
});

/** P4: a program hears each entry at most once in a life of its device, in order. */
export const programsHearOnce = checker(({ devices }, complain) => {
  for (const { name, told } of devices) {
    const last = new Map<string, number>();
    for (const { life, chatId, seq } of told) {
      const key = `${life} ${chatId}`;
      if (seq <= (last.get(key) ?? 0)) complain(`${name} told its program ${chatId} ${seq} after ${last.get(key)}`);
      last.set(key, seq);
    }
  }
});

/** P4: what an answer to a pull says is complete, is complete. */
export const pullsAreComplete = checker(({ recording, disk, stays }, complain) => {
  for (const { frame, to } of recording.left) {
    if (frame.kind !== 'entries') continue;
    const { chatId, from, through, entries, head } = frame;
    const log = disk.logs.get(chatId)?.entries ?? [];
    const own = stays.get(chatId) ?? new Map();
    const expected = log.slice(Math.max(0, from - 1), through).filter(({ seq }) => sees(own, to.userId, seq));
    const told = entries.map(({ seq }) => seq).join(' ');
    if (told !== expected.map(({ seq }) => seq).join(' '))
      complain(`${to.device} was told that ${chatId} ${from}–${through} is ${told || 'empty'}, but it is ${expected.map(({ seq }) => seq).join(' ')}`);
    if (through > head) complain(`${to.device}: an answer about ${chatId} goes to ${through}, above its head ${head}`);
  }
});

/** Equal but for a body that a list of chats leaves empty. */
function same(one: Entry, other: Entry): boolean {
  const fields: (keyof Entry)[] = ['chatId', 'seq', 'entryKind', 'author', 'device', 'number', 'countable', 'atMs', 'contentType'];
  const bodies = one.body.byteLength === other.body.byteLength ? one.body.every((byte, at) => byte === other.body[at]) : one.body.byteLength === 0 && other.body.byteLength > 1_024;
  return bodies && fields.every((field) => one[field] === other[field]);
}

function named(entry: Entry | undefined): string {
  return entry === undefined
    ? 'nothing'
    : `${entry.chatId} ${entry.seq} (${entry.entryKind}, ${entry.device} ${entry.number}, ${entry.countable} at ${entry.atMs}, ${entry.contentType}, ${entry.body.byteLength} bytes)`;
}
