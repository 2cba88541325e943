// Processor time of a 1:1 message in everything but the sockets: frames in, session, chat, journal with fdatasync, session, frames out. `node bench/micro-message.ts [seconds]`
// Says what the main thread takes and what the others (collector, compiler, disk) do. Half of a run warms up.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/actors/runtime/clock.ts';
import { localLink } from '../src/cluster/link.local.ts';
import { encodeFrame } from '../src/protocol/codec.ts';
import { directChatId } from '../src/protocol/direct.ts';
import { numbersPerMs } from '../src/protocol/limits.ts';
import { openLevelStores } from '../src/store/stores.level.ts';
import { nodeEventLoop } from '../src/structures/event-loop.node.ts';
import { type ChatId, type DeviceId, idFrom, type UserId } from '../src/structures/ids.ts';
import { startSystem } from '../src/system.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import { TurnSocket, Turns } from '../src/transport/turns.ts';
import { DeviceSockets } from '../src/transport/websocket.ts';

const pairs = 500;
const wave = 50; // sends per turn of the event loop
const openMax = 4_000; // more than two commits hold at any rate seen
const windowBytes = 1024 * 1024;
const sentType = 17;
const ticksPerSecond = 100;
const seconds = Number(process.argv[2] ?? 4);
const body = new Uint8Array(100).fill(65);
let answered = 0;

/** Takes every frame at once. */
class SinkSocket extends TurnSocket {
  readonly remoteAddress = '127.0.0.1';
  subscribe(): void {}
  unsubscribe(): void {}
  bufferedBytes(): number {
    return 0;
  }
  writeOut(): void {
    if (this.first?.[1] === sentType) answered += 1;
    for (const frame of this.rest ?? []) if (frame[1] === sentType) answered += 1;
    this.first = undefined;
    this.rest = undefined;
  }
  finish(): void {}
}

interface Sender {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  lastNumber: number;
}

const users: readonly Sender[] = Array.from({ length: 2 * pairs }, () => {
  const bits = randomBytes(15);
  return { userId: idFrom<'user'>('u', bits), deviceId: idFrom<'device'>('d', bits), lastNumber: 0 };
});
const peerOf = (at: number): Sender => users[at % 2 === 0 ? at + 1 : at - 1] as Sender;
const chats = users.map(({ userId }, at) => directChatId(userId, peerOf(at).userId));
const directory = mkdtempSync(join(tmpdir(), 'parley-micro-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
const clock = systemClock();
const stores = await openLevelStores({ directory, clock, random: Math.random, loop: nodeEventLoop, onReport: ({ says }) => console.error(says) });
await Promise.all(users.map(({ userId }, at) => stores.users.create({ userId, handle: `micro-${at}`, name: '', passwordHash: '', createdAtMs: 0 })));
const metrics = createMetrics();
let turns: Turns | undefined;
let devices: DeviceSockets | undefined;
startSystem({
  stores,
  clock,
  random: Math.random,
  node: 'alone',
  linkTo: (receiver) => localLink('alone', receiver),
  afterTurn: () => turns?.flush(),
  observe: {
    counts: metrics.counts,
    batch: metrics.batch,
    committed: metrics.committed,
    refused: (why) => console.error(`refused: ${why}`),
    event: (event) => event.kind === 'crashed' && console.error(event),
  },
  connect(entities) {
    devices = new DeviceSockets({
      entities,
      clock,
      random: Math.random,
      admit(check) {
        void check();
        return true;
      },
      incarnation: 'micro',
      heartbeatMs: 60_000,
      helloTimeoutMs: 60_000,
      verifyAccess: (token) => ({ ...(users[Number(token)] as Sender), issuedAtMs: 0, expiresAtMs: 0 }),
      deviceGood: async () => true,
      closedFor: () => undefined,
      counts: metrics.counts,
      onFault: console.error,
    });
    return devices;
  },
});
turns = new Turns(windowBytes, devices as unknown as DeviceSockets, console.error, setImmediate);
const all = turns;
const sockets = users.map(({ deviceId }, at) => {
  const socket = new SinkSocket(all.nextId(), all);
  all.opened(socket);
  all.received(socket, encodeFrame({ kind: 'hello', version: 1, token: String(at), deviceId, client: 'micro' }));
  return socket;
});
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function send(at: number): void {
  const from = users[at] as Sender;
  const number = Math.max(from.lastNumber + 1, clock.nowMs() * numbersPerMs);
  const frame = encodeFrame({
    kind: 'send',
    chatId: chats[at] as ChatId,
    number,
    after: from.lastNumber,
    contentType: 'application/octet-stream',
    body,
    peer: peerOf(at).userId,
  });
  from.lastNumber = number;
  all.received(sockets[at] as SinkSocket, new Uint8Array(frame));
}

/** Processor time of this thread and of the others; where the system does not tell, all of it is this one's. */
function cpuMs(): { readonly own: number; readonly others: number } {
  const { user, system } = process.cpuUsage();
  try {
    let others = 0;
    for (const task of readdirSync('/proc/self/task')) {
      if (Number(task) === process.pid) continue;
      const text = readFileSync(`/proc/self/task/${task}/stat`, 'utf8');
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      others += (Number(fields[11]) + Number(fields[12])) * (1_000 / ticksPerSecond);
    }
    return { own: (user + system) / 1_000 - others, others };
  } catch {
    return { own: (user + system) / 1_000, others: 0 };
  }
}

async function drive(ms: number): Promise<void> {
  const startedMs = performance.now();
  const before = cpuMs();
  const answeredBefore = answered;
  let sent = answered;
  while (performance.now() - startedMs < ms) {
    while (sent - answered > openMax) await turn();
    for (let more = wave; more > 0; more -= 1) send(Math.floor(Math.random() * users.length));
    sent += wave;
    await turn();
  }
  while (answered < sent) await turn();
  const after = cpuMs();
  const messages = answered - answeredBefore;
  const each = (used: number): string => ((used * 1_000) / messages).toFixed(1);
  const rate = Math.round((messages / (performance.now() - startedMs)) * 1_000);
  console.log(`${each(after.own - before.own)} µs a message, ${each(after.others - before.others)} µs in other threads, at ${rate}/s`);
}

while (stores.counts.operations < users.length) await turn();
await drive(seconds * 500);
await drive(seconds * 500);
process.exit(0);
