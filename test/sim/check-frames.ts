// Checkers of what is told beside the entries: watermarks and unread (P5), members only (P6), bounds (P8), answers.
import { entryKinds } from '../../src/protocol/messages.ts';
import { unreadOf } from '../../src/sdk/place.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { checker, entriesIn } from './evidence.ts';
import { askedAs, type Left } from './recording.ts';
import { headFor, sees } from './truth.ts';

/**
 * P5: what is told of a watermark is durable by then and never ahead of the log. On each connection it rises where one process serves; of several a former owner may
 * still tell what it knows, and what nodes tell each other may come late or twice: there devices see it rise, which merge by max.
 */
export const watermarksOnlyRise = checker(({ recording, disk, devices, nodes }, complain) => {
  const marks = new Map<string, { delivered: number; read: number }>();
  for (const { frame, to, row } of recording.left) {
    if (frame.kind !== 'receipt') continue;
    const { chatId, userId, delivered, read } = frame;
    const key = `${to.server} ${to.connection} ${chatId} ${userId}`;
    const last = marks.get(key);
    if (nodes === 1 && last !== undefined && (delivered < last.delivered || read < last.read))
      complain(`${to.device}: ${userId} in ${chatId} fell from ${last.delivered}/${last.read} to ${delivered}/${read}`);
    if (row === undefined || row.delivered < delivered || row.read < read)
      complain(`${to.device} was told ${delivered}/${read} of ${userId} in ${chatId} when the disk had ${row?.delivered}/${row?.read}`);
    marks.set(key, { delivered, read });
  }
  for (const { name, risen } of devices) {
    const last = new Map<string, { readonly delivered: number; readonly read: number }>();
    for (const mark of risen) {
      const key = `${mark.life} ${mark.chatId} ${mark.userId}`;
      const former = last.get(key);
      if (former !== undefined && (mark.delivered < former.delivered || mark.read < former.read))
        complain(`${name} told its program that ${mark.userId} fell from ${former.delivered}/${former.read} to ${mark.delivered}/${mark.read} in ${mark.chatId}`);
      last.set(key, mark);
    }
  }
  for (const [chatId, { rows }] of disk.receipts) {
    const length = disk.logs.get(chatId)?.entries.length ?? 0;
    for (const { userId, delivered, read } of rows.values()) {
      if (Math.max(delivered, read) > length) complain(`${userId} has read ${chatId} to ${delivered}/${read} of ${length}`);
    }
  }
});

/** P5: unread in a list of chats is the messages between the read watermark and the head, reckoned from the log. */
export const unreadIsArithmetic = checker(({ recording, disk }, complain) => {
  for (const { frame, to } of recording.left) {
    if (frame.kind !== 'chats') continue;
    for (const { chatId, head, read, unread } of frame.rows) {
      const log = disk.logs.get(chatId)?.entries ?? [];
      const expected = log.filter(({ seq, entryKind }) => seq > read && seq <= head && entryKind === entryKinds.message).length;
      if (unread !== expected) complain(`${to.device} was told of ${unread} unread in ${chatId} (read ${read}, head ${head}); it is ${expected}`);
    }
  }
});

/** P5: what a device shows as unread is the messages of others that it has after its read watermark. */
export const devicesCountUnread = checker(({ disk, devices }, complain) => {
  for (const { name, userId, kept } of devices) {
    for (const place of kept.places) {
      const { chatId, read, seq, countable, readCountable } = place;
      if (countable === null || (readCountable === null && read < seq)) continue; // not known yet: shown as none
      const log = disk.logs.get(chatId)?.entries ?? [];
      const expected = log.filter((entry) => entry.seq > read && entry.seq <= seq && entry.entryKind === entryKinds.message && entry.author !== userId).length;
      if (unreadOf(place) !== expected) complain(`${name} shows ${unreadOf(place)} unread in ${chatId} (read ${read}, at ${seq}); it is ${expected}`);
    }
  }
});

/** P6: no frame tells anybody of an entry that they may not see, nor anything of a chat in which they never were. */
export const membersOnly = checker(({ recording, disk, stays }, complain) => {
  for (const { frame, to } of recording.left) {
    for (const { chatId, seq } of entriesIn(frame)) {
      if (!sees(stays.get(chatId) ?? new Map(), to.userId, seq)) complain(`${to.device} was told of ${chatId} ${seq}, which its user may not see`);
    }
    for (const [chatId, head] of headsIn(frame)) {
      const limit = headFor(stays.get(chatId) ?? new Map(), to.userId, disk.logs.get(chatId)?.entries.length ?? 0);
      if (head > limit) complain(`${to.device} was told by ${frame.kind} that ${chatId} goes to ${head}; its user may know ${limit}`);
    }
  }
});

/**
 * P4: where inboxes are raised beside the logs, none is behind an entry that is acknowledged. Of a large chat they say that the log itself is to be asked, or,
 * where its owner died just after it grew, that the chat is.
 */
export const inboxesAreNotBehind = checker(({ recording, disk, wantsEveryHead, stays }, complain) => {
  if (!wantsEveryHead) return;
  for (const { frame, to, inboxes } of recording.left) {
    if (frame.kind !== 'sent') continue;
    const { chatId, seq, number } = frame;
    const own = stays.get(chatId) ?? new Map();
    const hasGrown = disk.logs.get(chatId)?.entries.some((entry) => entry.entryKind === entryKinds.grown && entry.seq <= seq) === true;
    for (const userId of own.keys()) {
      const row = inboxes?.get(userId);
      if (row?.large === true || (hasGrown && row?.confirmed === false)) continue;
      if (sees(own, userId, seq) && (row?.head ?? 0) < seq)
        complain(`sent ${number} of ${to.device} left for ${chatId} ${seq} when the inbox of ${userId} was at ${row?.head ?? 'nothing'}`);
    }
  }
});

/** P8: no mailbox held more than its limit. (Windows are the network's to keep; it refuses what is above them.) */
export const mailboxesAreBounded = checker(({ fullestMailbox, mailboxMax }, complain) => {
  if (fullestMailbox > mailboxMax) complain(`a mailbox held ${fullestMailbox}, more than ${mailboxMax}`);
});

/**
 * Every request that reached a server gets at most one answer per copy of it, and nobody is answered who has not asked. Between nodes a send that is passed on from one that seems
 * gone may be served by both: then the same answer may come again, or `later` beside it, and no send stands at two places.
 */
export const answersWereAskedFor = checker(({ recording }, complain) => {
  const asked = new Map<string, number>();
  const sentAt = new Map<string, string>();
  const final = new Map<string, string>();
  /** Answers beside others: no more than the request went between nodes. */
  const besides = new Map<string, number>();
  /** Who was told to come back later. */
  const putOff = new Set<string>();
  for (const { frame, from } of recording.came) {
    const request = 'number' in frame ? frame.number : 'request' in frame ? frame.request : 0;
    if (request > 0) asked.set(`${from.deviceId} ${request}`, (asked.get(`${from.deviceId} ${request}`) ?? 0) + 1);
  }
  for (const { frame, to } of recording.left) {
    const request = frame.kind === 'sent' ? frame.number : 'request' in frame && (frame.kind !== 'moved' || frame.last) ? frame.request : 0;
    if (request === 0) continue;
    const key = `${to.deviceId} ${request}`;
    if (frame.kind === 'sent') {
      const at = `${frame.chatId} ${frame.seq}`;
      if (sentAt.has(key) && sentAt.get(key) !== at) complain(`${to.device} was told that ${request} stands at ${sentAt.get(key)} and at ${at}`);
      sentAt.set(key, at);
    }
    const answer = frame.kind === 'refused' ? `refused ${frame.why}` : frame.kind;
    const former = final.get(key);
    const isPassing = frame.kind === 'refused' && (frame.retryAfterMs !== null || frame.why === 'outOfOrder'); // after which it is sent again
    const isAgain = former === undefined ? putOff.has(key) : former === answer;
    if (isPassing) putOff.add(key);
    else final.set(key, answer);
    const crossings = recording.passed.get(askedAs(to.deviceId, { number: request })) ?? 0;
    const beside = besides.get(key) ?? 0;
    if (beside < crossings && (frame.kind === 'sent' || frame.kind === 'refused') && (isPassing || isAgain)) {
      besides.set(key, beside + 1);
      continue;
    }
    const left = (asked.get(key) ?? 0) - 1;
    asked.set(key, left);
    if (left < 0) complain(`${to.device} got one answer too many to ${request}: ${frame.kind}`);
  }
});

/**
 * However views disagree, a command goes from one node to another twice at most: to whom its session takes for the owner, and on to whom that one does.
 * But for one whose owner is gone before it has answered: that one is passed on again, once for each time that its device asks, to whoever serves it then.
 */
const passesMax = 3;
export const commandsAreForwardedOnce = checker(({ recording }, complain) => {
  const copies = new Map<string, number>();
  for (const { frame, from } of recording.came) {
    if (!('number' in frame || 'request' in frame)) continue;
    const key = askedAs(from.deviceId, frame);
    copies.set(key, (copies.get(key) ?? 0) + 1);
  }
  for (const [key, passed] of recording.passed)
    if (passed > passesMax * (copies.get(key) ?? 0)) complain(`${key} came ${copies.get(key) ?? 0} times, and went between nodes ${passed} times`);
});

/** Nothing threw that nobody had made throw. */
export const nothingUnforeseen = checker(({ recording }, complain) => {
  for (const wrong of recording.wrongs) complain(wrong);
});

/** What a frame tells of how far chats go: [chat, at least up to there]. */
function headsIn(frame: Left['frame']): [ChatId, number][] {
  switch (frame.kind) {
    case 'moved':
      return frame.rows.map(({ chatId, head }) => [chatId, head]);
    case 'chats':
      return frame.rows.map(({ chatId, head }) => [chatId, head]);
    case 'entries':
      return [[frame.chatId, frame.head]];
    case 'members':
      return [[frame.chatId, frame.seq]];
    case 'receipt':
      return [[frame.chatId, Math.max(frame.delivered, frame.read, 1)]];
    case 'typingBy':
      return [[frame.chatId, 1]];
    default:
      return [];
  }
}
