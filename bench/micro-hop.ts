// What an envelope costs that crosses from one node to another over a real NATS, in a process that is busy: sent, received and handed on, by whose code it was. `node bench/micro-hop.ts [--seconds 6] [--functions 20]`
import { Session } from 'node:inspector/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { NatsServer } from '../scripts/services/nats.ts';
import { systemClock } from '../src/actors/runtime/clock.ts';
import { NatsLink } from '../src/cluster/link.nats.ts';
import type { Receiver } from '../src/cluster/link.ts';
import { connectToNats } from '../src/cluster/link-connect.nats.ts';
import { createRouter, type NodeRouter } from '../src/cluster/router.ts';
import type { Post } from '../src/core/chat.ts';
import type { Push } from '../src/core/session.ts';
import type { Origin } from '../src/core/step.ts';
import { encodeEntryFrame } from '../src/protocol/codec.ts';
import { entryKinds, type Sent } from '../src/protocol/messages.ts';
import { type ChatId, type DeviceId, idFrom, type UserId } from '../src/structures/ids.ts';
import { type CpuProfile, columns, functionsOf, profileNowUs, splitOf } from './cpu-profile.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '6' }, functions: { type: 'string', default: '0' } } });
const ms = 1_000 * Number(values.seconds);
const openMax = 512;
const restMs = 4;
const bits = (n: number): Uint8Array => Uint8Array.from({ length: 15 }, (_, at) => (at * 17 + n * 31) & 255);
const users = Array.from({ length: 200 }, (_, n) => idFrom<'user'>('u', bits(n)) as UserId);
const device = idFrom<'device'>('d', bits(7)) as DeviceId;
const chat = idFrom<'chat'>('p', bits(9)) as ChatId;
const body = new Uint8Array(100).fill(65);
const entry = {
  chatId: chat,
  seq: 77,
  entryKind: entryKinds.message,
  author: users[0] as UserId,
  device,
  number: 1e15,
  countable: 70,
  atMs: 1.7e12,
  contentType: 'text/plain',
  body,
};
const push: Push = { chatId: chat, seq: 77, entryKind: entry.entryKind, author: entry.author, origin: device, large: false, member: true, bytes: encodeEntryFrame(entry) };
const from: Origin = { node: 'a', userId: entry.author, deviceId: device };
const post: Post = { kind: 'post', from, number: 1e15, after: 1e15 - 1, contentType: 'text/plain', body, peer: null };
const sent: Sent & { readonly kind: 'sent' } = { kind: 'sent', number: 1e15, chatId: chat, seq: 77, atMs: 1.7e12 };

let received = 0;
const server = await NatsServer.start();
const a = await routerOf('a');
const b = await routerOf('b');
for (const userId of users) a.link.subscribeUser(userId);
await a.link.flush();

/** The ways of a message whose chat is owned elsewhere, a third each: the send, its answer, the push to the receiver. */
function send(nth: number): void {
  if (nth % 3 === 0) a.tellChat(chat, { ...post, number: 1e15 + nth });
  else if (nth % 3 === 1) b.answer(from, { ...sent, number: 1e15 + nth - 1 }, true);
  else b.pushToUser(users[nth % users.length] as UserId, { ...push, seq: nth });
}

await drive(3, ms); // until it is compiled
for (const perTurn of [1, 3, 12]) print(`${perTurn} envelopes a turn: ${await measured(perTurn, ms)}`);
// The same code, in a process that sleeps in between: what it costs that caches are cold.
print(`one every ${restMs} ms: ${await measured(1, 5 * ms, restMs)}`);
await Promise.all([a, b].map(({ link }) => link.close()));
await server.stop();

/** A node whose actors take everything and do nothing. All chats are b's. */
async function routerOf(node: string): Promise<NodeRouter> {
  const options = { servers: [server.url], login: { by: 'nothing' }, tls: undefined, prefix: 'bench', pendingBytesMax: 32 * 1024 * 1024 } as const;
  const connection = await connectToNats(options, node, Math.random);
  const events = { fromAll: () => undefined, linked: () => undefined, lost: () => undefined };
  const { prefix, pendingBytesMax } = options;
  const entities = {
    tell: () => void (received += 1),
    tellIfAwake() {
      if (node === 'a') received += 1;
      return node === 'a'; // nobody is connected to b
    },
    awakeIds: () => [],
    moveAway: () => undefined,
  };
  const placing = { ownerOf: () => 'b', holds: false, sees: () => true, level: 0 };
  const linkTo = (receiver: Receiver) =>
    new NatsLink({ connection, node, life: 1, prefix, pendingBytesMax, clock: systemClock(), random: Math.random, receiver, events, onFault: (fault) => print(fault.message) });
  return createRouter(entities, placing, linkTo, () => undefined);
}

async function drive(perTurn: number, forMs: number, rest = 0): Promise<number> {
  const untilMs = performance.now() + forMs;
  const before = received;
  let count = 0;
  while (performance.now() < untilMs) {
    for (let nth = 0; nth < perTurn && count - (received - before) < openMax; nth += 1) {
      send(count);
      count += 1;
    }
    await (rest > 0 ? delay(rest) : new Promise<void>((resolve) => void setImmediate(resolve)));
  }
  await Promise.all([a, b].map(({ link }) => link.flush()));
  while (received - before < count) await new Promise<void>((resolve) => void setImmediate(resolve));
  return count;
}

async function measured(perTurn: number, forMs: number, rest = 0): Promise<string> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 500 });
  await session.post('Profiler.start');
  const [fromUs, cpu] = [profileNowUs(), process.cpuUsage()];
  const count = await drive(perTurn, forMs, rest);
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (profileNowUs() - fromUs) / 1e6;
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  const split = splitOf(profile as CpuProfile, fromUs, profileNowUs());
  const all = Object.values(split).reduce((sum, one) => sum + one, 0);
  const each = (user + system) / count;
  const dearest = [...functionsOf(profile as CpuProfile, fromUs, profileNowUs(), 'ours')].toSorted(([, one], [, other]) => other - one).slice(0, Number(values.functions));
  const list = dearest.map(([name, us]) => `\n  ${((each * us) / all).toFixed(2).padStart(6)} ${name}`).join('');
  return `${Math.round(count / seconds)} envelopes/s, ${each.toFixed(1)} µs each: ${columns.map((column) => `${column} ${((each * split[column]) / all).toFixed(1)}`).join(', ')}${list}`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
