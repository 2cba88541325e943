// Commands find the chat's owner: forwarded once, handed over when the chat moves, held back by a node that may be cut off.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ToAll, ToNode } from '../../src/cluster/envelope.ts';
import type { Link, Receiver } from '../../src/cluster/link.ts';
import { createRouter, type LocalEntities, type NodeRouter } from '../../src/cluster/router.ts';
import type { ChatCommand } from '../../src/core/chat.ts';
import { type ChatId, type DeviceId, idFrom, type UserId } from '../../src/structures/ids.ts';

const chatId = idFrom<'chat'>('g', new Uint8Array(15).fill(1)) as ChatId;
const userId = idFrom<'user'>('u', new Uint8Array(15).fill(2)) as UserId;
const deviceId = idFrom<'device'>('d', new Uint8Array(15).fill(3)) as DeviceId;

function post(number: number, node = 'a'): ChatCommand {
  return { kind: 'post', from: { node, userId, deviceId }, number, after: 0, contentType: 'text/plain', body: new Uint8Array(1), peer: null };
}
const pull: ChatCommand = { kind: 'pull', from: { node: 'a', userId, deviceId }, request: 7, after: 0, upTo: 0, limit: 10 };

/** The mailboxes of one node, which nobody empties. */
class Mailboxes implements LocalEntities {
  readonly mail = new Map<string, unknown[]>();
  readonly told: unknown[] = [];
  readonly ended: string[] = [];

  tell(kind: string, id: string, command: unknown): void {
    assert.equal(kind, 'chat');
    this.mail.set(id, [...(this.mail.get(id) ?? []), command]);
  }
  tellIfAwake(_kind: string, _id: string, command: unknown): boolean {
    this.told.push(command);
    return true;
  }
  awakeIds(): Iterable<string> {
    return this.mail.keys();
  }
  moveAway(_kind: string, id: string, take: (command: unknown) => void): void {
    const waiting = this.mail.get(id) ?? [];
    this.mail.delete(id);
    this.ended.push(id);
    for (const command of waiting) take(command);
  }
}

class Node {
  readonly entities = new Mailboxes();
  readonly placing = { ownerOf: () => this.owner, holds: false, sees: (node: string) => node !== this.gone, level: 0 };
  gone = '';
  readonly sent: { readonly to: string; readonly envelope: ToNode }[] = [];
  readonly router: NodeRouter;
  /** What the metrics were told of. */
  readonly refused: string[] = [];
  owner: string;
  receiver: Receiver | undefined;

  constructor(name: string, owner: string, nodes: Map<string, Node>) {
    this.owner = owner;
    nodes.set(name, this);
    this.router = createRouter(
      this.entities,
      this.placing,
      (receiver) => {
        this.receiver = receiver;
        return linkOf(name, receiver, (to, envelope) => {
          this.sent.push({ to, envelope });
          nodes.get(to)?.receiver?.fromNode(structuredClone(envelope));
        });
      },
      (why) => void this.refused.push(why),
    );
  }

  get numbers(): number[] {
    return (this.entities.mail.get(chatId) ?? []).map((command) => (command as { number: number }).number);
  }
}

/** Whom who watches was told of. */
const watched: UserId[] = [];

function linkOf(node: string, receiver: Receiver, send: (to: string, envelope: ToNode) => void): Link {
  const nothing = (): void => undefined;
  const toAll = (_: ToAll): void => undefined;
  return {
    node,
    mayLose: true,
    toNode: (to, envelope) => (to === node ? receiver.fromNode(envelope) : send(to, envelope)),
    toUser: nothing,
    toChat: nothing,
    toAll,
    subscribeUser: nothing,
    unsubscribeUser: nothing,
    subscribeChat: nothing,
    unsubscribeChat: nothing,
    toWatchers: (userId) => void watched.push(userId),
    subscribePresence: nothing,
    unsubscribePresence: nothing,
    flush: async () => undefined,
    close: async () => undefined,
  };
}

test('a command for a chat of this node takes no way', () => {
  const a = new Node('a', 'a', new Map());
  a.router.tellChat(chatId, post(1));
  assert.deepEqual([a.numbers, a.sent], [[1], []]);
});

test('a command for a chat elsewhere goes to its owner, unforwarded', () => {
  const nodes = new Map<string, Node>();
  const [a, b] = [new Node('a', 'b', nodes), new Node('b', 'b', nodes)];
  a.router.tellChat(chatId, post(1));
  assert.deepEqual([a.numbers, b.numbers], [[], [1]]);
  assert.equal(a.sent[0]?.envelope.kind === 'toChat' && a.sent[0].envelope.forwarded, false);
});

test('who gets a command for a chat that by its view lives elsewhere forwards it, and who gets a forwarded one serves it whatever its view says', () => {
  const nodes = new Map<string, Node>();
  const [a, b, c] = [new Node('a', 'b', nodes), new Node('b', 'c', nodes), new Node('c', 'a', nodes)];
  a.router.tellChat(chatId, post(1));
  assert.deepEqual([a.numbers, b.numbers, c.numbers], [[], [], [1]]);
  assert.deepEqual(
    [a, b, c].map(({ sent }) => sent.map(({ to, envelope }) => [to, envelope.kind === 'toChat' && envelope.forwarded])),
    [[['b', false]], [['c', true]], []],
  );
});

test('two nodes that each take the other for the owner do not play ball', () => {
  const nodes = new Map<string, Node>();
  const [a, b] = [new Node('a', 'b', nodes), new Node('b', 'a', nodes)];
  for (let number = 1; number <= 10; number += 1) a.router.tellChat(chatId, post(number));
  assert.deepEqual([a.sent.length, b.sent.length, a.numbers.length], [10, 10, 10]);
});

test('a chat that has moved away ends here, and what waits for it is forwarded in its order', () => {
  const nodes = new Map<string, Node>();
  const [a, b] = [new Node('a', 'a', nodes), new Node('b', 'b', nodes)];
  for (const number of [1, 2, 3]) a.router.tellChat(chatId, post(number));
  a.owner = 'b';
  a.router.handOver();
  assert.deepEqual([a.numbers, b.numbers, a.entities.ended], [[], [1, 2, 3], [chatId]]);
});

test('what was forwarded to here once is not handed on when the chat moves away again: it is served here', () => {
  const nodes = new Map<string, Node>();
  const [a, b] = [new Node('a', 'a', nodes), new Node('b', 'b', nodes)];
  a.router.tellChat(chatId, post(1));
  a.owner = 'b';
  a.router.handOver();
  b.router.tellChat(chatId, post(2));
  b.owner = 'a';
  b.router.handOver();
  assert.deepEqual([a.numbers, b.numbers], [[2], [1]]);
});

test('a chat that stays where it is goes on', () => {
  const a = new Node('a', 'a', new Map());
  a.router.tellChat(chatId, post(1));
  a.router.handOver();
  assert.deepEqual([a.numbers, a.entities.ended], [[1], []]);
});

test('a node that holds refuses sends as busy at once, which metrics count, and lets reads through', () => {
  const a = new Node('a', 'a', new Map());
  a.placing.holds = true;
  a.router.tellChat(chatId, post(1));
  a.router.tellChat(chatId, pull);
  assert.deepEqual(a.entities.mail.get(chatId), [pull]);
  assert.equal(a.entities.told.length, 1);
  const { frame, last } = a.entities.told[0] as { frame: { kind: string; why: string; request: number; retryAfterMs: number }; last: boolean };
  assert.deepEqual([frame.kind, frame.request, frame.why, last, frame.retryAfterMs > 0], ['refused', 1, 'busy', true, true]);
  assert.deepEqual(a.refused, ['busy']);
});

test('what others still send to a node that holds is served: the store judges', () => {
  const nodes = new Map<string, Node>();
  const [a, b] = [new Node('a', 'b', nodes), new Node('b', 'b', nodes)];
  b.placing.holds = true;
  a.router.tellChat(chatId, post(1));
  assert.deepEqual(b.numbers, [1]);
});

test('what a node that is gone has not answered is passed on to the next owner; its late answer is one too many', () => {
  const nodes = new Map<string, Node>();
  const [a, b, c] = [new Node('a', 'b', nodes), new Node('b', 'b', nodes), new Node('c', 'c', nodes)];
  for (const number of [1, 2, 3]) a.router.tellChat(chatId, post(number));
  const answer = (from: Node, number: number): void => from.router.answer({ node: 'a', userId, deviceId }, { kind: 'sent', number, chatId, seq: number, atMs: 0 }, true);
  answer(b, 1);
  a.owner = 'c';
  a.router.handOver();
  assert.deepEqual(c.numbers, [], 'a node that is in sight hands over by itself what waits there');
  a.gone = 'b';
  a.router.handOver();
  a.router.handOver();
  assert.deepEqual(c.numbers, [2, 3]);
  for (const number of [2, 3]) answer(c, number);
  answer(b, 2);
  assert.deepEqual(
    a.entities.told.map((told) => (told as { frame: { number: number } }).frame.number),
    [1, 2, 3],
  );
});

test('what is passed again to this node itself is served here, wherever the chat moves next: it does not wander on with every view', () => {
  const nodes = new Map<string, Node>();
  const [a, b, c] = [new Node('a', 'b', nodes), new Node('b', 'b', nodes), new Node('c', 'c', nodes)];
  a.router.tellChat(chatId, post(1));
  a.gone = 'b';
  a.owner = 'a';
  a.router.handOver();
  for (const owner of ['c', 'a', 'c']) {
    a.owner = owner;
    a.gone = owner === 'c' ? 'b' : 'c';
    a.router.handOver();
  }
  assert.deepEqual([a.numbers, b.numbers, c.numbers], [[1], [1], []]);
});

test('a node that holds sends back keeps what it had passed to a node that is gone from others too: its device asks again', () => {
  const nodes = new Map<string, Node>();
  const [a, b] = [new Node('a', 'b', nodes), new Node('b', 'b', nodes)];
  a.router.tellChat(chatId, post(1));
  a.gone = 'b';
  a.owner = 'a';
  a.placing.holds = true;
  a.router.handOver();
  assert.deepEqual([a.numbers, b.numbers, a.entities.told], [[], [1], []]);
});

test('who watches is told only when all nodes read that; until then they look', () => {
  const a = new Node('a', 'a', new Map());
  watched.length = 0;
  a.router.tellWatchers(userId, true, 1);
  assert.deepEqual([a.router.tellsPresence, watched], [false, []]);
  a.placing.level = 1;
  a.router.tellWatchers(userId, true, 1);
  assert.deepEqual([a.router.tellsPresence, watched], [true, [userId]]);
});
