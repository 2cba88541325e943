// The judge is worth what it catches: each kind of wrong is planted, and it must say which.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { encodeEntryFrame, encodeFrame } from '../../src/protocol/codec.ts';
import type { Entry } from '../../src/protocol/messages.ts';
import { idFrom } from '../../src/structures/ids.ts';
import { storesOf } from '../e2e/accounts.ts';
import { Journal } from '../e2e/journal.ts';
import { judge, type Verdict } from './judge.ts';

const chatId = idFrom<'chat'>('p', randomBytes(15));
const author = idFrom<'user'>('u', randomBytes(15));
const device = idFrom<'device'>('d', randomBytes(15));
const reader = idFrom<'device'>('d', randomBytes(15));

type Fault = Exclude<keyof Verdict, 'acknowledged' | 'stored' | 'frames'>;

/** What the device sends and is told, and what the reader is shown; a test changes one thing of it. */
interface Story {
  sent: { number: number; text: string }[];
  stored: Entry[];
  acknowledged: { number: number; seq: number }[];
  shown: Entry[];
}

function entry(seq: number, number: number, text: string): Entry {
  return { chatId, seq, entryKind: 1, author, device, number, countable: seq, atMs: 1_000 + seq, contentType: 'text/plain', body: Buffer.from(text) };
}

function goodStory(): Story {
  const sent = [1, 2, 3].map((number) => ({ number, text: `message ${number}` }));
  const stored = sent.map(({ number, text }) => entry(number, number, text));
  return { sent, stored, acknowledged: sent.map(({ number }) => ({ number, seq: number })), shown: [...stored] };
}

async function verdictOn(t: TestContext, { sent, stored, acknowledged, shown }: Story): Promise<Verdict> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-judge-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const stores = await storesOf(directory);
  await stores.messages.append({ chatId, entries: stored, builtOn: 0, tip: 1, fold: undefined });
  await stores.close();
  const [writer, hearer] = [new Journal(), new Journal()];
  for (const { number, text } of sent)
    writer.record('out', encodeFrame({ kind: 'send', chatId, number, after: number - 1, contentType: 'text/plain', body: Buffer.from(text), peer: null }), 0);
  for (const { number, seq } of acknowledged) writer.record('in', encodeFrame({ kind: 'sent', number, chatId, seq, atMs: 0 }), 0);
  for (const one of shown) hearer.record('in', encodeEntryFrame(one), 0);
  return judge(directory, [
    { deviceId: device, journal: writer, chats: [] },
    { deviceId: reader, journal: hearer, chats: [chatId] },
  ]);
}

/** Just that kind of wrong is found. */
async function finds(t: TestContext, faults: readonly Fault[], change: (story: Story) => void): Promise<void> {
  const story = goodStory();
  change(story);
  const verdict = await verdictOn(t, story);
  const found = (['lost', 'doubled', 'reordered', 'altered', 'missed'] as const).filter((fault) => verdict[fault].length > 0);
  assert.deepEqual(found, faults, JSON.stringify(verdict));
}

test('nothing is wrong with a good run', (t) => finds(t, [], () => {}));
test('an acknowledged message that is not stored is lost', (t) => finds(t, ['lost'], (story) => (story.shown = story.stored = story.stored.slice(0, 2))));
test('an acknowledged message whose bytes are others is lost', (t) =>
  finds(t, ['lost'], (story) => (story.shown = story.stored = [...story.stored.slice(0, 2), entry(3, 3, 'something else')])));
test('a message that stands twice is doubled', (t) => finds(t, ['doubled'], (story) => (story.shown = story.stored = [...story.stored, entry(4, 3, 'message 3')])));
test('a message that stands twice under two numbers is doubled', (t) =>
  finds(t, ['doubled'], (story) => (story.shown = story.stored = [...story.stored, entry(4, 9, 'message 3')])));
test('a message that is acknowledged at two seqs is doubled', (t) => finds(t, ['doubled'], (story) => void story.acknowledged.unshift({ number: 3, seq: 2 })));
test('messages that stand in another order than sent are reordered', (t) =>
  finds(t, ['reordered'], (story) => {
    story.shown = story.stored = [entry(1, 2, 'message 2'), entry(2, 1, 'message 1'), entry(3, 3, 'message 3')];
    story.acknowledged = [
      { number: 1, seq: 2 },
      { number: 2, seq: 1 },
      { number: 3, seq: 3 },
    ];
  }));
test('messages that are pushed in another order are reordered', (t) => finds(t, ['reordered'], (story) => void story.shown.reverse()));
test('an entry that was shown with other bytes than are stored is altered', (t) => finds(t, ['altered'], (story) => (story.shown[1] = { ...(story.shown[1] as Entry), atMs: 7 })));
test('an entry that was shown and is not stored is altered', (t) => finds(t, ['altered'], (story) => void story.shown.push(entry(4, 4, 'a ghost'))));
test('an entry that a member was never shown is missed', (t) => finds(t, ['missed'], (story) => void story.shown.splice(1, 1)));
