// The control of every figure: bare uWebSockets.js that decodes the same frames and passes them on. A map of users and native publish to rooms; no store, no order, no identity.
// Run as `node bench/baseline.ts [--port N] [--plain]`; prints {"port": N} once it listens, ends on SIGTERM. With --plain every frame is written from within the handler, as most programs on this
// library do it; without, a turn's frames gather per socket first, which carries several times as much.
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { decodeFromDevice, encodeEntryFrame, encodeFrame, encodeShared, type FromDevice, type ToDevice } from '../src/protocol/codec.ts';
import { limits } from '../src/protocol/limits.ts';
import { type Entry, entryKinds, type Send } from '../src/protocol/messages.ts';
import { protocolVersion, subprotocol } from '../src/protocol/version.ts';
import { type ChatId, type DeviceId, idFrom, type UserId } from '../src/structures/ids.ts';
import type { Uws, UwsSocket } from '../src/transport/uws.d.ts';

/** One socket: who it says it is, and what this turn of the event loop has for it. */
interface Peer {
  userId: UserId;
  deviceId: DeviceId;
  readonly waiting: Uint8Array[];
  gone: boolean;
}

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' }, host: { type: 'string', default: '127.0.0.1' }, plain: { type: 'boolean', default: false } } });
/** The library puts the peer's keys on the socket itself. */
type Member = UwsSocket<Peer> & Peer;

const exclusivePort = 1; // LIBUS_LISTEN_EXCLUSIVE_PORT
const library = createRequire(import.meta.url)('@uwsjs/linux-x64-22') as Uws;
const users = new Map<UserId, Member>();
const dirty: Member[] = [];
const rooms: { readonly from: Member; readonly topic: string; readonly frame: Uint8Array }[] = [];
let seq = 0; // one for all chats: it fills the frame, and orders nothing
let groups = 0;

/** Frames for one socket leave in one write at the end of the turn: under load that saves most system calls. */
function queue(ws: Member, frame: Uint8Array): void {
  if (values.plain) {
    ws.send(frame, true);
    return;
  }
  const { waiting } = ws;
  if (waiting.length === 0) {
    flushSoon();
    dirty.push(ws);
  }
  waiting.push(frame);
}

/** Publishing from within the message handler, whose cork is taken, would cost a system call per member and message; at the end of the turn the library gathers them per member. */
function publish(from: Member, topic: string, frame: Uint8Array): void {
  if (values.plain) {
    from.publish(topic, frame, true);
    return;
  }
  flushSoon();
  rooms.push({ from, topic, frame });
}

function flushSoon(): void {
  if (dirty.length === 0 && rooms.length === 0) setImmediate(flush);
}

function flush(): void {
  for (const { from, topic, frame } of rooms) if (!from.gone) from.publish(topic, frame, true); // not to the sender
  rooms.length = 0;
  for (const ws of dirty) {
    const { waiting } = ws;
    if (waiting.length === 1) ws.send(waiting[0] as Uint8Array, true);
    else if (waiting.length > 1)
      ws.cork(() => {
        for (const frame of waiting) ws.send(frame, true);
      });
    waiting.length = 0;
  }
  dirty.length = 0;
}

function answer(ws: Member, frame: ToDevice): void {
  ws.send(encodeShared(frame), true);
}

function send(ws: Member, { chatId, number, contentType, body, peer }: Send): void {
  const { userId, deviceId } = ws;
  const atMs = Date.now();
  seq += 1;
  const entry: Entry = { chatId, seq, entryKind: entryKinds.message, author: userId, device: deviceId, number, countable: seq, atMs, contentType, body };
  queue(ws, encodeFrame({ kind: 'sent', number, chatId, seq, atMs }));
  if (peer === null) {
    publish(ws, chatId, encodeEntryFrame(entry));
    return;
  }
  const to = users.get(peer);
  if (to !== undefined) queue(to, encodeEntryFrame(entry));
}

function onFrame(ws: Member, frame: FromDevice): void {
  switch (frame.kind) {
    case 'hello':
      return hello(ws, frame.deviceId);
    case 'send':
      return send(ws, frame);
    case 'createGroup':
      return createGroup(ws, frame.number, frame.userIds);
    case 'addMembers':
      for (const userId of frame.userIds) users.get(userId)?.subscribe(frame.chatId);
      return answer(ws, { kind: 'sent', number: frame.number, chatId: frame.chatId, seq: ++seq, atMs: Date.now() });
    case 'ping':
      return answer(ws, { kind: 'pong', request: frame.request, serverTimeMs: Date.now() });
    case 'resume':
      return answer(ws, { kind: 'moved', request: frame.request, rows: [], last: true });
    default: // `delivered` among them: decoded, and that is all
  }
}

function hello(ws: Member, deviceId: DeviceId): void {
  ws.deviceId = deviceId;
  ws.userId = `u${deviceId.slice(1)}` as UserId; // no identity: the bench names a baseline's user after its device
  users.set(ws.userId, ws);
  answer(ws, {
    kind: 'welcome',
    version: protocolVersion,
    userId: ws.userId,
    incarnation: 'baseline',
    serverTimeMs: Date.now(),
    heartbeatMs: 30_000,
    frameBytesMax: limits.frameBytesMax,
    bodyBytesMax: limits.bodyBytesMax,
    openSendsPerChatMax: limits.openSendsPerChatMax,
    requestsInFlightMax: limits.requestsInFlightMax,
    cursorsPerResumeMax: limits.cursorsPerResumeMax,
    pullEntriesMax: limits.pullEntriesMax,
  });
}

function createGroup(ws: Member, number: number, userIds: readonly UserId[]): void {
  groups += 1;
  const chatId: ChatId = idFrom<'chat'>('g', Buffer.from(groups.toString(16).padStart(30, '0'), 'hex'));
  ws.subscribe(chatId);
  for (const userId of userIds) users.get(userId)?.subscribe(chatId);
  seq += 1;
  answer(ws, { kind: 'sent', number, chatId, seq, atMs: Date.now() });
}

library
  .App()
  .ws<Peer>('/*', {
    compression: library.DISABLED,
    idleTimeout: 120,
    sendPingsAutomatically: true,
    maxPayloadLength: limits.frameBytesMax,
    maxBackpressure: 64 * 1024 * 1024,
    closeOnBackpressureLimit: false,
    upgrade(response, request, context) {
      const peer: Peer = { userId: '' as UserId, deviceId: '' as DeviceId, waiting: [], gone: false };
      response.upgrade(peer, request.getHeader('sec-websocket-key'), subprotocol, request.getHeader('sec-websocket-extensions'), context);
    },
    open() {},
    message(ws, message) {
      const frame = decodeFromDevice(new Uint8Array(message));
      if (frame.kind !== 'unknown') onFrame(ws, frame);
    },
    close(ws) {
      ws.gone = true;
      ws.waiting.length = 0;
      if (users.get(ws.userId) === ws) users.delete(ws.userId);
    },
  })
  .listen(values.host, Number(values.port), exclusivePort, (token) => {
    if (token === false) throw new Error('the port is taken');
    process.stdout.write(`${JSON.stringify({ port: library.us_socket_local_port(token) })}\n`);
  });
process.on('SIGTERM', () => process.exit(0));
