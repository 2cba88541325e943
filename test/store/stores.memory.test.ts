// The stores in memory keep the contracts, and their disk fails the way a simulator asks for.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { StoreFull, StoreUnavailable, Superseded } from '../../src/store/faults.ts';
import { memoryPresence } from '../../src/store/presence.memory.ts';
import { type AppendFault, type MemoryOptions, type MemoryStores, memoryDisk, memoryStores } from '../../src/store/stores.memory.ts';
import type { Clock } from '../../src/structures/clock.ts';
import { inboxContract } from './inbox.contract.ts';
import { receiptStoreContract } from './receipts.contract.ts';
import { ann, appendOf, bob, chatOf, everything, type OpenStores, room, userOf } from './samples.ts';
import { storesContract } from './stores.contract.ts';

function opener(options: MemoryOptions): OpenStores {
  return async () => {
    const disk = memoryDisk();
    let last: MemoryStores = memoryStores({ ...options, disk });
    return {
      stores: last,
      reopen: async () => {
        last.crash();
        last = memoryStores({ ...options, disk });
        return last;
      },
      end: () => last.close(),
    };
  };
}
storesContract('memory', opener({ storeNowMs: () => performance.now() }));
inboxContract('memory, told of every head', opener({ wantsEveryHead: true }));
receiptStoreContract('memory, told of every head', opener({ wantsEveryHead: true }));

/** Time that passes only when it is told to: all timers that are due, in order, and what follows from them. */
function handClock(): Clock & { pass(ms: number): Promise<void> } {
  let nowMs = 0;
  const timers: { atMs: number; job: () => void }[] = [];
  const settle = async () => {
    for (let turn = 0; turn < 50; turn += 1) await undefined;
  };
  return {
    nowMs: () => nowMs,
    after(delayMs, job) {
      const timer = { atMs: nowMs + delayMs, job };
      timers.push(timer);
      return { cancel: () => void timers.splice(timers.indexOf(timer), 1) };
    },
    soon: (job) => queueMicrotask(job),
    async pass(ms) {
      const untilMs = nowMs + ms;
      await settle();
      for (;;) {
        const due = timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
        if (due === undefined) break;
        timers.splice(timers.indexOf(due), 1);
        nowMs = due.atMs;
        due.job();
        await settle();
      }
      nowMs = untilMs;
    },
  };
}

/** Stores whose appends meet `faults`, one after another, then none. */
function failing(...faults: AppendFault[]): MemoryStores & { clock: ReturnType<typeof handClock> } {
  const clock = handClock();
  return { ...memoryStores({ clock, faults: { beforeAppend: () => faults.shift() ?? 'ok' } }), clock };
}

/** What has become of `work` by now. */
async function stateOf(work: Promise<unknown>): Promise<'pending' | 'fulfilled' | Error> {
  return Promise.race([
    work.then(
      () => 'fulfilled' as const,
      (error: Error) => error,
    ),
    new Promise<'pending'>((resolve) => setImmediate(() => resolve('pending'))),
  ]);
}

describe('the simulator can make the memory stores', () => {
  test('refuse an append that is then certainly not stored, and say why', async () => {
    const stores = failing('full', 'unavailable');
    await assert.rejects(stores.messages.append(appendOf(room, { tip: 1 })), StoreFull);
    assert.match(stores.trouble() ?? '', /full/);
    await assert.rejects(stores.messages.append(appendOf(room, { tip: 1 })), StoreUnavailable);
    assert.equal((await stores.messages.open(room)).lastSeq, 0);
    await stores.messages.append(appendOf(room, { tip: 1 }));
    assert.equal(stores.trouble(), undefined);
  });

  for (const unknown of ['unknownApplied', 'unknownNotApplied', 'unknownLate'] as const) {
    test(`lose the answer to an append (${unknown}), which the store asks for until it has one: one entry`, async () => {
      const stores = failing(unknown, 'full', 'unavailable', unknown);
      const work = stores.messages.append(appendOf(room, { tip: 1 }));
      await stores.clock.pass(30);
      assert.equal(await stateOf(work), 'pending');
      await stores.clock.pass(2_000);
      assert.equal(await stateOf(work), 'fulfilled');
      assert.equal((await stores.messages.read(room, everything)).length, 1);
    });
  }

  test('lose an append that another writer then supersedes: the answer is Superseded', async () => {
    const stores = failing('unknownNotApplied');
    const other = memoryStores({ disk: stores.disk });
    const work = stores.messages.append(appendOf(room, { tip: 1 }));
    work.catch(() => {});
    await other.messages.append(appendOf(room, { tip: 2 }));
    await stores.clock.pass(1_000);
    await assert.rejects(work, Superseded);
  });

  test('apply an append whose answer is lost before another writer extends it: it counts as stored', async () => {
    const stores = failing('unknownApplied');
    const other = memoryStores({ disk: stores.disk });
    const work = stores.messages.append(appendOf(room, { tip: 1 }));
    await stores.clock.pass(10);
    await other.messages.append(appendOf(room, { lastSeq: 1, builtOn: 1, tip: 2 }));
    await stores.clock.pass(1_000);
    await work;
    assert.equal((await stores.messages.read(room, everything)).length, 2);
  });

  test('delay an append without overtaking on the same chat', async () => {
    const stores = failing({ delayMs: 300 });
    const both = Promise.all([stores.messages.append(appendOf(room, { tip: 1 })), stores.messages.append(appendOf(room, { lastSeq: 1, builtOn: 1, tip: 2 }))]);
    await stores.clock.pass(299);
    assert.equal(await stateOf(both), 'pending');
    await stores.clock.pass(1);
    await both;
  });

  test('crash: what has not reached the disk vanishes, what was acknowledged stays, and nobody hears more', async () => {
    const clock = handClock();
    const disk = memoryDisk();
    const stores = memoryStores({ disk, clock, latencyMs: () => 10 });
    const first = stores.messages.append(appendOf(room, { tip: 1 }));
    await clock.pass(20);
    await first;
    const second = stores.messages.append(appendOf(room, { lastSeq: 1, builtOn: 1, tip: 2 }));
    await clock.pass(9);
    stores.crash();
    await clock.pass(1_000);
    assert.equal(await stateOf(second), 'pending');
    assert.equal((await memoryStores({ disk }).messages.open(room)).lastSeq, 1);
  });

  test('crash between disk and answer: the append stands although nobody heard of it', async () => {
    const clock = handClock();
    const disk = memoryDisk();
    const stores = memoryStores({ disk, clock, latencyMs: () => 10 });
    const work = stores.messages.append(appendOf(room, { tip: 1 }));
    await clock.pass(15);
    stores.crash();
    await clock.pass(1_000);
    assert.equal(await stateOf(work), 'pending');
    assert.equal((await memoryStores({ disk }).messages.open(room)).lastSeq, 1);
  });

  test('fail other writes and reads by name', async () => {
    const stores = memoryStores({
      faults: { beforeWrite: (operation) => (operation === 'inbox.raise' ? 'unavailable' : 'ok'), beforeRead: (operation) => (operation === 'inbox.rows' ? 'unavailable' : 'ok') },
    });
    await stores.inbox.announce(room, [ann]);
    await assert.rejects(stores.inbox.raise([]), StoreUnavailable);
    await assert.rejects(stores.inbox.rows(ann), StoreUnavailable);
  });

  test('close: what is under way is finished, later writes are refused', async () => {
    const clock = handClock();
    const stores = memoryStores({ clock, latencyMs: () => 10 });
    const work = stores.messages.append(appendOf(room, { tip: 1 }));
    const closed = stores.close();
    await assert.rejects(stores.messages.append(appendOf(chatOf(2), { tip: 2 })), StoreUnavailable);
    await clock.pass(20);
    await Promise.all([work, closed]);
  });
});

test('presence in memory forgets whom it has heard of least recently once it is full', async () => {
  const presence = memoryPresence({ usersMax: 2 });
  for (const userId of [ann, bob, ann, userOf(3)]) await presence.put({ userId, online: true, lastSeenMs: 1 });
  assert.deepEqual([(await presence.get(ann))?.online, await presence.get(bob), (await presence.get(userOf(3)))?.online], [true, undefined, true]);
});
