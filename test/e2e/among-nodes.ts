// What holds for users and devices on several nodes of one cluster, and what a node says that cannot be one of them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Cluster } from '../../scripts/services/cluster.ts';
import type { ClusterNode } from '../../scripts/services/cluster-node.ts';
import { NatsServer } from '../../scripts/services/nats.ts';
import { Parley as Server } from '../../scripts/services/parley.ts';
import { entryKinds } from '../../src/protocol/messages.ts';
import { Parley } from '../../src/sdk/parley.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { loggedIn, password, registered, request } from './accounts.ts';
import { Device, textOf } from './device.ts';
import { parley } from './operator.ts';

/** Above what is pushed to each member by itself. */
const largeSize = 36;

export function amongNodes(cluster: () => Cluster): void {
  const node = (at: number): ClusterNode => cluster().nodes[at] as ClusterNode;
  const user = async (at: number): Promise<Device> => Device.connect(node(at).socketUrl, await registered(node(at).apiUrl));

  describe('users on several nodes', { concurrency: 1 }, () => {
    test('two people on two nodes talk through the SDK, and see each other’s ticks', async () => {
      const [ann, bob] = [
        await Parley.register({ url: node(0).apiUrl, handle: `ann-${process.pid}`, password }),
        await Parley.register({ url: node(1).apiUrl, handle: `bob-${process.pid}`, password }),
      ];
      const heard = new Promise<string>((resolve) => bob.on('message', ({ text }) => resolve(text)));
      const chat = await ann.directChat(bob.handle);
      const { seq } = await chat.send('hello');
      assert.equal(await heard, 'hello');
      const read = new Promise<void>((resolve) => ann.on('receipt', () => chat.tick(seq) === 'read' && resolve()));
      await (await bob.directChat(ann.handle)).read(seq);
      await read;
      await Promise.all([ann.close(), bob.close()]);
    });

    test('a user’s devices on two nodes see each other’s messages, and what was read on the other', async () => {
      const [phone, bob] = [await user(0), await user(2)];
      const laptop = await Device.connect(node(1).socketUrl, await loggedIn(node(1).apiUrl, phone.account));
      const sent = await phone.sayTo(bob.userId, 'from the phone');
      assert.equal(textOf(await laptop.next('entry', ({ seq }) => seq === sent.seq)), 'from the phone');
      const answer = await bob.say(sent.chatId, 'an answer');
      for (const device of [phone, laptop]) assert.equal(textOf(await device.next('entry', ({ seq }) => seq === answer.seq)), 'an answer');
      laptop.tell({ kind: 'read', chatId: sent.chatId, seq: answer.seq });
      const receipt = await phone.next('receipt', ({ userId, read }) => userId === phone.userId && read === answer.seq);
      assert.equal(receipt.chatId, sent.chatId);
      for (const device of [phone, laptop, bob]) await device.close();
    });

    for (const size of [3, largeSize]) {
      test(`who is removed from a group of ${size} hears nothing after the removal, on any node`, async () => {
        const owner = await user(0);
        const gone = await user(1);
        const abroad = await Device.connect(node(2).socketUrl, await loggedIn(node(2).apiUrl, gone.account));
        const others = await Promise.all(Array.from({ length: size - 2 }, (_, at) => user(at % 3)));
        const chatId = await owner.group('ours', [gone.userId, ...others.map(({ userId }) => userId)]);
        const before = await owner.say(chatId, 'all of you');
        for (const device of [gone, abroad, ...others]) await device.next('entry', at(chatId, before.seq));
        const { seq: removal } = await owner.askFor('sent', { kind: 'removeMember', number: owner.number(), after: owner.after(chatId), chatId, userId: gone.userId });
        const after = await Promise.all(Array.from({ length: 5 }, (_, nth) => others[0]?.say(chatId, `without you ${nth}`)));
        const last = Math.max(...after.map((sent) => sent?.seq ?? 0));
        for (const device of others) if (device !== others[0]) await device.next('entry', at(chatId, last));
        for (const device of [gone, abroad]) {
          await device.settled();
          assert.ok(
            seqsOf(device, chatId).every((seq) => seq <= removal),
            `heard ${seqsOf(device, chatId)}, removed at ${removal}`,
          );
          const refused = await device.refusedTo({ kind: 'pull', request: device.request(), chatId, after: removal, upTo: 0, limit: 10 }).catch(() => undefined);
          if (refused === undefined) assert.ok((await device.pull(chatId, removal)).entries.length === 0, 'and none by a pull');
        }
        assert.ok(others.every((device) => device.all('entry').some(({ chatId: of, entryKind }) => of === chatId && entryKind === entryKinds.removed) || device === others[0]));
        for (const device of [owner, gone, abroad, ...others]) await device.close();
      });
    }

    test('the log of a chat is whole, as its check says, whichever node is asked', async () => {
      const [ann, bob] = [await user(0), await user(1)];
      const { chatId } = await ann.sayTo(bob.userId, 'one');
      await bob.say(chatId, 'two');
      const owners = await Promise.all(cluster().nodes.map((one) => one.ownerOf(chatId)));
      assert.equal(new Set(owners).size, 1, owners.join());
      for (const one of cluster().nodes) assert.deepEqual(await one.problemsOf(chatId), []);
      const [owner] = owners as [string];
      const { opsUrl } = cluster().node(owner);
      assert.match(
        await parley('where', chatId, '--ops', opsUrl),
        new RegExp(`^${chatId} lies in shard \\d+, which is ${owner}'s; it is awake on ${owner}\\. Its log ends with 3\\.$`),
      );
      assert.match(
        await parley('check', chatId, '--ops', opsUrl),
        /3 entries in \d appends, the last by n\d; 2 members\. The log is dense, the chain of appends whole, no inbox behind\.$/,
      );
      assert.match(await parley('hottest', '--ops', opsUrl), /entries\/min/);
      for (const device of [ann, bob]) await device.close();
    });
  });

  describe('an operator', { concurrency: 1 }, () => {
    test('sees the nodes and their shards, whichever is asked', async () => {
      for (const one of cluster().nodes) {
        const says = await parley('nodes', '--ops', one.opsUrl);
        for (const { name, socketUrl } of cluster().nodes) assert.match(says, new RegExp(`^${name}[ *]+up +\\d{3,4} .*${socketUrl}$`, 'm'));
        assert.match(says, new RegExp(`as ${one.name} \\(\\*\\) sees it: whole`));
      }
      assert.match(await parley('shards', '--ops', node(0).opsUrl), /^n1 +1\d{3} +3\d\.\d %$/m);
    });

    test('is told what cannot be', async () => {
      const rejects = (words: readonly string[], says: RegExp): Promise<void> =>
        assert.rejects(parley(...words, '--ops', node(0).opsUrl), (error: Error & { readonly stderr: string }) => says.test(error.stderr));
      await rejects(['drain', 'n9'], /n1 sees no node n9\./);
      await rejects(['where', 'nothing'], /Name a chat/);
      await rejects(['backup', 'anywhere'], /nodetool snapshot/);
      await assert.rejects(parley('nodes', '--ops', 'http://127.0.0.1:1'), /No node answers at http:\/\/127\.0\.0\.1:1/);
    });
  });

  describe('a node that cannot start says what to set', { concurrency: 1 }, () => {
    const refuses = (environment: Readonly<Record<string, string>>, says: RegExp): Promise<void> =>
      assert.rejects(Server.start({ environment: { ...cluster().services, PARLEY_NODE: 'another', ...environment } }), (error: Error) => {
        assert.match(error.message, says);
        assert.match(error.message, /Parley did not start\./);
        assert.doesNotMatch(error.message, /\n\s+at /, 'no stack');
        return true;
      });

    test('its id is taken', () =>
      refuses({ PARLEY_NODE: 'n1', PARLEY_FEATURE_LEVEL: '1' }, /Another process is node "n1" already\. Give each node an id of its own \(PARLEY_NODE\)/));

    test('a setting is missing', async () => {
      await refuses({ PARLEY_NODE: '' }, /PARLEY_NATS, PARLEY_CQL and PARLEY_NODE: set all three/);
      await refuses({ PARLEY_CQL: '', PARLEY_CQL_USER: '', PARLEY_CQL_PASSWORD: '' }, /PARLEY_NATS, PARLEY_CQL and PARLEY_NODE: set all three/);
      await refuses({ PARLEY_NODE: 'a node' }, /A node's id is of up to 64 letters, digits, - and _: not "a node"/);
    });

    test('NATS is not there, or wants other credentials', async () => {
      await refuses({ PARLEY_NATS: 'nats://127.0.0.1:1' }, /NATS at nats:\/\/127\.0\.0\.1:1: nobody answers there .*Start nats-server, or set PARLEY_NATS/);
      const nats = await NatsServer.start({ configuration: 'authorization { user: parley, password: right }' });
      try {
        const as = { PARLEY_NATS: nats.url, PARLEY_NATS_USER: 'parley' };
        await refuses({ ...as, PARLEY_NATS_PASSWORD: 'wrong' }, /the server does not accept this user or password\. Set PARLEY_NATS_USER/);
      } finally {
        await nats.stop();
      }
    });

    test('the store is not there, wants other credentials, or has no such keyspace', async () => {
      await refuses({ PARLEY_CQL: '127.0.0.1:1' }, /The store at 127\.0\.0\.1:1 cannot be reached/);
      await refuses({ PARLEY_CQL_PASSWORD: 'wrong' }, /it refuses the name "cassandra" or the password: look at PARLEY_CQL_USER and PARLEY_CQL_PASSWORD/);
      await refuses({ PARLEY_CQL_KEYSPACE: 'nowhere', PARLEY_CQL_REPLICAS: '0' }, /There is no keyspace nowhere\. Make it.*CREATE KEYSPACE/);
      await refuses({ PARLEY_CQL_DATA_CENTER: 'elsewhere' }, /has no data centre "elsewhere", only dc1: look at PARLEY_CQL_DATA_CENTER/);
    });

    test('Redis out of reach is no reason not to: it serves, and says what is missing until then', async () => {
      const server = await Server.start({ environment: { ...cluster().services, PARLEY_NODE: 'no-redis', PARLEY_NATS_PREFIX: 'apart', PARLEY_REDIS: 'redis://127.0.0.1:1' } });
      try {
        assert.deepEqual((await request('GET', `${server.opsUrl}/readyz`)).body, { ready: true, reasons: [] });
        assert.match((await request('GET', `${server.opsUrl}/metrics`)).body as string, /^parley_redis_up 0$/m);
        assert.ok(
          cluster().nodes.every(({ parley }) => parley.lines.some((line) => /commitlog_sync: periodic/.test(line))),
          'a store that acknowledges before the disk is named',
        );
      } finally {
        assert.equal((await server.stop()).code, 0);
      }
    });
  });
}

function seqsOf(device: Device, chatId: ChatId): readonly number[] {
  return device
    .all('entry')
    .filter((entry) => entry.chatId === chatId)
    .map(({ seq }) => seq);
}

function at(chatId: ChatId, seq: number): (entry: { readonly chatId: ChatId; readonly seq: number }) => boolean {
  return (entry) => entry.chatId === chatId && entry.seq === seq;
}
