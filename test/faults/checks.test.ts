// The checks are worth what they catch: each kind of wrong is planted in a history that is right, and just the checks that are there for it must find it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { encodeMembersBody, membersContentType } from '../../src/protocol/members.ts';
import { type Entry, entryKinds } from '../../src/protocol/messages.ts';
import type { ReceiptRow } from '../../src/store/receipts.ts';
import { idFrom, type UserId } from '../../src/structures/ids.ts';
import { type CheckName, type Found, judgeAll } from './checks.ts';
import { type Client, digestOf, type Happening } from './history.ts';

const chatId = idFrom<'chat'>('g', randomBytes(15));
const clients = (['ann', 'bob', 'guest'] as const).map(
  (name, at): Client => ({ name, userId: idFrom<'user'>('u', randomBytes(15)), deviceId: idFrom<'device'>('d', randomBytes(15)), kind: at === 0 ? 'sdk' : 'raw' }),
);
const [ann, bob, guest] = clients as [Client, Client, Client];

/** What a test changes one thing of. */
interface Story {
  log: Entry[];
  happenings: Happening[];
  receipts: ReceiptRow[];
  inbox: { client: string; chatId: typeof chatId; head: number }[];
  kept: Entry[];
}

function line(seq: number, author: Client, countable: number, body: Uint8Array, entryKind: number = entryKinds.message): Entry {
  const contentType = entryKind === entryKinds.message ? 'text/plain' : membersContentType;
  return { chatId, seq, entryKind, author: author.userId, device: author.deviceId, number: seq * 10, countable, atMs: 1_000 + seq, contentType, body };
}

function membersLine(seq: number, countable: number, users: readonly UserId[], entryKind: number): Entry {
  return line(seq, ann, countable, encodeMembersBody({ title: '', members: users.map((userId) => [userId, userId === ann.userId ? 'owner' : 'member'] as const) }), entryKind);
}

/** A group of three; guest is removed at 5, and what follows is not for them. */
function good(): Story {
  const said = (seq: number, author: Client, countable: number, text: string): Entry => line(seq, author, countable, Buffer.from(text));
  const log = [
    membersLine(1, 0, [ann.userId, bob.userId, guest.userId], entryKinds.created),
    said(2, ann, 1, 'ann/1'),
    said(3, ann, 2, 'ann/2'),
    said(4, bob, 3, 'bob/1'),
    membersLine(5, 3, [guest.userId], entryKinds.removed),
    said(6, bob, 4, 'bob/2'),
  ];
  const happenings: Happening[] = [];
  let atMs = 0;
  const at = (): number => (atMs += 10);
  for (const [who, text, seq] of [
    ['ann', 'ann/1', 2],
    ['ann', 'ann/2', 3],
    ['bob', 'bob/1', 4],
    ['bob', 'bob/2', 6],
  ] as const) {
    happenings.push({ atMs: at(), who, what: 'posted', chatId, text }, { atMs: at(), who, what: 'sent', chatId, text, seq });
  }
  happenings.push({ atMs: at(), who: 'ann', what: 'changed', chatId, seq: 5, change: 'removed', userId: guest.userId });
  happenings.push({ atMs: at(), who: 'guest', what: 'posted', chatId, text: 'guest/1' }, { atMs: at(), who: 'guest', what: 'refused', chatId, text: 'guest/1', why: 'notAMember' });
  for (const [who, by, upTo] of [
    ['ann', 'told', 6],
    ['bob', 'push', 6],
    ['guest', 'pull', 5],
  ] as const) {
    happenings.push({ atMs: at(), who, what: 'head', chatId, seq: upTo });
    for (const entry of log.slice(0, upTo)) happenings.push({ atMs: at(), who, what: 'entry', chatId, seq: entry.seq, digest: digestOf(entry), by });
  }
  for (const [delivered, read] of [
    [2, 0],
    [6, 4],
  ] as const)
    happenings.push({ atMs: at(), who: 'ann', what: 'receipt', chatId, userId: bob.userId, delivered, read, merged: true });
  const inbox = ['ann', 'bob'].map((client) => ({ client, chatId, head: 6 }));
  return { log, happenings, receipts: [{ userId: bob.userId, delivered: 6, read: 4 }], inbox, kept: [...log] };
}

function verdictOn({ log, happenings, receipts, inbox, kept }: Story): CheckName[] {
  const found: Found = { clients, happenings, logs: new Map([[chatId, log]]), receipts: new Map([[chatId, receipts]]), inbox, kept: new Map([['ann', new Map([[chatId, kept]])]]) };
  return Object.entries(judgeAll(found))
    .filter(([, complaints]) => complaints.length > 0)
    .map(([name]) => name as CheckName);
}

function finds(story: Story, ...expected: CheckName[]): void {
  assert.deepEqual(verdictOn(story).sort(), [...expected].sort());
}

const last = (story: Story, what: Happening['what'], who: string): Happening => story.happenings.findLast((one) => one.what === what && one.who === who) as Happening;
const change = (story: Story, from: Happening, to: Partial<Happening>): void => void (story.happenings[story.happenings.indexOf(from)] = { ...from, ...to } as Happening);
const without = (story: Story, gone: Happening): void => void story.happenings.splice(story.happenings.indexOf(gone), 1);
/** At the end of the log, as if it had always been there, seen by all. */
function append(story: Story, entry: Entry): void {
  story.log.push(entry);
  story.kept.push(entry);
  for (const [who, by] of [
    ['ann', 'told'],
    ['bob', 'push'],
  ] as const)
    story.happenings.push({ atMs: 1_000, who, what: 'entry', chatId, seq: entry.seq, digest: digestOf(entry), by });
  for (const row of story.inbox) row.head = entry.seq;
}

test('a history that is right has nothing to complain of', () => finds(good()));

test('an acknowledged send that is not in the log', () => {
  const story = good();
  change(story, last(story, 'sent', 'bob'), { seq: 7 });
  finds(story, 'durable');
});

test('another stands where the client was told', () => {
  const story = good();
  change(story, last(story, 'sent', 'bob'), { seq: 4 });
  finds(story, 'durable');
});

test('a change of the members that was acknowledged and is another', () => {
  const story = good();
  change(story, last(story, 'changed', 'ann'), { userId: bob.userId });
  finds(story, 'durable');
});

test('a log with a gap, a wrong count, a clock that went back', () => {
  const gap = good();
  gap.log[5] = { ...(gap.log[5] as Entry), seq: 7 };
  assert(verdictOn(gap).includes('dense'));
  const count = good();
  append(count, { ...line(7, bob, 9, Buffer.from('bob/3')) });
  finds(count, 'dense');
  const clock = good();
  append(clock, { ...line(7, bob, 5, Buffer.from('bob/3')), atMs: 1 });
  finds(clock, 'dense');
});

test('a text, or a number, that stands twice', () => {
  const text = good();
  append(text, line(7, bob, 5, Buffer.from('bob/2')));
  finds(text, 'once');
  const number = good();
  append(number, { ...line(7, bob, 5, Buffer.from('bob/3')), number: 60 });
  finds(number, 'once');
});

test('acknowledged at two places', () => {
  const story = good();
  story.happenings.push({ ...last(story, 'sent', 'bob'), seq: 4 } as Happening);
  finds(story, 'once', 'durable');
});

test('what one device wrote stands in another order', () => {
  const story = good();
  const posts = story.happenings.filter(({ what, who }) => what === 'posted' && who === 'ann') as Extract<Happening, { what: 'posted' }>[];
  change(story, posts[0] as Happening, { text: 'ann/2' });
  change(story, posts[1] as Happening, { text: 'ann/1' });
  finds(story, 'inOrder');
});

test('a send of whose fate nobody ever heard', () => {
  const story = good();
  story.happenings.push({ atMs: 1_000, who: 'bob', what: 'posted', chatId, text: 'bob/3' });
  finds(story, 'answered');
});

test('a send that was refused for good, and stands all the same', () => {
  const story = good();
  append(story, line(7, guest, 5, Buffer.from('guest/1')));
  finds(story, 'answered');
});

test('somebody was shown another entry than stands there', () => {
  const story = good();
  change(story, last(story, 'entry', 'bob'), { digest: 1 });
  finds(story, 'oneOrder');
});

test('an entry that a member has never been shown, or does not keep', () => {
  const missed = good();
  without(missed, last(missed, 'entry', 'guest'));
  finds(missed, 'converged');
  const forgotten = good();
  forgotten.kept.pop();
  finds(forgotten, 'converged');
  const turned = good();
  turned.kept.reverse();
  finds(turned, 'converged');
});

test('told twice, or out of order', () => {
  const story = good();
  story.happenings.push(last(story, 'entry', 'ann'));
  finds(story, 'toldOnce');
});

test('a removed member that is shown what came after, or told of it', () => {
  const shown = good();
  shown.happenings.push({ atMs: 1_000, who: 'guest', what: 'entry', chatId, seq: 6, digest: digestOf(shown.log[5] as Entry), by: 'push' });
  finds(shown, 'membersOnly');
  const told = good();
  told.happenings.push({ atMs: 1_000, who: 'guest', what: 'head', chatId, seq: 6 });
  finds(told, 'membersOnly');
});

test('a watermark that falls, that the store does not have, or that is beyond the log', () => {
  const falls = good();
  falls.happenings.push({ ...last(falls, 'receipt', 'ann'), delivered: 5 } as Happening);
  finds(falls, 'watermarks');
  const raw = good(); // to be merged by who is told: there it may
  raw.happenings.push({ ...last(raw, 'receipt', 'ann'), delivered: 5, merged: false } as Happening);
  finds(raw);
  const lost = good();
  lost.receipts = [{ userId: bob.userId, delivered: 6, read: 3 }];
  finds(lost, 'watermarks');
  const beyond = good();
  beyond.receipts = [{ userId: bob.userId, delivered: 7, read: 4 }];
  finds(beyond, 'watermarks');
});

test('an inbox behind its log', () => {
  const story = good();
  story.inbox = [{ client: 'bob', chatId, head: 5 }];
  finds(story, 'inboxNotBehind');
});

test('something that no client should meet', () => {
  const story = good();
  story.happenings.push({ atMs: 1_000, who: 'bob', what: 'wrong', says: 'stopped for good: malformed' });
  finds(story, 'nothingWrong');
});
