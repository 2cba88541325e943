// Two people and what they see of each other, through the real server: messages, receipts, typing, presence, the chat list, history.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { directChatId } from '../../src/protocol/direct.ts';
import { entryKinds } from '../../src/protocol/messages.ts';
import { textOf, textsOf } from './device.ts';
import { ground, overEachTransport } from './served.ts';

overEachTransport('two people', (served) => {
  test('the server says which transport is in use', () => {
    assert.equal(served.parley.lines.filter((line) => line.includes(`(${served.parley.transport})`)).length, 1);
  });

  test('the first message makes the chat, and both see the same log', async () => {
    const [ann, bob] = [await served.user('ann'), await served.user('bob')];
    const chatId = directChatId(ann.userId, bob.userId);
    const sent = await ann.sayTo(bob.userId, 'hello');
    assert.deepEqual([sent.chatId, sent.seq], [chatId, 2]);
    const created = await bob.next('entry');
    const hello = await bob.next('entry');
    assert.deepEqual([created.seq, created.entryKind, hello.seq, textOf(hello)], [1, entryKinds.created, 2, 'hello']);
    assert.equal(hello.author, ann.userId);
    assert.equal(hello.atMs, sent.atMs);
    await bob.say(chatId, 'hello yourself');
    assert.equal(textOf(await ann.next('entry', ({ author }) => author === bob.userId)), 'hello yourself');
    const [hers, his] = [await ann.pullAll(chatId), await bob.pullAll(chatId)];
    assert.deepEqual(hers, his);
    assert.deepEqual(
      hers.map(({ seq }) => seq),
      [1, 2, 3],
    );
  });

  test('when both write first at once there is one chat with both messages', async () => {
    const [ann, bob] = [await served.user(), await served.user()];
    const [one, other] = await Promise.all([ann.sayTo(bob.userId, 'from ann'), bob.sayTo(ann.userId, 'from bob')]);
    assert.equal(one.chatId, other.chatId);
    const entries = await ann.pullAll(one.chatId);
    assert.deepEqual(
      entries.map(({ seq, entryKind }) => [seq, entryKind]),
      [
        [1, entryKinds.created],
        [2, entryKinds.message],
        [3, entryKinds.message],
      ],
    );
    assert.deepEqual([...textsOf(entries)].sort(), ['from ann', 'from bob']);
  });

  test('a resend is answered with the first seq and reaches nobody twice', async () => {
    const [ann, bob] = [await served.user(), await served.user()];
    const chatId = directChatId(ann.userId, bob.userId);
    const number = ann.number();
    const send = { kind: 'send', chatId, number, after: 0, contentType: 'text/plain', body: new TextEncoder().encode('once'), peer: bob.userId } as const;
    const first = await ann.askFor('sent', send);
    assert.deepEqual(await ann.askFor('sent', send), first);
    await ann.say(chatId, 'the next');
    await bob.next('entry', ({ seq }) => seq === 3);
    assert.deepEqual(textsOf(bob.all('entry')), ['once', 'the next']);
  });

  test('what one device sends in a burst stands in that order', async () => {
    const [ann, bob] = [await served.user(), await served.user()];
    const texts = Array.from({ length: 16 }, (_, at) => `message ${at}`);
    await Promise.all(texts.map((text) => ann.sayTo(bob.userId, text)));
    await bob.next('entry', ({ seq }) => seq === 17);
    assert.deepEqual(textsOf(bob.all('entry')), texts);
  });

  test('delivered and read reach the sender, and only rise', async () => {
    const [ann, bob] = [await served.user(), await served.user()];
    const { chatId } = await ann.sayTo(bob.userId, 'one');
    await ann.say(chatId, 'two');
    bob.tell({ kind: 'delivered', chatId, seq: 3 });
    const delivered = await ann.next('receipt', ({ userId }) => userId === bob.userId);
    assert.deepEqual([delivered.delivered, delivered.read], [3, 1]); // who comes in has read what stood before
    bob.tell({ kind: 'delivered', chatId, seq: 2 }); // late: changes nothing
    bob.tell({ kind: 'read', chatId, seq: 1_000 }); // beyond the log: clamped
    const read = await ann.next('receipt', ({ userId }) => userId === bob.userId);
    assert.deepEqual([read.delivered, read.read], [3, 3]);
    assert(read.receiptsVersion > delivered.receiptsVersion);
    const { members } = await ann.askFor('members', { kind: 'getMembers', request: ann.request(), chatId });
    assert.deepEqual(
      new Map(members.map((member) => [member.userId, member.read])),
      new Map([
        [ann.userId, 1],
        [bob.userId, 3],
      ]),
    );
  });

  test('typing is told to the other one, with how long it holds', async () => {
    const [ann, bob] = [await served.user(), await served.user()];
    const { chatId } = await ann.sayTo(bob.userId, 'hello');
    ann.tell({ kind: 'typing', chatId, on: true });
    const on = await bob.next('typingBy');
    assert.deepEqual([on.userId, on.on, on.chatId], [ann.userId, true, chatId]);
    assert(on.ttlMs > 0 && on.ttlMs <= 60_000);
    ann.tell({ kind: 'typing', chatId, on: false });
    assert.equal((await bob.next('typingBy')).on, false);
    await ann.settled();
    assert.equal(ann.all('typingBy').length, 0);
  });

  test('who watches is told of coming and going, and a stranger is told nothing', async () => {
    const [ann, bob, eve] = [await served.user(), await served.user(), await served.user()];
    await ann.sayTo(bob.userId, 'hello');
    ann.tell({ kind: 'watch', userIds: [bob.userId] });
    eve.tell({ kind: 'watch', userIds: [bob.userId] });
    assert.equal((await ann.next('presence', ({ userId }) => userId === bob.userId)).online, true);
    await bob.close();
    const gone = await ann.next('presence', ({ userId }) => userId === bob.userId);
    assert.equal(gone.online, false);
    assert(Math.abs(gone.lastSeenMs - Date.now()) < 60_000);
    await served.connect(bob.account);
    const back = await ann.next('presence', ({ userId, online }) => userId === bob.userId && online);
    assert(back.lastSeenMs >= gone.lastSeenMs);
    ann.tell({ kind: 'watch', userIds: [] });
    await ann.settled();
    await eve.settled();
    // In a cluster a node that stands still for seconds is out of sight: its users are gone with it, and a later hour is told once it is known.
    const told = ann.all('presence').map(({ online, lastSeenMs }) => (online ? 'there' : `gone ${lastSeenMs}`));
    if (ground() === undefined) assert.equal(told.length, 3, 'each change once');
    assert.equal(told.filter((one, at) => one === told[at - 1]).length, 0, 'nothing twice');
    assert.equal(eve.all('presence').length, 0);
  });

  test('a chat in focus goes on as any other', async () => {
    const [ann, bob] = [await served.user(), await served.user()];
    const { chatId } = await ann.sayTo(bob.userId, 'hello');
    bob.tell({ kind: 'focus', chatId });
    await ann.say(chatId, 'seen?');
    assert.equal(textOf(await bob.next('entry', ({ seq }) => seq === 3)), 'seen?');
    bob.tell({ kind: 'focus', chatId: null });
    await ann.say(chatId, 'still there?');
    assert.equal(textOf(await bob.next('entry', ({ seq }) => seq === 4)), 'still there?');
  });

  test('the chat list has the newest first, its last entry, and unread by arithmetic', async () => {
    const [ann, bob, cleo] = [await served.user('ann'), await served.user('bob'), await served.user('cleo')];
    const { chatId: withBob } = await bob.sayTo(ann.userId, 'one');
    for (const text of ['two', 'three']) await bob.say(withBob, text);
    const { chatId: withCleo } = await cleo.sayTo(ann.userId, 'newest');
    await ann.next('entry', ({ chatId, seq }) => chatId === withCleo && seq === 2);
    ann.tell({ kind: 'read', chatId: withBob, seq: 3 });
    await bob.next('receipt', ({ read }) => read === 3);
    const { rows, next } = await ann.askFor('chats', { kind: 'listChats', request: ann.request(), before: null, limit: 100 });
    assert.deepEqual(
      rows.map(({ chatId, peer, head, read, unread, member }) => ({ chatId, peer, head, read, unread, member })),
      [
        { chatId: withCleo, peer: cleo.userId, head: 2, read: 1, unread: 1, member: true },
        { chatId: withBob, peer: bob.userId, head: 4, read: 3, unread: 1, member: true },
      ],
    );
    assert.deepEqual(
      rows.map(({ last }) => last && textOf(last)),
      ['newest', 'three'],
    );
    assert.equal(next, null);
    const first = await ann.askFor('chats', { kind: 'listChats', request: ann.request(), before: null, limit: 1 });
    const second = await ann.askFor('chats', { kind: 'listChats', request: ann.request(), before: first.next, limit: 1 });
    assert.deepEqual(
      [...first.rows, ...second.rows].map(({ chatId }) => chatId),
      [withCleo, withBob],
    );
    assert.equal(second.next, null);
  });

  test('history pages both ways, complete and without overlap', async () => {
    const [ann, bob] = [await served.user(), await served.user()];
    const { chatId } = await ann.sayTo(bob.userId, 'message 2');
    for (let seq = 3; seq <= 25; seq += 1) await ann.say(chatId, `message ${seq}`);
    const newest = await bob.history(chatId, 0, 10);
    assert.deepEqual(
      newest.entries.map(({ seq }) => seq),
      [16, 17, 18, 19, 20, 21, 22, 23, 24, 25],
    );
    assert.deepEqual([newest.from, newest.through, newest.head], [16, 25, 25]);
    const older = await bob.history(chatId, newest.from, 10);
    assert.deepEqual([older.from, older.through, older.entries.length], [6, 15, 10]);
    const oldest = await bob.history(chatId, older.from, 10);
    assert.deepEqual([oldest.from, oldest.through, oldest.entries.length], [1, 5, 5]);
    const forward = await bob.pull(chatId, 5, { limit: 10 });
    assert.deepEqual(
      forward.entries.map(({ seq }) => seq),
      [6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    );
    assert.deepEqual([forward.from, forward.through, forward.head], [6, 15, 25]);
    assert.deepEqual(forward.entries, older.entries);
  });

  test('with no one else: a chat with oneself is a chat', async () => {
    const ann = await served.user();
    const sent = await ann.sayTo(ann.userId, 'note to self');
    assert.deepEqual(textsOf(await ann.pullAll(sent.chatId)), ['note to self']);
  });
});
