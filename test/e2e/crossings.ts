// What a message to a large room costs between real nodes: counted by a listener on NATS and by the NATS server itself.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import type { Cluster } from '../../scripts/services/cluster.ts';
import { decodeMessage } from '../../src/cluster/envelope-codec.ts';
import { step } from '../../src/core/chat.ts';
import { emptyChat } from '../../src/core/fold.ts';
import { groupIdOf } from '../../src/core/groups.ts';
import { receiptsOf } from '../../src/core/receipts.ts';
import { limits, numbersPerMs } from '../../src/protocol/limits.ts';
import type { Sent } from '../../src/protocol/messages.ts';
import type { CqlStores } from '../../src/store/stores.cql.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { openCql } from '../store/cql.ts';
import { type Account, seededIn } from './accounts.ts';
import { Device } from './device.ts';

const members = 1_000;
const messages = 40;
const overheadBytesMax = 200;
const connectAtOnce = 50;
const wakeMs = 1_000;

/** `monitor`: the HTTP address at which the NATS server tells of itself. */
export function crossings(cluster: () => Cluster, monitor: () => string): void {
  test(`a message to a room of ${members} members on four nodes crosses NATS once for each of the other nodes, in at most ${overheadBytesMax} bytes beside the frame that devices get`, async (t) => {
    const { nodes, nats, cassandra } = cluster();
    assert.equal(nodes.length, 4);
    const stores = await openCql(cassandra);
    const accounts = (await seededIn(stores, members)).flat();
    const room = await olderRoom(stores, accounts);
    await stores.close();
    const subject = `parley.chat.${room}`;
    const [speaker, ...others] = (await connected(t, cluster(), accounts)) as [Device, ...Device[]];
    const owner = (await nodes[0]?.ownerOf(room)) as string;
    await untilAllHear(speaker, others, room);

    const listener = await connect({ servers: nats.url });
    t.after(() => listener.close());
    const heard: { readonly subject: string; readonly data: Uint8Array }[] = [];
    listener.subscribe('parley.>', { callback: (_fault, { subject: on, data }) => void heard.push({ subject: on, data }) });
    await listener.flush();
    const before = await crossed(cluster(), monitor(), subject);
    const sent: Sent[] = [];
    for (let nth = 0; nth < messages; nth += 1) sent.push(await speaker.say(room, `message ${nth}`));
    const seqs = sent.map(({ seq }) => seq);
    for (const device of others) await device.next('entry', ({ chatId, seq }) => chatId === room && seq === seqs.at(-1));
    await listener.flush();
    const after = await crossed(cluster(), monitor(), subject);

    for (const device of others) assert.deepEqual(seqsFrom(device, room, seqs[0] ?? 0), seqs);
    const pushes = heard.filter((one) => one.subject === subject);
    const published = pushes.flatMap(({ data }) => decodeMessage('chat', data).envelopes.map(({ push }) => push.seq));
    assert.deepEqual(published, seqs, 'published once each');
    assert.deepEqual(
      heard.filter((one) => one.subject.startsWith('parley.user.')),
      [],
      'nobody is told by name',
    );
    for (const { name } of nodes) {
      const count = (after.get(name)?.messages ?? Number.NaN) - (before.get(name)?.messages ?? Number.NaN);
      assert.equal(count, name === owner ? 0 : messages, `${name}; the owner is ${owner}`);
    }
    const frameBytes = [...(others[0]?.client.journal.read() ?? [])].at(-1)?.bytes.byteLength ?? Number.NaN;
    const [pushBytes, sids] = [pushes.at(-1)?.data.byteLength ?? 0, [...after.values()].map(({ sid }) => sid)];
    const overhead = Math.max(...sids.map((sid) => `MSG ${subject} ${sid} ${pushBytes}\r\n\r\n`.length)) + pushBytes - frameBytes;
    t.diagnostic(`${overhead} bytes beside a frame of ${frameBytes}`);
    assert.ok(overhead > 0 && overhead <= overheadBytesMax, `${overhead} bytes`);
  });
}

/** Everybody, spread over the nodes. */
async function connected(t: TestContext, { nodes }: Cluster, accounts: readonly Account[]): Promise<readonly Device[]> {
  const devices: Device[] = [];
  t.after(() => Promise.all(devices.map((device) => device.close())));
  for (let at = 0; at < accounts.length; at += connectAtOnce) {
    const some = accounts.slice(at, at + connectAtOnce);
    devices.push(...(await Promise.all(some.map((account, nth) => Device.connect(nodes[(at + nth) % nodes.length]?.socketUrl ?? '', account)))));
  }
  return devices;
}

/** Nodes join a room's audience in their own time: until then its messages come by a pull. */
async function untilAllHear(speaker: Device, others: readonly Device[], room: ChatId): Promise<void> {
  for (let tries = 0; tries < 20; tries += 1) {
    const { seq } = await speaker.say(room, `try ${tries}`);
    const saidMs = performance.now();
    while (performance.now() - saidMs < wakeMs) {
      if (others.every((device) => seqsFrom(device, room, seq).length === 1)) return;
      await delay(20);
    }
  }
  throw new Error('not everybody hears the room');
}

function seqsFrom(device: Device, room: ChatId, from: number): readonly number[] {
  return device.all('entry').flatMap(({ chatId, seq }) => (chatId === room && seq >= from ? [seq] : []));
}

/** By node: its subscription of that subject, and how much it was given, by the server's own count. */
async function crossed({ nodes }: Cluster, monitor: string, subject: string): Promise<ReadonlyMap<string, { readonly sid: string; readonly messages: number }>> {
  interface Connection {
    readonly name?: string;
    readonly subscriptions_list_detail?: readonly { readonly subject: string; readonly sid: string; readonly msgs: number }[];
  }
  const { connections } = (await (await fetch(`${monitor}/connz?subs=detail`)).json()) as { readonly connections: readonly Connection[] };
  return new Map(
    connections.flatMap(({ name, subscriptions_list_detail: all = [] }) =>
      all
        .filter((one) => one.subject === subject)
        .map(({ sid, msgs }) => [nodes.find((node) => name === `parley ${node.name}`)?.name ?? `${name}`, { sid, messages: msgs }] as const),
    ),
  );
}

/** A room as the command of its maker leaves it in the store, made so long ago that its messages go one way: at first they also go to members by name. */
async function olderRoom(stores: CqlStores, [maker, ...others]: readonly Account[]): Promise<ChatId> {
  assert.ok(maker);
  const madeAtMs = Date.now() - 2 * limits.healMaxMs;
  const number = madeAtMs * numbersPerMs;
  const chatId = groupIdOf(maker.userId, maker.deviceId, number);
  const from = { node: 'n1', userId: maker.userId, deviceId: maker.deviceId };
  const command = { kind: 'create', from, number, after: 0, title: 'room', userIds: others.map(({ userId }) => userId) } as const;
  const { effects } = step({ ...emptyChat(chatId), receipts: receiptsOf([]) }, command, madeAtMs);
  const entries = effects.flatMap((effect) => (effect.kind === 'append' ? [effect.entry] : []));
  const follows = effects.flatMap((effect) => (effect.kind === 'follow' ? [effect] : []));
  const announced = follows.flatMap(({ announce }) => announce);
  await stores.inbox.announce(chatId, announced);
  await stores.messages.append({ chatId, entries, builtOn: 0, tip: 1, fold: undefined });
  await stores.inbox.raise(follows.flatMap(({ lines }) => lines));
  return chatId;
}
