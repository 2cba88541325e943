// What every Link keeps. `many`: whether several nodes can meet by it.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { ToChatAudiences, ToNode, ToUser, ToWatchers } from '../../src/cluster/envelope.ts';
import { type ChatId, idFrom, type UserId } from '../../src/structures/ids.ts';
import { ann, bob, examples, otherRoom, phone, pushAt, room } from './envelopes.ts';
import type { Meeting, Member } from './nodes.ts';

/** Numbered, so that order shows. */
const command = (number: number): ToNode => ({ kind: 'toChat', chatId: room, forwarded: false, command: { kind: 'repair', node: 'a', after: number, upTo: 0 } });
const answer = (number: number): ToNode => ({ kind: 'answer', userId: ann, deviceId: phone, last: true, frame: { kind: 'pong', request: number, serverTimeMs: 0 } });
const note = (number: number): ToUser => ({ kind: 'notify', frame: { kind: 'pong', request: number, serverTimeMs: 0 }, except: null });
const chatPush = (number: number): ToChatAudiences => ({ push: pushAt(number), went: [] });
const seen = (number: number): ToWatchers => ({ kind: 'seen', node: 'a', online: number % 2 === 1, atMs: number });
const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

export function linkContract(name: string, open: () => Promise<Meeting>, { many }: { readonly many: boolean }): void {
  describe(`link, ${name}`, () => {
    let meeting: Meeting;
    let a: Member;
    beforeEach(async () => {
      meeting = await open();
      a = await meeting.join('a');
    });
    afterEach(() => meeting.end());

    test('what a node sends to itself, to users and to chats reaches its own receiver within the call, in order, once', async () => {
      a.link.subscribeUser(ann);
      a.link.subscribeChat(room);
      a.link.subscribePresence(bob);
      a.link.toNode('a', command(1));
      assert.deepEqual(a.ears.heard, [{ on: 'node', envelope: command(1) }]);
      a.link.toUser(ann, note(2));
      a.link.toChat(room, chatPush(3));
      a.link.toNode('a', answer(4));
      a.link.toWatchers(bob, seen(5));
      const expected = [
        { on: 'node', envelope: command(1) },
        { on: 'user', id: ann, envelope: note(2) },
        { on: 'chat', id: room, envelope: chatPush(3) },
        { on: 'node', envelope: answer(4) },
        { on: 'presence', id: bob, envelope: seen(5) },
      ];
      assert.deepEqual(a.ears.heard, expected);
      await a.link.flush();
      await a.link.close();
      assert.deepEqual(a.ears.heard, expected);
    });

    test('a node does not hear its own heartbeats', async () => {
      a.link.toAll({ kind: 'leftOut', node: 'a' });
      await a.link.flush();
      assert.deepEqual(a.ears.heard, []);
    });

    test('closing twice is closing, and afterwards a node still reaches itself', async () => {
      await Promise.all([a.link.close(), a.link.close()]);
      a.link.toNode('a', command(1));
      a.link.toUser(ann, note(2));
      assert.deepEqual(a.ears.heard.length, 2);
    });

    if (many) amongMany();
  });

  function amongMany(): void {
    let meeting: Meeting;
    let a: Member;
    let b: Member;
    let c: Member;
    beforeEach(async () => {
      meeting = await open();
      a = await meeting.join('a');
      b = await meeting.join('b');
      c = await meeting.join('c');
      await settle(a, b, c);
    });
    afterEach(() => meeting.end());

    test('every kind of envelope arrives as it was, at those whom it is for', async () => {
      b.link.subscribeUser(ann);
      b.link.subscribeChat(room);
      b.link.subscribePresence(ann);
      await settle(b);
      for (const { address, envelope } of examples) {
        if (address === 'node' && 'kind' in envelope && envelope.kind !== 'from') a.link.toNode('b', envelope as ToNode);
        if (address === 'user') a.link.toUser(ann, envelope as ToUser);
        if (address === 'chat') a.link.toChat(room, envelope as ToChatAudiences);
        if (address === 'presence') a.link.toWatchers(ann, envelope as ToWatchers);
      }
      for (const kind of ['node', 'user', 'chat', 'presence'] as const) {
        const sent = examples.filter(({ address, name: one }) => address === kind && one !== 'from');
        await b.ears.count(kind, sent.length);
        assert.deepEqual(
          b.ears.of(kind).map((heard) => heard.envelope),
          sent.map(({ envelope }) => envelope),
        );
      }
      assert.deepEqual(c.ears.heard, []);
    });

    test('what one node sends to another arrives in its order, once, over many turns', async () => {
      for (let number = 1; number <= 3_000; number += 1) {
        a.link.toNode('b', number % 2 === 0 ? command(number) : answer(number));
        if (number % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await b.ears.count('node', 3_000);
      assert.deepEqual(
        b.ears.of('node').map(({ envelope }) => envelope),
        upTo(3_000).map((number) => (number % 2 === 0 ? command(number) : answer(number))),
      );
    });

    test('each sender has its own order, whoever else speaks', async () => {
      for (const number of upTo(500)) {
        for (const { link } of [a, c]) link.toNode('b', { kind: 'toChat', chatId: room, forwarded: false, command: { kind: 'repair', node: link.node, after: number, upTo: 0 } });
        if (number % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await b.ears.count('node', 1_000);
      for (const node of ['a', 'c'])
        assert.deepEqual(
          b.ears
            .of('node')
            .flatMap(({ envelope }) => (envelope.kind === 'toChat' && envelope.command.kind === 'repair' && envelope.command.node === node ? [envelope.command.after] : [])),
          upTo(500),
        );
    });

    test('what is for a user or a chat reaches all nodes that have asked for it, and no other', async () => {
      for (const { link } of [b, c]) link.subscribeUser(ann);
      c.link.subscribeUser(ann);
      c.link.subscribeUser(bob);
      b.link.subscribeChat(room);
      c.link.subscribeChat(otherRoom);
      await settle(b, c);
      a.link.toUser(ann, note(1));
      a.link.toUser(bob, note(2));
      a.link.toChat(room, chatPush(3));
      a.link.toChat(otherRoom, chatPush(4));
      await settle(a);
      a.link.toNode('b', command(5));
      a.link.toNode('c', command(5));
      await Promise.all([b.ears.count('node', 1), c.ears.count('node', 1)]);
      assert.deepEqual(
        b.ears.heard.filter(({ on }) => on !== 'node'),
        [
          { on: 'user', id: ann, envelope: note(1) },
          { on: 'chat', id: room, envelope: chatPush(3) },
        ],
      );
      assert.deepEqual(
        c.ears.heard.filter(({ on }) => on !== 'node'),
        [
          { on: 'user', id: ann, envelope: note(1) },
          { on: 'user', id: bob, envelope: note(2) },
          { on: 'chat', id: otherRoom, envelope: chatPush(4) },
        ],
      );
    });

    test('a node that no longer wants a user or a chat hears nothing more of it', async () => {
      b.link.subscribeUser(ann);
      b.link.subscribeChat(room);
      await settle(b);
      b.link.unsubscribeUser(ann);
      b.link.unsubscribeChat(room);
      b.link.unsubscribeChat(otherRoom);
      await settle(b);
      a.link.toUser(ann, note(1));
      a.link.toChat(room, chatPush(1));
      await settle(a);
      a.link.toNode('b', command(1));
      await b.ears.count('node', 1);
      assert.equal(b.ears.heard.length, 1);
      b.link.subscribeUser(ann);
      await settle(b);
      a.link.toUser(ann, note(2));
      await b.ears.count('user', 1);
    });

    test('who comes and goes is told to the nodes on which somebody watches, in order, to no others, and not to those where the user is', async () => {
      b.link.subscribePresence(ann);
      b.link.subscribePresence(ann);
      c.link.subscribePresence(bob);
      c.link.subscribeUser(ann);
      await settle(b, c);
      for (const number of upTo(200)) {
        a.link.toWatchers(ann, seen(number));
        if (number % 9 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      a.link.toWatchers(bob, seen(1));
      await Promise.all([b.ears.count('presence', 200), c.ears.count('presence', 1)]);
      assert.deepEqual(
        b.ears.heard,
        upTo(200).map((number) => ({ on: 'presence', id: ann, envelope: seen(number) })),
      );
      b.link.unsubscribePresence(ann);
      await settle(b);
      a.link.toWatchers(ann, seen(201));
      await settle(a);
      a.link.toNode('b', command(1));
      await b.ears.count('node', 1);
      assert.equal(b.ears.of('presence').length, 200);
      assert.deepEqual(c.ears.heard, [{ on: 'presence', id: bob, envelope: seen(1) }]);
    });

    test('a question asked after a subscription is answered where the subscription is heard', async () => {
      const users: readonly UserId[] = upTo(200).map((number) => idFrom<'user'>('u', new Uint8Array(15).fill(number)));
      a.ears.answer = (heard) => {
        if (heard.on !== 'node' || heard.envelope.kind !== 'toChat' || heard.envelope.command.kind !== 'confirm') return;
        a.link.toUser(heard.envelope.command.userId, note(1));
      };
      for (const userId of users) {
        b.link.subscribeUser(userId);
        b.link.toNode('a', { kind: 'toChat', chatId: room, forwarded: false, command: { kind: 'confirm', userId } });
      }
      await b.ears.count('user', users.length);
    });

    test('what was pushed to a user stands before what was pushed later, on every node alike', async () => {
      for (const { link } of [a, b, c]) link.subscribeUser(ann);
      await settle(a, b, c);
      for (const number of upTo(300)) {
        a.link.toUser(ann, { kind: 'push', push: pushAt(number) });
        if (number % 9 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all([b.ears.count('user', 300), c.ears.count('user', 300)]);
      for (const { ears } of [a, b, c])
        assert.deepEqual(
          ears.of('user').map(({ envelope }) => (envelope.kind === 'push' ? envelope.push.seq : 0)),
          upTo(300),
        );
    });

    test('one push for several users in a row, and other pushes between, do not mix', async () => {
      for (const userId of [ann, bob]) b.link.subscribeUser(userId);
      await settle(b);
      const [one, other] = [pushAt(1, 'one'), pushAt(2, 'other')];
      a.link.toUser(ann, { kind: 'push', push: one });
      a.link.toUser(bob, { kind: 'push', push: one });
      a.link.toUser(ann, { kind: 'push', push: other });
      a.link.toUser(bob, note(3));
      await b.ears.count('user', 4);
      const of = (userId: UserId): unknown[] => b.ears.of('user').flatMap(({ id, envelope }) => (id === userId ? [envelope] : []));
      assert.deepEqual(of(ann), [
        { kind: 'push', push: one },
        { kind: 'push', push: other },
      ]);
      assert.deepEqual(of(bob), [{ kind: 'push', push: one }, note(3)]);
    });

    test('what is for all reaches every other node', async () => {
      const heartbeat = { kind: 'heartbeat', node: 'a', life: 1, number: 2, level: 3, state: 'draining', sessions: 4, chats: 5, url: null } as const;
      a.link.toAll(heartbeat);
      await Promise.all([b.ears.count('all', 1), c.ears.count('all', 1)]);
      assert.deepEqual([a.ears.heard, b.ears.heard, c.ears.heard], [[], [{ on: 'all', envelope: heartbeat }], [{ on: 'all', envelope: heartbeat }]]);
    });

    test('the longest answer there is passes', async () => {
      const entry = { chatId: room, entryKind: 1, author: ann, device: phone, number: 1, countable: 1, atMs: 1, contentType: '', body: new Uint8Array(64 * 1024).fill(7) };
      const frame = { kind: 'entries', request: 1, chatId: room, from: 1, through: 9, head: 9, entries: upTo(9).map((seq) => ({ ...entry, seq })) } as const;
      a.link.toNode('b', { kind: 'answer', userId: ann, deviceId: phone, last: true, frame });
      a.link.toNode('b', { kind: 'answer', userId: ann, deviceId: phone, last: true, frame });
      await b.ears.count('node', 2);
      assert.deepEqual(b.ears.of('node')[1]?.envelope, { kind: 'answer', userId: ann, deviceId: phone, last: true, frame });
    });

    test('what was said before the end arrives, and what a node is told while it ends is heard', async () => {
      const chats: readonly ChatId[] = upTo(50).map((number) => idFrom<'chat'>('g', new Uint8Array(15).fill(number)));
      for (const chatId of chats) b.link.subscribeChat(chatId);
      await settle(b);
      for (const chatId of chats) a.link.toChat(chatId, chatPush(1));
      a.link.toNode('b', command(1));
      for (const number of upTo(100)) c.link.toNode('a', command(number));
      await c.link.flush();
      await a.link.close();
      assert.equal(a.ears.of('node').length, 100);
      await Promise.all([b.ears.count('chat', chats.length), b.ears.count('node', 1)]);
      a.link.toNode('b', command(2));
      c.link.toNode('b', command(3));
      await b.ears.count('node', 2);
      assert.deepEqual(b.ears.of('node').at(-1)?.envelope, command(3));
      await assert.rejects(a.link.flush());
    });
  }
}

/** What they have asked for holds from here on. */
async function settle(...members: readonly Member[]): Promise<void> {
  for (const { link } of members) await link.flush();
}
