// What large chats have to say in a turn: as one frame for each chat, in order, bounded, to all but the only author.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeToDevice, encodeEntryFrame } from '../../src/protocol/codec.ts';
import { limits } from '../../src/protocol/limits.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { Together } from '../../src/transport/together.ts';
import { group, message } from '../protocol/examples.ts';
import { keptByYoung } from '../structures/young.ts';

const other = `${group.slice(0, -1)}A` as ChatId;

interface Said {
  readonly chatId: ChatId;
  readonly kind: string;
  readonly seqs: readonly number[];
  readonly except: number | undefined;
  readonly bytes: number;
}

function gathering(): { readonly together: Together; readonly said: readonly Said[]; add(chatId: ChatId, seq: number, except?: number, bodyBytes?: number): void } {
  const said: Said[] = [];
  const together = new Together((chatId, bytes, except) => {
    const frame = decodeToDevice(bytes);
    const seqs = frame.kind === 'entry' ? [frame.seq] : frame.kind === 'pushed' ? frame.entries.map(({ seq }) => seq) : [];
    said.push({ chatId, kind: frame.kind, seqs, except, bytes: bytes.byteLength });
  });
  return {
    together,
    said,
    add: (chatId, seq, except, bodyBytes = 10) => together.add(chatId, encodeEntryFrame({ ...message, chatId, seq, body: new Uint8Array(bodyBytes) }), except),
  };
}

const shown = (said: readonly Said[]): unknown[] => said.map(({ chatId, kind, seqs, except }) => [chatId, kind, seqs, except]);

test('one entry leaves as it is, to all but its author', () => {
  const { together, said, add } = gathering();
  add(group, 1, 7);
  assert.deepEqual(said, []);
  together.leaveAll();
  together.leaveAll();
  assert.deepEqual(shown(said), [[group, 'entry', [1], 7]]);
});

test('several of one chat leave as one frame, those of each chat by themselves', () => {
  const { together, said, add } = gathering();
  for (const seq of [1, 2, 3]) add(group, seq);
  for (const seq of [8, 9]) add(other, seq);
  together.leaveAll();
  assert.deepEqual(shown(said), [
    [group, 'pushed', [1, 2, 3], undefined],
    [other, 'pushed', [8, 9], undefined],
  ]);
});

test('an author alone does not hear its own; of several, or one that is elsewhere, all hear all', () => {
  const { together, said, add } = gathering();
  for (const seq of [1, 2, 3]) add(group, seq, 7);
  together.leaveAll();
  for (const [seq, except] of [
    [4, 7],
    [5, 8],
    [6, 8],
  ] as const)
    add(group, seq, except);
  together.leaveAll();
  for (const [seq, except] of [
    [7, undefined],
    [8, 7],
  ] as const)
    add(group, seq, except);
  together.leaveAll();
  for (const [seq, except] of [
    [9, 7],
    [10, undefined],
  ] as const)
    add(group, seq, except);
  together.leaveAll();
  assert.deepEqual(
    said.map(({ except }) => except),
    [7, undefined, undefined, undefined],
  );
});

test('what a chat has gathered can leave by itself, before its sockets become others', () => {
  const { together, said, add } = gathering();
  add(group, 1);
  add(group, 2);
  add(other, 1);
  together.leave(group);
  add(group, 3);
  together.leaveAll();
  assert.deepEqual(
    said.map(({ chatId, seqs }) => [chatId, seqs]),
    [
      [group, [1, 2]],
      [other, [1]],
      [group, [3]],
    ],
  );
});

test('a frame ends at its bytes and at its entries, and a large entry has one of its own', () => {
  const { together, said, add } = gathering();
  for (let seq = 1; seq <= 100; seq += 1) add(group, seq, undefined, 2_000);
  add(group, 101, undefined, limits.bodyBytesMax);
  for (let seq = 102; seq <= 102 + limits.pushedEntriesMax; seq += 1) add(other, seq, undefined, 0);
  together.leaveAll();
  assert.ok(said.every(({ seqs, bytes }) => seqs.length === 1 || bytes <= limits.pushedBytesMax));
  assert.ok(said.every(({ seqs }) => seqs.length <= limits.pushedEntriesMax));
  const seqsOf = (chatId: ChatId): readonly number[] => said.filter((one) => one.chatId === chatId).flatMap(({ seqs }) => seqs);
  assert.deepEqual(
    [...seqsOf(group), ...seqsOf(other)],
    Array.from({ length: 102 + limits.pushedEntriesMax }, (_, at) => at + 1),
  );
});

test('young collections take what former turns have said, however long the chat has been busy', () => {
  const frameBytes = 64 * 1024;
  const turns = 400;
  const together = new Together(() => undefined);
  const kept = keptByYoung(turns, () => {
    together.add(group, new Uint8Array(frameBytes), undefined);
    together.leaveAll();
  });
  assert.ok(kept < (turns * frameBytes) / 4, `${Math.round(kept / frameBytes)} frames of ${turns} are still there`);
});
