// How many frames a second one core of the generator can receive: entry frames of 100-byte bodies as a server writes them to the members of rooms, read from real sockets, walked, judged and timed as under load.
// `node bench/micro-receive.ts [seconds]`. The sender is a process of its own, that does nothing else, on another core: what counts is this process's processor time a frame.
import { type ChildProcess, fork } from 'node:child_process';
import { createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { encodeEntryFrame, encodeFrame } from '../src/protocol/codec.ts';
import { limits } from '../src/protocol/limits.ts';
import { entryKinds } from '../src/protocol/messages.ts';
import { type ChatId, idFrom } from '../src/structures/ids.ts';
import { writeBodyHead } from './generator/body.ts';
import { DeliveryChecker } from './generator/checker.ts';
import { Device } from './generator/device.ts';
import { upgradeRequest } from './generator/framing.ts';
import { Latency } from './generator/latency.ts';
import { Member } from './generator/member.ts';
import { pace } from './generator/pace.ts';
import type { Tally } from './generator/speaker.ts';
import { chooseCores, pinThisProcess } from './targets/pinned.ts';
import { baselineAccount } from './targets/started-baseline.ts';

const sockets = 100;
const framesAtOnce = 64; // in one write to one socket: what gathers while the generator rests
const bodyBytes = 100;
const chatId: ChatId = idFrom<'chat'>('g', Buffer.alloc(15, 1));

if (process.argv[2] === 'send') send(Number(process.argv[3]));
else await receive(Number(process.argv[2] ?? 5));

/** Upgrades whoever connects, welcomes them, and then writes as fast as they read. */
function send(core: number): void {
  if (core >= 0) pinThisProcess(core);
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.once('data', (request) => {
      const key = /Sec-WebSocket-Key: (\S+)/.exec(request.toString())?.[1] as string;
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${upgradeRequest('', '', key).accept}\r\n\r\n`);
      socket.once('data', () => {
        socket.write(serverFrame(welcome()));
        process.once('message', () => flood(socket));
      });
    });
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as { readonly port: number }).port));
  process.setMaxListeners(0);
}

function flood(socket: Socket): void {
  let counter = 0;
  const more = (): void => {
    for (let goesOn = true; goesOn; ) {
      const frames: Buffer[] = [];
      for (let one = 0; one < framesAtOnce; one += 1) frames.push(entryFrame(counter++));
      goesOn = socket.write(Buffer.concat(frames));
    }
  };
  socket.on('drain', more);
  more();
}

const template = serverFrame(encodeEntryFrame(entryOf(70_000)));
const seqAt = template.indexOf(Buffer.from([0xce, 0, 1, 0x11, 0x70])) + 1;

function entryFrame(counter: number): Buffer {
  const frame = Buffer.from(template);
  frame.writeUInt32BE(70_000 + counter, seqAt);
  writeBodyHead(frame, frame.byteLength - bodyBytes, 1, counter, performance.now());
  return frame;
}

async function receive(seconds: number): Promise<void> {
  const cores = chooseCores();
  const sender = fork(fileURLToPath(import.meta.url), ['send', String(cores.server ?? -1)]);
  process.once('exit', () => sender.kill('SIGKILL'));
  const port = await new Promise<number>((resolve) => sender.once('message', (message) => resolve(message as number)));
  pinThisProcess(cores.generator);
  const checker = new DeliveryChecker(sockets * 2);
  const latency = new Latency();
  const tally: Tally = {
    pushed(flow, counter, dueMs, atMs) {
      checker.pushed(flow, counter);
      latency.record(atMs - dueMs);
    },
    pulled: () => undefined,
    blocked: () => undefined,
    accepted: () => undefined,
    refused: () => undefined,
    broken: (why) => {
      throw new Error(why);
    },
  };
  for (let at = 0; at < sockets; at += 1) {
    const device = await Device.connect({ host: '127.0.0.1', port, path: '/' }, baselineAccount());
    device.member = new Member(device, { chatId, peer: undefined, index: 0, firstOfChat: 0, chatMembers: 2, flowBase: 2 * at, baseSeq: 69_999 }, bodyBytes, tally);
  }
  await measure(sender, seconds, checker);
  process.exit(checker.doubled + checker.reordered === 0 ? 0 : 1);
}

async function measure(sender: ChildProcess, seconds: number, checker: DeliveryChecker): Promise<void> {
  sender.send('flood');
  await turns(seconds * 500); // until all is compiled
  const [cpu, before, beganMs] = [process.cpuUsage(), checker.received, performance.now()];
  await turns(seconds * 1_000);
  const { user, system } = process.cpuUsage(cpu);
  const frames = checker.received - before;
  const wallSeconds = (performance.now() - beganMs) / 1_000;
  const perSecond = (count: number): string => Math.round(count).toLocaleString('en');
  const cpuSeconds = (user + system) / 1e6;
  process.stdout.write(
    `${perSecond(frames / wallSeconds)} frames/s came, ${((cpuSeconds / wallSeconds) * 100).toFixed(0)} % of a core: ${perSecond(frames / cpuSeconds)} frames a second of processor, ${((cpuSeconds * 1e9) / frames).toFixed(0)} ns a frame (${((system * 1_000) / frames).toFixed(0)} of them in the system)\n`,
  );
  const times = 20_000_000;
  const latency = new Latency();
  const own = process.cpuUsage();
  for (let at = 0; at < times; at += 1) latency.record((at & 65_535) / 1_000);
  const used = process.cpuUsage(own);
  process.stdout.write(`${(((used.user + used.system) * 1_000) / times).toFixed(1)} ns a recorded latency\n`);
}

/** As under load: what has come is read, then the thread rests a little. */
function turns(ms: number): Promise<void> {
  const untilMs = performance.now() + ms;
  return pace((nowMs) => nowMs < untilMs, 0.5);
}

function serverFrame(payload: Uint8Array): Buffer {
  const head = payload.byteLength < 126 ? Buffer.from([0x82, payload.byteLength]) : Buffer.from([0x82, 126, payload.byteLength >> 8, payload.byteLength & 255]);
  return Buffer.concat([head, payload]);
}

function welcome(): Uint8Array {
  const { userId } = baselineAccount();
  const { frameBytesMax, bodyBytesMax, openSendsPerChatMax, requestsInFlightMax, cursorsPerResumeMax, pullEntriesMax } = limits;
  const own = { frameBytesMax, bodyBytesMax, openSendsPerChatMax, requestsInFlightMax, cursorsPerResumeMax, pullEntriesMax };
  return encodeFrame({ kind: 'welcome', version: 1, userId, incarnation: 'micro', serverTimeMs: Date.now(), heartbeatMs: 600_000, ...own });
}

function entryOf(seq: number) {
  const { userId: author, deviceId: device } = baselineAccount();
  const body = Buffer.alloc(bodyBytes);
  writeBodyHead(body, 0, 1, 0, 0);
  const atMs = 1_795_000_000_000;
  return { chatId, seq, entryKind: entryKinds.message, author, device, number: atMs * 1_024, countable: 5, atMs, contentType: 'application/octet-stream', body };
}
