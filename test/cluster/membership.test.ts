// Who is there, who owns what, and when a node holds sends back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NodeIdTaken, singleNode, TooOld } from '../../src/cluster/membership.ts';
import { viewRules } from '../../src/cluster/view.ts';
import { type ChatId, idFrom } from '../../src/structures/ids.ts';
import { Members, type Node, namesSeen } from './members.ts';

const chats: ChatId[] = Array.from({ length: 200 }, (_, n) =>
  idFrom<'chat'>(
    'g',
    Uint8Array.from({ length: 15 }, (_, at) => (n * 31 + at * 17) % 256),
  ),
);
const ownersBy = ({ membership }: Node): string[] => chats.map((chatId) => membership.ownerOf(chatId));
const owners = (node: Node): string => [...new Set(ownersBy(node))].sort().join(' ');
const standings = (nodes: readonly Node[]): string => nodes.map(({ membership }) => membership.describe().standing).join(' ');
const held = (nodes: readonly Node[]): boolean[] => nodes.map(({ membership }) => membership.holds);

test('nodes find each other, and all reckon the same owners', async () => {
  const world = new Members();
  const [a, b, c] = (await world.settled('a', 'b', 'c')) as [Node, Node, Node];
  assert.equal(namesSeen(a), 'a b c');
  assert.equal(owners(a), 'a b c');
  assert.deepEqual([ownersBy(b), ownersBy(c)], [ownersBy(a), ownersBy(a)]);
});

test('a node that falls silent is suspected, then gone, and owns again what it owned once it is back', async () => {
  const world = new Members();
  const [a, b] = (await world.settled('a', 'b', 'c')) as [Node, Node, Node];
  const before = ownersBy(a);
  world.split(['a', 'b'], ['c']);
  await world.pass(viewRules.suspectMs + 1);
  assert.deepEqual(
    a.membership.describe().nodes.map(({ isSuspected }) => isSuspected),
    [false, false, true],
  );
  await world.pass(viewRules.goneMs - viewRules.suspectMs + viewRules.heartbeatMs);
  assert.deepEqual([namesSeen(a), namesSeen(b)], ['a b', 'a b']);
  assert.equal(owners(a), 'a b');
  assert.ok(a.seen.missed > 0, 'what it sent may be lost');
  world.split();
  await world.pass(1_000);
  assert.deepEqual(ownersBy(a), before);
});

test('a node that says goodbye is gone at once, and nothing was missed; what was under way of it does not bring it back', async () => {
  const world = new Members();
  const [a, b, c] = (await world.settled('a', 'b', 'c')) as [Node, Node, Node];
  c.membership.leave();
  assert.deepEqual([namesSeen(a), namesSeen(b), a.seen.missed], ['a b', 'a b', 0]);
  const late = world.heartbeats.party('late');
  late.publishHeartbeat({ kind: 'heartbeat', node: 'c', life: 1_800_000_000_000 * 1_024, number: 5, level: 1, state: 'up', sessions: 0, chats: 0, url: null });
  assert.equal(namesSeen(a), 'a b');
});

test('a node that drains is a member still, but owns nothing; if all drain, they own what there is', async () => {
  const world = new Members();
  const nodes = await world.settled('a', 'b');
  const [a, b] = nodes as [Node, Node];
  b.membership.drain();
  assert.deepEqual([namesSeen(a), owners(a), owners(b), standings(nodes)], ['a b', 'a', 'a', 'whole whole']);
  a.membership.drain();
  assert.deepEqual([owners(a), owners(b)], ['a b', 'a b']);
});

test('below half of the base a node holds sends back, answers reads itself, and never forgets the others; the others go on', async () => {
  const world = new Members();
  const nodes = await world.settled('a', 'b', 'c', 'd', 'e');
  world.split(['a', 'b'], ['c', 'd', 'e']);
  await world.pass(5_000);
  assert.deepEqual(held(nodes), [true, true, false, false, false]);
  assert.deepEqual(nodes.map(owners), ['a', 'b', 'c d e', 'c d e', 'c d e']);
  await world.pass(60_000); // stable for long, on both sides
  assert.equal(standings(nodes), 'minority minority whole whole whole');
  world.split();
  await world.pass(1_000);
  assert.equal(standings(nodes), 'whole whole whole whole whole');
  assert.deepEqual(ownersBy(nodes[0] as Node), ownersBy(nodes[4] as Node));
  assert.ok(nodes.every(({ seen }) => seen.missed > 0));
});

test('a node that holds sends its clients away after 15 s, once, until it has gone on', async () => {
  const world = new Members();
  const [a] = (await world.settled('a', 'b', 'c')) as [Node, Node, Node];
  world.split(['a'], ['b', 'c']);
  await world.pass(viewRules.goneMs + viewRules.minorityHoldMs - 1_000);
  assert.equal(a.seen.sentAway, 0);
  await world.pass(60_000);
  assert.equal(a.seen.sentAway, 1);
  world.split();
  await world.pass(30_000);
  world.split(['a'], ['b', 'c']);
  await world.pass(60_000);
  assert.equal(a.seen.sentAway, 2);
});

test('with exactly half in sight both halves go on, and look every 10 s what they missed', async () => {
  const world = new Members();
  const nodes = await world.settled('a', 'b', 'c', 'd');
  world.split(['a', 'b'], ['c', 'd']);
  await world.pass(viewRules.goneMs + 3 * viewRules.halfHealMs + 1_000);
  assert.equal(standings(nodes), 'half half half half');
  assert.deepEqual(
    nodes.map(({ seen }) => seen.heals),
    [3, 3, 3, 3],
  );
  world.split();
  await world.pass(30_000);
  assert.deepEqual(
    nodes.map(({ seen }) => seen.heals),
    [3, 3, 3, 3],
  );
});

test('a lone node of two goes on for ever, and is whole again as soon as newcomers make it more than half', async () => {
  const world = new Members();
  const [a, b] = (await world.settled('a', 'b')) as [Node, Node];
  b.kill();
  await world.pass(120_000);
  assert.equal(standings([a]), 'half');
  await world.settled('c');
  assert.equal(standings([a]), 'whole');
});

test('an operator can say that what a node sees is all there is', async () => {
  const world = new Members();
  const [a] = (await world.settled('a', 'b', 'c')) as [Node, Node, Node];
  world.split(['a'], ['b', 'c']);
  await world.pass(10_000);
  assert.ok(a.membership.holds);
  a.membership.shrink();
  assert.equal(a.membership.holds, false);
  assert.equal(owners(a), 'a');
});

test('nodes that go one by one with a goodbye leave no minority behind, however fast', async () => {
  const world = new Members();
  const nodes = await world.settled('a', 'b', 'c', 'd', 'e');
  for (const { membership } of nodes.slice(1)) {
    membership.drain();
    await world.pass(600);
    membership.leave();
  }
  assert.equal(standings(nodes.slice(0, 1)), 'whole');
});

test('a node that is cut off holds at once, and goes on at once when it is back', async () => {
  const world = new Members();
  const [a] = (await world.settled('a', 'b', 'c')) as [Node, Node, Node];
  world.split(['a'], ['b', 'c']);
  world.heartbeats.link('a', false);
  assert.deepEqual([a.membership.holds, owners(a), standings([a])], [true, 'a', 'cutOff']);
  await world.pass(120_000);
  assert.equal(a.seen.sentAway, 1);
  world.split();
  world.heartbeats.link('a', true);
  assert.deepEqual([a.membership.holds, owners(a), a.seen.missed], [false, 'a b c', 1]);
  await world.pass(10_000);
  assert.equal(owners(a), 'a b c');
});

test('a process that stood still does not take the others for gone', async () => {
  const world = new Members();
  const [a] = (await world.settled('a', 'b', 'c')) as [Node, Node, Node];
  world.clock.leap(30_000); // the machine slept: its timers come late
  await world.pass(100);
  assert.equal(namesSeen(a), 'a b c');
  await world.pass(5_000);
  assert.deepEqual([namesSeen(a), a.membership.holds], ['a b c', false]);
});

test('a second process of a node id does not start', async () => {
  const world = new Members();
  const [a] = (await world.settled('a', 'b')) as [Node, Node];
  const twin = world.node("a'");
  const refused = assert.rejects(twin.membership.join(), NodeIdTaken);
  await world.pass(3_000);
  await refused;
  await world.pass(3_000);
  assert.deepEqual([a.seen.twins, a.membership.holds, a.seen.changes > 0], [[], false, true]);
});

test('a process that follows a killed one takes its place, even when a last word of that one is still under way', async () => {
  const world = new Members();
  const [a, b] = (await world.settled('a', 'b')) as [Node, Node];
  a.kill();
  const next = world.node("a'");
  const joining = next.membership.join();
  world.heartbeats
    .party('late')
    .publishHeartbeat({ kind: 'heartbeat', node: 'a', life: 1_800_000_000_000 * 1_024, number: 1_000, level: 1, state: 'up', sessions: 0, chats: 0, url: null });
  await world.pass(20_000);
  await joining;
  assert.deepEqual([namesSeen(b), owners(b), next.membership.holds, next.seen.twins], ['a b', 'a b', false, []]);
});

test('of two that find out later that they have one id, the younger holds and is told to end, and the older goes on', async () => {
  const world = new Members();
  world.split(['a', 'b'], ["a'"]);
  const [a] = (await world.settled('a', 'b')) as [Node, Node];
  const [twin] = (await world.settled("a'")) as [Node];
  world.split();
  await world.pass(2_000);
  assert.deepEqual([a.seen.twins, twin.seen.twins], [[false], [true]]);
  assert.deepEqual([a.membership.holds, twin.membership.holds, standings([twin])], [false, true, 'expelled']);
});

test('new kinds may be written once every node can read them and the store knows; then no older node starts', async () => {
  const world = new Members();
  const nodes = [world.node('a', 2), world.node('b', 3), world.node('c', 1)];
  const joining = nodes.map(({ membership }) => membership.join());
  await world.pass(20_000);
  await Promise.all(joining);
  const levels = (): number[] => nodes.slice(0, 2).map(({ membership }) => membership.level);
  assert.deepEqual([levels(), await world.levels.read()], [[1, 1], 1]);
  nodes[2]?.kill();
  await world.pass(5_000);
  assert.deepEqual(levels(), [1, 1], 'it may be back in a moment');
  await world.pass(20_000);
  assert.deepEqual([levels(), await world.levels.read()], [[2, 2], 2]);
  await assert.rejects(world.node('c', 1).membership.join(), TooOld);
  const newest = world.node('c', 4);
  const joined = newest.membership.join();
  await world.pass(2_000);
  await joined;
  assert.equal(newest.membership.level, 2);
});

test('heartbeats that come late or twice change nothing', async () => {
  const world = new Members();
  const [a] = (await world.settled('a')) as [Node];
  const other = world.heartbeats.party('c');
  const heartbeat = { kind: 'heartbeat', node: 'c', life: 7, number: 100, level: 1, state: 'draining', sessions: 0, chats: 0, url: null } as const;
  other.publishHeartbeat(heartbeat);
  other.publishHeartbeat({ ...heartbeat, number: 99, state: 'up' });
  other.publishHeartbeat({ ...heartbeat, number: 100, state: 'up' });
  assert.deepEqual([namesSeen(a), owners(a)], ['a c', 'a']);
});

test('devices are sent to nodes that are up; from a node that sees too few, or none, to those on the other side', async () => {
  const world = new Members();
  const [a, b, c, d, e] = (await world.settled('a', 'b', 'c', 'd', 'e')) as [Node, Node, Node, Node, Node];
  assert.deepEqual([...a.membership.elsewhere()].sort(), ['ws://b', 'ws://c', 'ws://d', 'ws://e']);
  b.membership.drain();
  c.membership.leave();
  assert.deepEqual([...a.membership.elsewhere()].sort(), ['ws://d', 'ws://e']);
  world.split(['a', 'b'], ['d', 'e', 'c']);
  await world.pass(viewRules.suspectMs + 1);
  assert.deepEqual(a.membership.elsewhere(), [], 'who may be gone is not recommended');
  const other = new Members();
  const five = await other.settled('a', 'b', 'c', 'd', 'e');
  other.split(['a', 'b'], ['c', 'd', 'e']);
  await other.pass(5_000);
  assert.deepEqual([...(five[0] as Node).membership.elsewhere()].sort(), ['ws://c', 'ws://d', 'ws://e']);
  assert.ok(d.membership.elsewhere().includes('ws://e') && e.membership.describe().nodes.length > 0);
});

test('a node that is alone owns everything and never holds', () => {
  const alone = singleNode('alone');
  assert.deepEqual([new Set(chats.map((chatId) => alone.ownerOf(chatId))), alone.holds], [new Set(['alone']), false]);
});
