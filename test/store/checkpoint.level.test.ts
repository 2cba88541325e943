// That a checkpoint leaves time to others, and takes it when the journal cannot wait; and that who reads meanwhile reads what stands.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Group } from '../../src/store/group.level.ts';
import { Home } from '../../src/store/home.level.ts';
import { Recent } from '../../src/store/recent.level.ts';
import type { Clock } from '../../src/structures/clock.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { levelOptions, newDirectory, openLevel, systemClock } from './level.ts';
import { appendOf, chatOf, everything } from './samples.ts';

/** Puts about a megabyte away, with the file that follows so full; says how often it has rested. */
async function restsAt(fullness: number): Promise<number> {
  const directory = await newDirectory();
  let rests = 0;
  const clock: Clock = {
    ...systemClock,
    after(delayMs, job) {
      rests += 1;
      return systemClock.after(Math.min(delayMs, 1), job);
    },
  };
  const home = await Home.open(levelOptions(directory, { reserveBytes: 12 * 1024 * 1024 }));
  try {
    let isFree = (): void => undefined;
    let failed: (fault: Error) => void = () => undefined;
    const freed = new Promise<void>((resolve, reject) => {
      isFree = resolve;
      failed = reject;
    });
    const recent = new Recent({ home, clock, onTrouble: (fault) => failed(fault), onFree: () => isFree(), fullness: () => fullness });
    const group = new Group();
    for (let n = 0; n < 1_000; n += 1) group.append(chatOf(n), 1, n + 1, [new Uint8Array(1_024).fill(n)], undefined);
    recent.take(group);
    recent.seal([], 1);
    await freed;
    await recent.close();
    return rests;
  } finally {
    await home.close();
    await rm(directory, { recursive: true });
  }
}

test('a checkpoint rests after each batch while the next file has much room, less when it fills up, and not at all when it is full', async () => {
  const [empty, filling, full] = [await restsAt(0), await restsAt(0.25), await restsAt(1)];
  assert.ok(empty >= 6, String(empty));
  assert.ok(filling > 0 && filling < empty, `${filling} of ${empty}`);
  assert.equal(full, 0);
});

test('who reads while what they read is put away, and its memory given back, reads it whole', async () => {
  const directory = await newDirectory();
  const stores = await openLevel(directory);
  try {
    const chats = [chatOf(1), chatOf(2), chatOf(3)];
    let reads = 0;
    let isOver = false;
    const read = async (chatId: ChatId): Promise<void> => {
      for (let seen = 0; !isOver; reads += 1) {
        const entries = await stores.messages.read(chatId, everything);
        assert.deepEqual([...new Set(entries.map(({ body }, at) => body.length === 2_000 && body.every((byte) => byte === (at + 1) % 256)))], entries.length === 0 ? [] : [true]);
        assert.ok(entries.length >= seen);
        seen = entries.length;
        await setImmediate();
      }
    };
    const readers = Promise.all(chats.map(read));
    for (let seq = 1; seq <= 300; seq += 1) {
      const body = new Uint8Array(2_000).fill(seq);
      await Promise.all(chats.map((chatId) => stores.messages.append(appendOf(chatId, { lastSeq: seq - 1, builtOn: seq - 1, tip: seq, body }))));
    }
    isOver = true;
    await readers;
    assert.ok(reads > 50, `${reads} reads`);
  } finally {
    await stores.close();
    await rm(directory, { recursive: true });
  }
});
