// Nodes go, come, are killed, restarted as another build, and part, while people talk: nothing is lost, doubled or out of order, and nobody waits for long.
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from '../../scripts/services/cluster.ts';
import type { ClusterNode } from '../../scripts/services/cluster-node.ts';
import { Parley } from '../../scripts/services/parley.ts';
import { directChatId } from '../../src/protocol/direct.ts';
import { registered } from './accounts.ts';
import { Device, textsOf } from './device.ts';
import { parley } from './operator.ts';
import { longestGapMs, pairOf, type Talker, talk } from './talkers.ts';

/** Until they have talked for a while. */
const talkMs = 1_500;
const takeoverMsMax = 5_000;
/** Of a chat whose node drains, beyond what its sends wait for anyway on this machine. */
const ownerlessMsMax = 500;
const pairsMax = 40;

export function nodesChange(cluster: () => Cluster): void {
  const node = (at: number): ClusterNode => cluster().nodes[at] as ClusterNode;

  describe('nodes change while people talk', () => {
    test('a node is drained: its chats go on, its devices come back once, elsewhere, and it ends well', async (t) => {
      const going = node(2);
      const staying = await pairOwnedBy(t, cluster(), going, [node(0), node(1)]);
      const moving = await pairOf(t, cluster(), [going, node(0)]);
      const all = [...staying, ...moving];
      const finish = talk(t, all);
      await delay(talkMs);
      const fromMs = performance.now();
      // An operator tells another node.
      const says = await parley('drain', going.name, '--ops', node(0).opsUrl);
      assert.match(says, /Node n3 was told to drain\.\nNode n3 has gone; 2 are left\./);
      assert.deepEqual(await going.parley.ended, { code: 0, signal: null });
      const tookMs = performance.now() - fromMs;
      await delay(talkMs);
      await finish();
      const [calmMs, waitedMs] = [longestGapMs(staying, 0, fromMs), longestGapMs(staying, fromMs)];
      t.diagnostic(`a chat of the drained node waited ${Math.round(waitedMs)} ms at most, ${Math.round(calmMs)} before; the drain took ${Math.round(tookMs)} ms`);
      for (const { name, home, disconnects } of all) assert.deepEqual(disconnects, home === going ? ['moved'] : [], name);
      assert.ok(waitedMs <= ownerlessMsMax + calmMs, `${waitedMs} ms, ${calmMs} before`);
      for (const { chat } of all) assert.deepEqual(await node(0).problemsOf(chat.chatId), []);
      await going.start();
      await cluster().whole();
    });

    test('a chat’s owner is killed: another one takes over, and what was under way comes once', async (t) => {
      const victim = node(2);
      const both = await pairOwnedBy(t, cluster(), victim, [node(0), node(1)]);
      const finish = talk(t, both);
      await delay(talkMs);
      const killedMs = performance.now();
      await victim.kill('SIGKILL');
      await until(() => both.some(({ acknowledgedMs }) => (acknowledgedMs.at(-1) ?? 0) > killedMs + 200), 'nothing is acknowledged after the kill');
      const firstMs = Math.min(...both.map(({ acknowledgedMs }) => acknowledgedMs.find((atMs) => atMs > killedMs + 200) ?? Number.POSITIVE_INFINITY)) - killedMs;
      await finish();
      t.diagnostic(`the first message on the new owner was acknowledged ${Math.round(firstMs)} ms after the kill`);
      assert.ok(firstMs <= takeoverMsMax, `${firstMs} ms`);
      assert.deepEqual(await node(0).problemsOf(both[0].chat.chatId), []);
      await victim.start();
      await cluster().whole();
    });

    test('all nodes are restarted in turn as a newer build: nothing is lost, each restart moves each device of its node once, and then an older one cannot start any more', async (t) => {
      const pairs = [await pairOf(t, cluster(), [node(0), node(1)]), await pairOf(t, cluster(), [node(1), node(2)]), await pairOf(t, cluster(), [node(2), node(0)])];
      const all = pairs.flat();
      const finish = talk(t, all);
      const inTurn = cluster().nodes.toReversed(); // the youngest first: whoever is younger than the one that drains counts as restarted
      for (const one of inTurn) {
        await delay(talkMs);
        const before = all.map(({ disconnects }) => disconnects.length);
        const connections = (await one.metrics()).get('parley_connections');
        await one.restart({ environment: { PARLEY_FEATURE_LEVEL: '1' } });
        await cluster().whole();
        const moves = all.map(({ disconnects }, at) => disconnects.length - (before[at] ?? 0));
        assert.ok(Math.max(...moves) <= 1, `${moves} when ${one.name} was restarted`);
        assert.equal(sumOf(moves), connections, `those of ${one.name}, and no others`);
      }
      await delay(talkMs);
      await finish();
      t.diagnostic(`disconnects of the six: ${all.map(({ disconnects }) => disconnects.join('+') || 'none').join(', ')}`);
      // Only those of the first node are sent to one that is still to go: there is no other. All others go to one that has been restarted, and stay.
      for (const { name, home, disconnects } of all) assert.deepEqual(disconnects, home === inTurn[0] ? ['moved', 'moved'] : ['moved'], name);
      for (const [one] of pairs) assert.deepEqual(await node(0).problemsOf(one.chat.chatId), []);
      await until(async () => (await node(0).view()).level === 1, 'the level rises when all nodes read it');
      await node(0).kill('SIGTERM');
      await assert.rejects(
        node(0).start({ environment: { PARLEY_FEATURE_LEVEL: '0' } }),
        /This build reads entries and envelopes up to level 0; the cluster already writes level 1/,
      );
      await node(0).start({ environment: { PARLEY_FEATURE_LEVEL: '1' } });
      await cluster().whole();
    });

    test('of two processes with one id the younger ends and says why, and the older goes on', async () => {
      const older = node(1);
      const ann = await Device.connect(older.socketUrl, await registered(older.apiUrl));
      older.pause(); // as a machine that stands still: meanwhile somebody starts a second one
      const environment = { ...cluster().services, PARLEY_NODE: older.name, PARLEY_FEATURE_LEVEL: '1' };
      const younger = await Parley.start({ environment });
      older.goOn();
      assert.equal((await younger.ended).code, 1);
      assert.ok(younger.lines.some((line) => line.includes('Parley ends. Another process is node "n2", and was so first. Give each node an id of its own (PARLEY_NODE).')));
      await ann.sayTo(ann.userId, 'still here');
      await until(() => older.parley.logged('error').some((line) => /another process has this node id/.test(line)), 'the older one says it, too');
      await ann.close();
      await cluster().whole();
    });

    test('two nodes that do not hear each other both own a chat: the store refuses one, each send is acknowledged once', (t) => splitBrain(t, cluster()));

    test('a node that is cut off from NATS is not ready, holds sends back, and sends its devices to another one', async () => {
      const cutOff = node(2);
      const ann = await Device.connect(cutOff.socketUrl, await registered(cutOff.apiUrl));
      const { chatId } = await ann.sayTo(ann.userId, 'before');
      cutOff.ways?.nats.cut();
      await until(async () => (await cutOff.ready()).reasons.some((reason) => /cut off from NATS/.test(reason)), 'it says why it is not ready');
      const held = { kind: 'send', chatId, number: ann.number(), after: ann.after(chatId), contentType: 'text/plain', body: Buffer.from('held back'), peer: null } as const;
      assert.equal((await ann.refusedTo(held)).why, 'busy');
      assert.deepEqual(textsOf(await ann.pullAll(chatId)), ['before'], 'reads are answered');
      await until(() => ann.all('move').length > 0, 'it sends its devices away', 30_000);
      assert.ok([node(0).socketUrl, node(1).socketUrl].includes(ann.all('move')[0]?.url ?? ''));
      cutOff.ways?.nats.mend();
      await until(async () => (await cutOff.ready()).ready, 'it is ready again');
      await cluster().whole();
      await ann.askFor('sent', held);
      assert.deepEqual(textsOf(await ann.pullAll(chatId)), ['before', 'held back']);
      assert.equal((await cutOff.metrics()).get('parley_link_reconnects_total'), 1);
      await ann.close();
    });
  });
}

/** Each of two nodes that have no others in sight believes that it owns every chat. */
async function splitBrain(t: TestContext, cluster: Cluster): Promise<void> {
  const environment = { PARLEY_FEATURE_LEVEL: '1', PARLEY_NATS_PREFIX: 'parted' };
  const parted = await cluster.add({ name: 'parted', environment });
  try {
    const here = cluster.nodes[0] as ClusterNode;
    const ann = await Device.connect(here.socketUrl, await registered(here.apiUrl));
    const bob = await Device.connect(parted.socketUrl, await registered(parted.apiUrl));
    const chatId = directChatId(ann.userId, bob.userId);
    await ann.sayTo(bob.userId, 'hello');
    assert.equal(await parted.ownerOf(chatId), 'parted');
    const refusedBefore = await supersededOf(cluster);
    const count = 40;
    // Both at once, again and again: each time the two owners meet in the store.
    for (let nth = 0; nth < count; nth += 1) await Promise.all([ann, bob].map((device, at) => device.say(chatId, `${at} ${nth}`)));
    const refused = (await supersededOf(cluster)) - refusedBefore;
    t.diagnostic(`${refused} appends were refused by the store while two nodes wrote ${2 * count} messages`);
    assert.ok(refused > 0, 'the owners never met');
    await ann.say(chatId, 'the end'); // whoever appends has read the log in full
    const texts = textsOf(await ann.pullAll(chatId));
    for (const [at, device] of [ann, bob].entries()) {
      assert.deepEqual(
        texts.filter((text) => text.startsWith(`${at} `)),
        Array.from({ length: count }, (_, nth) => `${at} ${nth}`),
      );
      const sents = device.all('sent').map(({ number }) => number);
      assert.equal(new Set(sents).size, sents.length, 'one `sent` each');
    }
    assert.deepEqual(await here.problemsOf(chatId), []);
    for (const device of [ann, bob]) await device.close();
  } finally {
    await cluster.remove('parted');
  }
}

async function supersededOf({ running }: Cluster): Promise<number> {
  const counts = await Promise.all(running.map(async (node) => (await node.metrics()).get('parley_superseded_total') ?? 0));
  return sumOf(counts);
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Two people at home on these nodes, whose chat is that one's. */
async function pairOwnedBy(t: TestContext, cluster: Cluster, owner: ClusterNode, homes: readonly [ClusterNode, ClusterNode]): Promise<readonly [Talker, Talker]> {
  for (let tries = 0; tries < pairsMax; tries += 1) {
    const both = await pairOf(t, cluster, homes);
    if ((await homes[0].ownerOf(both[0].chat.chatId)) === owner.name) return both;
  }
  throw new Error(`of ${pairsMax} chats none is ${owner.name}'s`);
}

export async function until(holds: () => boolean | Promise<boolean>, what: string, msMax = 20_000): Promise<void> {
  const startedMs = performance.now();
  while (!(await holds())) {
    assert.ok(performance.now() - startedMs < msMax, what);
    await delay(20);
  }
}
