// Devices that were away or read too slowly: what moved, then the entries themselves, and nothing is missed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../src/protocol/limits.ts';
import type { CursorRow } from '../../src/protocol/sync.ts';
import type { Device } from './device.ts';
import { textsOf } from './device.ts';
import { overEachTransport } from './served.ts';

const windowBytes = 65_536;

overEachTransport(
  'a device that comes back',
  (served) => {
    test('resumes in one round trip: of many chats only those that moved are named', async () => {
      const ann = await served.user();
      const friends = await served.users(12);
      for (const friend of friends) await ann.sayTo(friend.userId, 'hello');
      const all = await moved(ann, []);
      assert.equal(all.length, 12);
      const cursors = all.map(({ chatId, head, receiptsVersion }) => ({ chatId, seq: head, receiptsVersion }));
      await ann.close();
      const [one, other] = friends as [Device, Device];
      const [sent] = await Promise.all([one.sayTo(ann.userId, 'while away'), other.sayTo(ann.userId, 'me too')]);
      const back = await served.connect(ann.account);
      const news = await moved(back, cursors);
      assert.deepEqual(
        news.map(({ head }) => head),
        [3, 3],
      );
      assert.deepEqual(textsOf((await back.pull(sent.chatId, 2)).entries), ['while away']);
    });

    test('with the same cursors is told that nothing moved', async () => {
      const [ann, bob] = [await served.user(), await served.user()];
      await ann.sayTo(bob.userId, 'hello');
      const [row] = await moved(bob, []);
      assert(row !== undefined);
      assert.deepEqual(await moved(bob, [{ chatId: row.chatId, seq: row.head, receiptsVersion: row.receiptsVersion }]), []);
    });

    test('hears of receipts that moved while it was away', async () => {
      const [ann, bob] = [await served.user(), await served.user()];
      const { chatId, seq } = await ann.sayTo(bob.userId, 'hello');
      const [row] = await moved(ann, []);
      await ann.close();
      bob.tell({ kind: 'read', chatId, seq });
      const back = await served.connect(ann.account);
      // The mark has no answer: ask until the members show it, then the resume must have shown it too.
      for (;;) {
        const { members } = await back.askFor('members', { kind: 'getMembers', request: back.request(), chatId });
        if (members.some(({ userId, read }) => userId === bob.userId && read === seq)) break;
      }
      const news = await moved(back, [{ chatId, seq, receiptsVersion: row?.receiptsVersion ?? 0 }]);
      assert.deepEqual(
        news.map((one) => one.head),
        [seq],
      );
      assert((news[0]?.receiptsVersion ?? 0) > (row?.receiptsVersion ?? 0));
    });

    test('says what it has in several frames, and the last one is answered', async () => {
      const [ann, bob] = [await served.user(), await served.user()];
      const { chatId, seq } = await ann.sayTo(bob.userId, 'hello');
      const [row] = await moved(bob, []);
      const { incarnation } = bob.welcome;
      bob.tell({ kind: 'resume', request: 7, incarnation, cursors: [{ chatId, seq, receiptsVersion: row?.receiptsVersion ?? 0 }], last: false });
      const answer = await bob.askFor('moved', { kind: 'resume', request: 8, incarnation, cursors: [], last: true });
      assert.deepEqual([answer.rows, answer.last], [[], true]);
    });

    test('with cursors of another history is told to forget them', async () => {
      const [ann, bob] = [await served.user(), await served.user()];
      const { chatId } = await ann.sayTo(bob.userId, 'hello');
      const answer = await bob.ask({ kind: 'resume', request: bob.request(), incarnation: 'of another server', cursors: [{ chatId, seq: 99, receiptsVersion: 9 }], last: true });
      assert.deepEqual([answer.kind, answer.kind === 'incarnationChanged' && answer.incarnation], ['incarnationChanged', bob.welcome.incarnation]);
    });

    test('pulls in pieces of bounded size, each complete up to `through`', async () => {
      const [ann, bob] = [await served.user(), await served.user()];
      const body = 'x'.repeat(limits.bodyBytesMax);
      const { chatId } = await ann.sayTo(bob.userId, body);
      for (let nth = 0; nth < 19; nth += 1) await ann.say(chatId, body);
      let through = 0;
      let pieces = 0;
      for (let head = 1; through < head; pieces += 1) {
        const piece = await bob.pull(chatId, through);
        assert.deepEqual([piece.from, piece.entries[0]?.seq, piece.entries.at(-1)?.seq], [through + 1, through + 1, piece.through]);
        assert(piece.entries.reduce((bytes, entry) => bytes + entry.body.byteLength, 0) <= limits.entriesBytesMax + limits.bodyBytesMax);
        through = piece.through;
        head = piece.head;
      }
      assert.equal(through, 21);
      assert(pieces >= 3, `${pieces} pieces`);
    });

    test('a device that reads too slowly is told that it lags, and pulls what was left out', async () => {
      const [ann, bob] = [await served.user(), await served.user()];
      const { chatId } = await ann.sayTo(bob.userId, 'hello');
      await bob.next('entry', ({ seq }) => seq === 2);
      bob.client.pause();
      const body = 'y'.repeat(limits.bodyBytesMax);
      const said = 400; // 25 MB: more than the kernel's buffers and the window hold
      for (let nth = 0; nth < said; nth += 8) await Promise.all(Array.from({ length: Math.min(8, said - nth) }, () => ann.say(chatId, body)));
      bob.client.resume();
      await bob.next('lagging');
      const pushed = bob.all('entry').map(({ seq }) => seq);
      assert(pushed.length < said, 'nothing was left out: the window is not what bounds memory');
      assert.deepEqual(
        pushed,
        [...pushed].sort((one, other) => one - other),
      );
      const news = await moved(bob, [{ chatId, seq: 2, receiptsVersion: 1_000_000 }]);
      assert.deepEqual(
        news.map(({ head }) => head),
        [2 + said],
      );
      assert.deepEqual(
        (await bob.pullAll(chatId)).map(({ seq }) => seq),
        Array.from({ length: 2 + said }, (_, at) => at + 1),
      );
      await ann.say(chatId, 'and pushes go on');
      await bob.next('entry', ({ seq }) => seq === 3 + said);
    });
  },
  { environment: { PARLEY_WINDOW_BYTES: String(windowBytes) } },
);

async function moved(device: Device, cursors: readonly CursorRow[]) {
  return (await device.askFor('moved', { kind: 'resume', request: device.request(), incarnation: device.welcome.incarnation, cursors, last: true })).rows;
}
