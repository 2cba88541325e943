// The actor of a chat where its stores fail.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type ChatNeeds, chatActor } from '../../src/actors/chat.ts';
import { StoreUnavailable } from '../../src/store/faults.ts';
import { idFrom } from '../../src/structures/ids.ts';

test('a chat whose log and receipts cannot be read fails to load, and leaves no rejection behind that nobody hears', async () => {
  const chatId = idFrom<'chat'>('g', randomBytes(15));
  let fail: (error: Error) => void = () => undefined;
  const needs = {
    messages: { open: async () => ({ tip: 1, lastSeq: 3, fold: undefined }) },
    chats: { snapshot: () => Promise.reject(new StoreUnavailable('the snapshot')) },
    receipts: {
      list: () =>
        new Promise((_, reject) => {
          fail = reject;
        }),
    },
  } as unknown as ChatNeeds;
  const unheard: unknown[] = [];
  const hear = (error: unknown): void => void unheard.push(error);
  process.on('unhandledRejection', hear);
  await assert.rejects(async () => chatActor(needs).load(chatId), /the snapshot/);
  fail(new StoreUnavailable('the receipts'));
  await turn();
  await turn();
  process.off('unhandledRejection', hear);
  assert.deepEqual(unheard, []);
});
