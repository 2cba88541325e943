// Groups through the real server: who comes, who goes, who may, and that nobody hears of a group beyond a stay in it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMembersBody } from '../../src/protocol/members.ts';
import { entryKinds } from '../../src/protocol/messages.ts';
import { textOf, textsOf } from './device.ts';
import { about, overEachTransport } from './served.ts';

overEachTransport('a group', (served) => {
  test('is made, talked in, and the same for everybody', async () => {
    const [ann, bob, cleo] = [await served.user(), await served.user(), await served.user()];
    const chatId = await ann.group('climbing', [bob.userId, cleo.userId]);
    const created = await bob.next('entry', about(chatId));
    assert.deepEqual([created.seq, created.entryKind, decodeMembersBody(created.body)?.title], [1, entryKinds.created, 'climbing']);
    await bob.say(chatId, 'from bob');
    await cleo.next('entry', ({ author }) => author === bob.userId);
    await cleo.say(chatId, 'from cleo');
    await ann.next('entry', ({ author }) => author === cleo.userId);
    const logs = [await ann.pullAll(chatId), await bob.pullAll(chatId), await cleo.pullAll(chatId)];
    assert.deepEqual(textsOf(logs[0] ?? []), ['from bob', 'from cleo']);
    assert.deepEqual(logs[0], logs[1]);
    assert.deepEqual(logs[0], logs[2]);
    const members = await ann.askFor('members', { kind: 'getMembers', request: ann.request(), chatId });
    assert.deepEqual([members.title, members.seq, members.members.map(({ role }) => role)], ['climbing', 3, ['owner', 'member', 'member']]);
  });

  test('made twice under one number is one group', async () => {
    const [ann, bob] = [await served.user(), await served.user()];
    const frame = { kind: 'createGroup', number: ann.number(), title: 'once', userIds: [bob.userId] } as const;
    const first = await ann.askFor('sent', frame);
    assert.deepEqual(await ann.askFor('sent', frame), first);
    assert.equal((await ann.pullAll(first.chatId)).length, 1);
  });

  test('who is added hears from then on and sees nothing from before', async () => {
    const [ann, bob, cleo] = [await served.user(), await served.user(), await served.user()];
    const chatId = await ann.group('club', [bob.userId]);
    await ann.say(chatId, 'before cleo');
    await ann.askFor('sent', { kind: 'addMembers', chatId, number: ann.number(), after: ann.after(chatId), userIds: [cleo.userId] });
    const added = await cleo.next('entry', about(chatId));
    assert.deepEqual([added.seq, added.entryKind], [3, entryKinds.added]);
    await bob.say(chatId, 'welcome');
    assert.equal(textOf(await cleo.next('entry', about(chatId))), 'welcome');
    assert.deepEqual(
      (await cleo.pullAll(chatId)).map(({ seq }) => seq),
      [3, 4],
    );
    const { rows } = await cleo.askFor('chats', { kind: 'listChats', request: cleo.request(), before: null, limit: 10 });
    assert.deepEqual(
      rows.map(({ unread, member }) => [unread, member]),
      [[1, true]],
    );
  });

  test('who is removed receives nothing after the seq of the removal, pushed or pulled', async () => {
    const [ann, bob, cleo] = [await served.user(), await served.user(), await served.user()];
    const chatId = await ann.group('club', [bob.userId, cleo.userId]);
    await ann.say(chatId, 'for all three');
    const removal = await ann.askFor('sent', { kind: 'removeMember', chatId, number: ann.number(), after: ann.after(chatId), userId: cleo.userId });
    for (let nth = 0; nth < 5; nth += 1) await bob.say(chatId, `secret ${nth}`);
    bob.tell({ kind: 'typing', chatId, on: true });
    bob.tell({ kind: 'read', chatId, seq: removal.seq + 5 });
    await ann.next('typingBy', about(chatId));
    await ann.next('receipt', about(chatId));
    await cleo.settled();
    assert.deepEqual(
      cleo
        .all('entry')
        .filter(about(chatId))
        .map(({ seq }) => seq),
      [1, 2, removal.seq],
    );
    assert.deepEqual(
      cleo.frames.filter(({ kind }) => kind === 'typingBy' || kind === 'receipt'),
      [],
    );
    const pulled = await cleo.pull(chatId, 0, { upTo: removal.seq + 5 });
    assert.deepEqual([pulled.entries.map(({ seq }) => seq), pulled.head], [[1, 2, removal.seq], removal.seq]);
    assert.deepEqual(
      (await cleo.history(chatId, 0, 100)).entries.map(({ seq }) => seq),
      [1, 2, removal.seq],
    );
    const moved = await cleo.askFor('moved', { kind: 'resume', request: cleo.request(), incarnation: cleo.welcome.incarnation, cursors: [], last: true });
    assert.deepEqual(
      moved.rows.filter(about(chatId) as (row: unknown) => boolean).map(({ head }) => head),
      [removal.seq],
    );
    const refused = await cleo.refusedTo({
      kind: 'send',
      chatId,
      number: cleo.number(),
      after: cleo.after(chatId),
      contentType: 'text/plain',
      body: new Uint8Array(1),
      peer: null,
    });
    assert.equal(refused.why, 'notAMember');
    const { rows } = await cleo.askFor('chats', { kind: 'listChats', request: cleo.request(), before: null, limit: 10 });
    assert.deepEqual(
      rows.map(({ head, member }) => [head, member]),
      [[removal.seq, false]],
    );
  });

  test('who comes back sees both stays and not what was between', async () => {
    const [ann, bob] = [await served.user(), await served.user()];
    const chatId = await ann.group('club', [bob.userId]);
    await bob.askFor('sent', { kind: 'leaveChat', chatId, number: bob.number(), after: 0 });
    await ann.say(chatId, 'while bob was away');
    await ann.askFor('sent', { kind: 'addMembers', chatId, number: ann.number(), after: ann.after(chatId), userIds: [bob.userId] });
    await ann.say(chatId, 'welcome back');
    assert.equal(textOf(await bob.next('entry', ({ seq }) => seq === 5)), 'welcome back');
    const all = await bob.pull(chatId, 0);
    assert.deepEqual([all.entries.map(({ seq }) => seq), all.through, all.head], [[1, 2, 4, 5], 5, 5]);
  });

  test('who comes back finds nothing stored that was refused meanwhile, even if a copy of it comes late; under a number above highest it is', async () => {
    const [ann, bob] = [await served.user(), await served.user()];
    const chatId = await ann.group('club', [bob.userId]);
    await ann.askFor('sent', { kind: 'removeMember', chatId, number: ann.number(), after: ann.after(chatId), userId: bob.userId });
    const send = { kind: 'send', chatId, number: bob.number(), after: 0, contentType: 'text/plain', body: Buffer.from('from outside'), peer: null } as const;
    assert.equal((await bob.refusedTo(send)).why, 'notAMember');
    await ann.askFor('sent', { kind: 'addMembers', chatId, number: ann.number(), after: ann.after(chatId), userIds: [bob.userId] });
    const { why, highest } = await bob.refusedTo(send);
    assert.equal(why, 'numberPassed');
    assert.ok(highest !== null && highest >= send.number);
    assert.equal((await bob.askFor('sent', { ...send, number: highest + 1 })).seq, 4);
    assert.deepEqual(textsOf(await bob.pullAll(chatId)), ['from outside']);
  });

  test('its owner gives and takes roles; admins add and remove members; members do neither', async () => {
    const [ann, bob, cleo, dan] = [await served.user(), await served.user(), await served.user(), await served.user()];
    const chatId = await ann.group('club', [bob.userId, cleo.userId]);
    const add = (by: typeof ann) => by.ask({ kind: 'addMembers', chatId, number: by.number(), after: by.after(chatId), userIds: [dan.userId] });
    const remove = (by: typeof ann, userId: typeof ann.userId) => by.ask({ kind: 'removeMember', chatId, number: by.number(), after: by.after(chatId), userId });
    const why = (answer: { readonly kind: string; readonly why?: string }) => answer.why ?? answer.kind;
    // A refused number is not an accepted one: `after` stays as it was.
    assert.equal(why(await bob.ask({ kind: 'addMembers', chatId, number: bob.number(), after: 0, userIds: [dan.userId] })), 'forbidden');
    assert.equal(why(await bob.ask({ kind: 'setRole', chatId, number: bob.number(), after: 0, userId: bob.userId, role: 'owner' })), 'forbidden');
    assert.equal(why(await ann.ask({ kind: 'setRole', chatId, number: ann.number(), after: ann.after(chatId), userId: bob.userId, role: 'admin' })), 'sent');
    const number = bob.number();
    assert.equal(why(await bob.ask({ kind: 'addMembers', chatId, number, after: 0, userIds: [dan.userId] })), 'sent');
    assert.equal(why(await remove(bob, ann.userId)), 'forbidden');
    assert.equal(why(await bob.ask({ kind: 'removeMember', chatId, number: bob.number(), after: number, userId: cleo.userId })), 'sent');
    assert.equal(why(await remove(dan, bob.userId)), 'forbidden');
    assert.equal(why(await remove(ann, bob.userId)), 'sent');
    assert.equal(why(await add(ann)), 'sent'); // who is in already is no harm
    const { members } = await ann.askFor('members', { kind: 'getMembers', request: ann.request(), chatId });
    assert.deepEqual(
      members.map(({ userId, role }) => [userId, role]),
      [
        [ann.userId, 'owner'],
        [dan.userId, 'member'],
      ],
    );
  });

  test('does not stay without an owner when the last one leaves', async () => {
    const [ann, bob, cleo] = [await served.user(), await served.user(), await served.user()];
    const chatId = await ann.group('club', [bob.userId, cleo.userId]);
    await ann.askFor('sent', { kind: 'setRole', chatId, number: ann.number(), after: ann.after(chatId), userId: cleo.userId, role: 'admin' });
    await ann.askFor('sent', { kind: 'leaveChat', chatId, number: ann.number(), after: ann.after(chatId) });
    const { members } = await bob.askFor('members', { kind: 'getMembers', request: bob.request(), chatId });
    assert.deepEqual(
      members.map(({ userId, role }) => [userId, role]),
      [
        [bob.userId, 'member'],
        [cleo.userId, 'owner'],
      ],
    );
    assert.equal((await ann.refusedTo({ kind: 'getMembers', request: ann.request(), chatId })).why, 'notAMember');
  });
});
