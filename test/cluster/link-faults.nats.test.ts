// The link where the nats-server or the way to it fails: cut, silent, killed, too slow, overfull. Everything here happens to a real server.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { NatsServer } from '../../scripts/services/nats.ts';
import { TcpProxy } from '../../scripts/services/tcp-proxy.ts';
import type { ToNode } from '../../src/cluster/envelope.ts';
import type { NatsLink } from '../../src/cluster/link.nats.ts';
import { LinkDown } from '../../src/cluster/link.ts';
import { ann, phone, pushAt, room } from './envelopes.ts';
import { NatsMeeting } from './nats-nodes.ts';
import type { Member } from './nodes.ts';

const MB = 1024 * 1024;
let server: NatsServer;
let proxy: TcpProxy;
let meeting: NatsMeeting;
before(async () => {
  // What waits for one node is bounded there: beyond it the node is taken for too slow and cut off.
  server = await NatsServer.start({ configuration: 'max_pending: 4194304\nwrite_deadline: "2s"' });
});
after(() => server.stop());
beforeEach(async () => {
  if (!server.isRunning) await server.restart();
  proxy = await TcpProxy.start(server);
  meeting = new NatsMeeting(server.url, { pendingBytesMax: 64 * MB });
});
afterEach(async () => {
  proxy.flow();
  await meeting.end();
  await proxy.stop();
});

const command = (number: number, bytes = 0): ToNode => {
  const from = { node: 'a', userId: ann, deviceId: phone };
  return { kind: 'toChat', chatId: room, forwarded: false, command: { kind: 'post', from, number, after: 0, contentType: '', body: new Uint8Array(bytes), peer: null } };
};
const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

function numbersAt({ ears }: Member): number[] {
  return ears.of('node').map(({ envelope }) => (envelope.kind === 'toChat' && envelope.command.kind === 'post' ? envelope.command.number : 0));
}

/** Resolves at the next change to that. */
async function linked({ ears }: Member, isUp: boolean): Promise<void> {
  await ears.until(() => ears.of('linked').at(-1)?.isUp === isUp, `linked: ${isUp}`);
}

test('what a node sent since the last PONG leaves again after a cut, and arrives in order, once', async () => {
  const a = await meeting.joinBy(proxy, 'a');
  const b = await meeting.join('b');
  for (const number of upTo(4_000)) {
    a.link.toNode('b', command(number, 200));
    if (number % 20 === 0) await turn();
    if (number % 1_000 === 500) proxy.breakAll();
    if (number % 1_000 === 0) await linked(a, true);
  }
  await b.ears.count('node', 4_000);
  assert.deepEqual(numbersAt(b), upTo(4_000));
  assert.ok(a.link.counts.out.again > 0);
  assert.equal(a.link.counts.reconnects, 4);
  assert.deepEqual(b.ears.of('lost'), [], 'nothing was lost on the way to b');
  await a.ears.count('lost', 1);
  assert.deepEqual(new Set(a.ears.of('lost').map(({ why }) => why)), new Set(['reconnected']), 'what was for a may be');
});

test('while a node is cut off it says so, its sends wait, heartbeats do not; then all is as it was', async () => {
  const a = await meeting.joinBy(proxy, 'a');
  const b = await meeting.join('b');
  b.link.subscribeChat(room);
  await b.link.flush();
  proxy.cut();
  await linked(a, false);
  await assert.rejects(a.link.flush(), LinkDown);
  a.link.toAll({ kind: 'leftOut', node: 'a' });
  a.link.toChat(room, { push: pushAt(1), went: [] });
  a.link.subscribeUser(ann);
  a.link.toNode('b', command(1));
  a.link.toNode('a', command(2));
  assert.deepEqual(numbersAt(a), [2], 'it still reaches itself');
  proxy.mend();
  await linked(a, true);
  await b.ears.count('node', 1);
  await b.ears.count('chat', 1);
  await a.link.flush();
  b.link.toUser(ann, { kind: 'push', push: pushAt(2) });
  await a.ears.count('user', 1);
  assert.deepEqual(b.ears.of('all'), []);
  assert.equal(a.link.counts.out.leftOut, 0);
});

test('a node whose clock was set back dials again as soon as any other', async () => {
  const a = await meeting.joinBy(proxy, 'a');
  const { now } = Date;
  try {
    Date.now = () => now() + 60_000;
    proxy.breakAll();
    await linked(a, false);
    await linked(a, true);
    Date.now = now;
    proxy.breakAll();
    await linked(a, false);
    const sinceMs = performance.now();
    await linked(a, true);
    assert.ok(performance.now() - sinceMs < 10_000, 'not only when the clock was again where it had been');
  } finally {
    Date.now = now;
  }
});

test('a server that is killed and comes back finds everybody again, with what they want; each resyncs', async () => {
  const nodes = await Promise.all(['a', 'b', 'c'].map((node) => meeting.join(node)));
  const [a, b] = nodes as [Member<NatsLink>, Member<NatsLink>];
  b.link.subscribeUser(ann);
  b.link.subscribeChat(room);
  await b.link.flush();
  a.link.toNode('b', command(1));
  await b.ears.count('node', 1);
  await server.kill('SIGKILL');
  await Promise.all(nodes.map((node) => linked(node, false)));
  for (const number of upTo(100).slice(1)) a.link.toNode('b', command(number));
  await server.restart();
  await Promise.all(nodes.map((node) => linked(node, true)));
  await Promise.all(nodes.map(({ ears }) => ears.count('lost', 1)));
  await b.link.flush();
  a.link.toUser(ann, { kind: 'push', push: pushAt(1) });
  a.link.toChat(room, { push: pushAt(1), went: [] });
  a.link.toNode('b', command(101));
  await b.ears.count('user', 1);
  await b.ears.count('chat', 1);
  await b.ears.until(() => numbersAt(b).at(-1) === 101, 'the last command');
  const heard = numbersAt(b);
  // Who comes back first may speak before the other hears: that is the loss that b was told of.
  assert.ok(
    heard.every((number, at) => at === 0 || number > (heard[at - 1] as number)),
    `in order, once: ${heard}`,
  );
  assert.ok(heard.length === 101 || b.ears.of('lost').length > 0);
});

test('a way that goes silent without an end, with much under way, is given up; nothing of it is lost', async () => {
  const a = await meeting.joinBy(proxy, 'a');
  const b = await meeting.join('b');
  proxy.stall('toServer');
  proxy.stall('toClient');
  for (const number of upTo(600)) {
    a.link.toNode('b', command(number, 50_000)); // more than the buffers of two sockets hold
    if (number % 10 === 0) await turn();
  }
  await linked(a, false);
  proxy.flow();
  proxy.breakAll();
  await linked(a, true);
  await b.ears.count('node', 600);
  assert.deepEqual(numbersAt(b), upTo(600));
});

test('a node that reads too slowly is cut off by the server, comes back, and is told to resync', async () => {
  const a = await meeting.join('a');
  const b = await meeting.joinBy(proxy, 'b');
  a.link.toNode('b', command(1));
  await b.ears.count('node', 1);
  proxy.stall('toClient');
  let number = 1;
  while (!server.lines.some((line) => line.includes('Slow Consumer'))) {
    number += 1;
    a.link.toNode('b', command(number, 50_000));
    await a.link.flush();
  }
  proxy.flow();
  await b.ears.count('lost', 1);
  await linked(b, true);
  await b.link.flush();
  a.link.toNode('b', command(number + 1));
  await b.ears.until(() => numbersAt(b).at(-1) === number + 1, 'the next command');
  const heard = numbersAt(b);
  assert.ok(heard.every((one, at) => at === 0 || one > (heard[at - 1] as number)));
  assert.ok(heard.length < number + 1, 'something was lost for real');
  assert.equal(b.ears.of('lost')[0]?.why, 'reconnected');
});

test('what waits is bounded; beyond it the newest is left out, and who may have missed it is told once there is room', async () => {
  const narrow = new NatsMeeting(server.url, { pendingBytesMax: MB });
  try {
    const a = await narrow.joinBy(proxy, 'a');
    const b = await narrow.join('b');
    proxy.cut();
    await linked(a, false);
    for (const number of upTo(500)) {
      a.link.toNode('b', command(number, 10_000));
      assert.ok(a.link.counts.waitingBytes <= MB);
    }
    const { leftOut } = a.link.counts.out;
    assert.ok(leftOut > 350 && leftOut < 500, `${leftOut} left out`);
    proxy.mend();
    await b.ears.count('lost', 1);
    assert.deepEqual(b.ears.of('lost')[0]?.why, 'leftOut');
    assert.deepEqual(numbersAt(b), upTo(500 - leftOut), 'the oldest went, in order');
    a.link.toNode('b', command(501));
    await b.ears.count('node', 500 - leftOut + 1);
    assert.equal(a.link.counts.out.leftOut, leftOut, 'there is room again');
  } finally {
    await narrow.end();
  }
});
