// The link on a real nats-server: its contract, and what a message costs.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { connect } from '@nats-io/transport-node';
import { NatsServer } from '../../scripts/services/nats.ts';
import { TcpProxy } from '../../scripts/services/tcp-proxy.ts';
import { systemClock } from '../../src/actors/runtime/clock.ts';
import type { ToNode } from '../../src/cluster/envelope.ts';
import { encodeEnvelope, joined } from '../../src/cluster/envelope-codec.ts';
import type { NatsLink } from '../../src/cluster/link.nats.ts';
import type { Timer } from '../../src/structures/clock.ts';
import { ann, bob, pushAt, room } from './envelopes.ts';
import { linkContract } from './link.contract.ts';
import { NatsMeeting, plain } from './nats-nodes.ts';
import type { Member } from './nodes.ts';

let server: NatsServer;
before(async () => {
  server = await NatsServer.start();
});
after(() => server.stop());

linkContract('NATS', async () => new NatsMeeting(server.url), { many: true });

const repair = (number: number): ToNode => ({ kind: 'toChat', chatId: room, forwarded: false, command: { kind: 'repair', node: 'a', after: number, upTo: 0 } });
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('what it costs', () => {
  let meeting: NatsMeeting;
  const proxies: TcpProxy[] = [];
  beforeEach(() => {
    meeting = new NatsMeeting(server.url);
  });
  afterEach(async () => {
    await meeting.end();
    await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()));
  });

  async function fourNodes(): Promise<{ readonly member: Member<NatsLink>; readonly proxy: TcpProxy }[]> {
    const nodes = [];
    for (const node of ['a', 'b', 'c', 'd']) {
      const proxy = await TcpProxy.start(server);
      proxies.push(proxy);
      nodes.push({ proxy, member: await meeting.joinBy(proxy, node) });
    }
    return nodes;
  }

  test('a push to a room crosses to each node once, in at most 200 bytes beside the frame that devices get', async (t) => {
    const nodes = await fourNodes();
    const pushes = 200;
    const frameBytes = pushAt(1).bytes.length;
    for (const { member } of nodes) member.link.subscribeChat(room);
    for (const { member } of nodes) await member.link.flush();
    const before = nodes.map(({ proxy }) => ({ ...proxy.bytes }));
    const [a, ...others] = nodes;
    assert.ok(a);
    for (let seq = 1; seq <= pushes; seq += 1) {
      a.member.link.toChat(room, { push: { ...pushAt(1), seq }, went: [] });
      await turn(); // so that each is a message of its own: the dearest case
    }
    await a.member.link.flush();
    for (const { member } of others) await member.ears.count('chat', pushes);
    const up = (a.proxy.bytes.toServer - (before[0]?.toServer ?? 0)) / pushes - frameBytes;
    const down = others.map(({ proxy }, at) => (proxy.bytes.toClient - (before[at + 1]?.toClient ?? 0)) / pushes - frameBytes);
    t.diagnostic(`bytes beside the frame: ${up} to the server, ${down.join(', ')} to each node`);
    for (const overhead of [up, ...down]) assert.ok(overhead > 0 && overhead <= 200, `${overhead} bytes`);
    assert.equal(a.member.link.counts.out.messages, pushes);
    for (const { member } of others) {
      assert.equal(member.link.counts.in.messages, pushes);
      assert.equal(member.ears.of('chat').length, pushes);
    }
  });

  test('a push for a user crosses to the nodes where that user is, and to no other', async () => {
    const [a, b, c, d] = await fourNodes();
    assert.ok(a && b && c && d);
    b.member.link.subscribeUser(ann);
    c.member.link.subscribeUser(bob);
    for (const { member } of [b, c]) await member.link.flush();
    for (const userId of [ann, bob]) a.member.link.toUser(userId, { kind: 'push', push: pushAt(1) });
    for (const { member } of [b, c]) await member.ears.count('user', 1);
    await d.member.link.flush();
    assert.deepEqual(
      [b, c, d].map(({ member }) => member.link.counts.in.messages),
      [1, 1, 0],
    );
  });

  test('what one turn has for a node is one message, up to a length', async () => {
    const [a, b] = [await meeting.join('a'), await meeting.join('b')];
    for (let number = 1; number <= 500; number += 1) a.link.toNode('b', repair(number));
    await b.ears.count('node', 500);
    assert.deepEqual([a.link.counts.out.messages, b.link.counts.in.messages], [1, 1]);
    assert.deepEqual([a.link.counts.out.envelopes, b.link.counts.in.envelopes], [500, 500]);
    const body = new Uint8Array(60_000).fill(1);
    const post = { kind: 'post', from: { node: 'a', userId: ann, deviceId: 'd'.padEnd(21, 'A') as never }, number: 1, after: 0, contentType: '', body, peer: null } as const;
    for (let number = 1; number <= 40; number += 1) a.link.toNode('b', { kind: 'toChat', chatId: room, forwarded: false, command: { ...post, number } });
    await b.ears.count('node', 540);
    const { messages, bytes } = a.link.counts.out;
    assert.ok(messages - 1 >= 10 && messages - 1 <= 20, `${messages - 1} messages`);
    assert.ok(bytes < 40 * 60_000 * 1.01 + 20_000, `${bytes} bytes`);
  });
});

describe('confirmations', () => {
  test('are asked for ten times a second at most, and sooner where much waits', async (t) => {
    const meeting = new NatsMeeting(server.url);
    t.after(() => meeting.end());
    const waits: number[] = [];
    const real = systemClock();
    const after = (delayMs: number, job: () => void): Timer => {
      waits.push(delayMs);
      return real.after(delayMs, job);
    };
    const a = await meeting.join('a', { clock: { ...real, after } });
    const b = await meeting.join('b');
    const fromMs = performance.now();
    for (let number = 1; number <= 50; number += 1) {
      a.link.toNode('b', repair(number));
      await turn(); // each would have been worth one
    }
    await b.ears.count('node', 50);
    assert.ok(waits.length >= 1 && waits.length <= 1 + (performance.now() - fromMs) / 100, `${waits}`);
    assert.deepEqual(new Set(waits), new Set([100]));
    const body = new Uint8Array(60_000);
    const from = { node: 'a', userId: ann, deviceId: 'd'.padEnd(21, 'A') as never };
    for (let number = 1; number <= plain.pendingBytesMax / 4 / body.length + 1; number += 1)
      a.link.toNode('b', { kind: 'toChat', chatId: room, forwarded: false, command: { kind: 'post', from, number, after: 0, contentType: '', body, peer: null } });
    await turn();
    assert.equal(waits.at(-1), 10);
  });
});

describe('what comes in', () => {
  let meeting: NatsMeeting;
  beforeEach(() => {
    meeting = new NatsMeeting(server.url);
  });
  afterEach(() => meeting.end());

  /** Messages of a node that a test makes up. */
  async function speak(messages: readonly Uint8Array[]): Promise<void> {
    const connection = await connect({ servers: server.url });
    for (const message of messages) connection.publish(`${plain.prefix}.node.b`, message);
    await connection.flush();
    await connection.close();
  }
  const numbered = (number: number, life = 7): Uint8Array => joined([encodeEnvelope('node', { kind: 'from', node: 'x', life, number }), encodeEnvelope('node', repair(number))]);
  const heardBy = ({ ears }: Member): number[] =>
    ears.of('node').map(({ envelope }) => (envelope.kind === 'toChat' && envelope.command.kind === 'repair' ? envelope.command.after : 0));

  test('a hole before a message is told, a message that comes again is passed over, and a new process begins anew', async () => {
    const b = await meeting.join('b');
    await speak([numbered(3), numbered(4), numbered(4), numbered(3), numbered(6), numbered(1, 8)]);
    await b.ears.count('node', 4);
    assert.deepEqual(heardBy(b), [3, 4, 6, 1]);
    await b.ears.count('lost', 1);
    assert.deepEqual(b.ears.of('lost'), [{ on: 'lost', why: 'gap' }]);
    const { again, gaps } = b.link.counts.in;
    assert.deepEqual({ again, gaps }, { again: 2, gaps: 1 });
  });

  test('what cannot be read harms nobody: it is counted and told, and the next is heard', async () => {
    const b = await meeting.join('b');
    await speak([Uint8Array.of(99, 1, 2), new Uint8Array(0), numbered(1), Buffer.concat([numbered(2), Uint8Array.of(0xc1)]), numbered(3)]);
    await b.ears.count('node', 3);
    assert.deepEqual(heardBy(b), [1, 2, 3]);
    await b.ears.count('lost', 1);
    assert.deepEqual(b.ears.of('lost'), [{ on: 'lost', why: 'unreadable' }]);
    assert.deepEqual([b.link.counts.in.unreadable, b.link.counts.in.malformed, b.ears.faults.length], [2, 1, 2]);
    assert.match(b.ears.faults[0]?.message ?? '', /version 99/);
  });

  test('a receiver that fails at one message gets the next', async () => {
    const b = await meeting.join('b');
    b.ears.answer = (heard) => {
      if (heard.on === 'node' && heardBy(b).at(-1) === 1) throw new Error('a fault of ours');
    };
    await speak([numbered(1), numbered(2)]);
    await b.ears.count('node', 2);
    assert.match(b.ears.faults[0]?.message ?? '', /a fault of ours/);
  });

  test('losses are told once for many, after a random part of two seconds', async () => {
    const waits: number[] = [];
    const real = systemClock();
    const after = (delayMs: number, job: () => void): Timer => {
      waits.push(delayMs);
      return real.after(0, job);
    };
    const clock = { ...real, after };
    const b = await meeting.join('b', { clock, random: () => 0.3 });
    await speak([1, 3, 5, 7].map((number) => numbered(number)));
    await b.ears.count('lost', 1);
    await b.link.flush();
    assert.deepEqual([waits.filter((waitMs) => waitMs === 600).length, b.ears.of('lost').length, b.link.counts.in.gaps], [1, 1, 3]);
  });
});
