// The socket server on `ws`, in JavaScript alone: for machines on which the native library does not load.
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, Server } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket as NetSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { closes } from '../protocol/errors.ts';
import type { ListenSockets, Socket, SocketHandlers, SocketServer, SocketServerOptions } from './server.ts';
import { atOnce, frameBytesHardMax } from './server.ts';
import { TurnSocket, Turns } from './turns.ts';
import type { Denied } from './upgrade.ts';
import { addressText, denied, plainHttp, tooMany, upgradeRules } from './upgrade.ts';

/** Frames up to this are copied into one chunk per turn; larger ones are handed over as they are, shared by all who get them. */
const copyBytesMax = 4 * 1024;
/** Node reports that a stream has drained only when it had gone over its high-water mark: ours must be under every window's half. */
const highWaterBytesMax = 16 * 1024;
const ticksPerIdle = 4;

class PlainSocket extends TurnSocket {
  readonly #server: PlainServer;
  readonly #ws: WebSocket;
  readonly #wire: NetSocket;
  readonly remoteAddress: string;
  /** Lazily made: most sockets subscribe to nothing. */
  topics: Set<string> | undefined = undefined;
  #bytesHeard = 0;
  #quietTicks = 0;

  constructor(server: PlainServer, ws: WebSocket, wire: NetSocket) {
    super(server.turns.nextId(), server.turns);
    this.#server = server;
    this.#ws = ws;
    this.#wire = wire;
    this.remoteAddress = addressText(wire.remoteAddress ?? '');
  }

  subscribe(topic: string): void {
    if (!this.open) return;
    this.#server.subscribe(topic, this);
    this.topics ??= new Set();
    this.topics.add(topic);
  }

  unsubscribe(topic: string): void {
    if (this.topics?.delete(topic)) this.#server.unsubscribe(topic, this);
  }

  bufferedBytes(): number {
    return this.#wire.writableLength;
  }

  writeOut(): void {
    const { first, rest } = this;
    if (first === undefined) return;
    this.first = undefined;
    this.rest = undefined;
    if (this.#wire.destroyed) return;
    this.#wire.cork();
    if (rest === undefined) writeFrames(this.#wire, [first]);
    else writeFrames(this.#wire, [first, ...rest]);
    this.#wire.uncork();
  }

  finish(code: number, reason: string): void {
    this.#ws.close(code, reason);
    this.leaveTopics();
  }

  override lost(): void {
    this.leaveTopics();
    super.lost();
  }

  leaveTopics(): void {
    for (const topic of this.topics ?? []) this.#server.unsubscribe(topic, this);
    this.topics = undefined;
  }

  /** Called at even intervals, `ticksPerIdle` to an idle time-out. Bytes count, not messages: a large frame on a slow line is a sign of life too. */
  tick(): void {
    const heard = this.#wire.bytesRead;
    this.#quietTicks = heard === this.#bytesHeard ? this.#quietTicks + 1 : 0;
    this.#bytesHeard = heard;
    if (this.#quietTicks > ticksPerIdle) this.#ws.terminate();
    else if (this.#quietTicks === ticksPerIdle / 2) this.#ws.ping();
  }
}

class PlainServer implements SocketServer {
  readonly transport = 'ws';
  readonly turns: Turns;
  readonly #options: SocketServerOptions;
  readonly #http: Server;
  readonly #upgrades: WebSocketServer;
  /** Every socket whose connection stands, also those that we have closed and whose peer has not answered yet. */
  readonly #standing = new Map<WebSocket, PlainSocket>();
  /** Connections whose upgrade waits for its turn. */
  readonly #waiting = new Set<Duplex>();
  readonly #topics = new Map<string, Set<PlainSocket>>();
  readonly #ticking: NodeJS.Timeout;
  #accepting = true;
  #port = 0;

  constructor(options: SocketServerOptions, handlers: SocketHandlers, http: Server) {
    this.#options = options;
    this.#http = http;
    this.turns = new Turns(options.windowBytesMax, handlers, options.onFault ?? warn, setImmediate);
    const upgrades = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: frameBytesHardMax(options.frameBytesMax),
      handleProtocols: () => options.subprotocol, // offered: it has been checked
      closeTimeout: options.idleTimeoutMs, // a peer that does not answer our close frame
    };
    this.#upgrades = new WebSocketServer(upgrades);
    const rules = upgradeRules(options);
    http.on('request', (_request, response) => {
      response.writeHead(plainHttp.status, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close', ...headerOf(plainHttp) }).end(`${plainHttp.says}\n`);
    });
    http.on('upgrade', (request, wire, head) => {
      const { origin = '', 'sec-websocket-protocol': offered = '' } = request.headers;
      const refusal = denied(rules, { origin, offered, connections: this.#standing.size + this.#waiting.size, accepting: this.#accepting });
      if (refusal !== undefined) return answer(wire, refusal);
      const early = (): void => void wire.destroy(); // who is not let in yet has nothing to say
      const open = (): void => {
        this.#waiting.delete(wire);
        wire.off('data', early).off('end', early);
        this.#upgrades.handleUpgrade(request, wire, head, (ws) => this.#opened(ws, request)); // a wire that is gone is let go
      };
      this.#waiting.add(wire);
      wire.once('close', () => this.#waiting.delete(wire));
      wire.on('error', () => wire.destroy());
      if (!(options.admit ?? atOnce)(open)) answer(wire, tooMany);
      else if (this.#waiting.has(wire)) wire.on('data', early).on('end', early); // read, so that its end is noticed
    });
    this.#ticking = setInterval(() => this.#tick(), options.idleTimeoutMs / ticksPerIdle).unref();
  }

  get port(): number {
    return this.#port;
  }

  listen(): Promise<this> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#http.once('error', (cause) => {
        clearInterval(this.#ticking);
        reject(new Error(`Cannot listen for sockets on ${host}:${port}: it is taken, or no address of this machine.`, { cause }));
      });
      this.#http.listen(port, host, () => {
        this.#port = (this.#http.address() as AddressInfo).port;
        resolve(this);
      });
    });
  }

  subscribe(topic: string, socket: PlainSocket): void {
    const subscribers = this.#topics.get(topic);
    if (subscribers === undefined) this.#topics.set(topic, new Set([socket]));
    else subscribers.add(socket);
  }

  unsubscribe(topic: string, socket: PlainSocket): void {
    const subscribers = this.#topics.get(topic);
    subscribers?.delete(socket);
    if (subscribers?.size === 0) this.#topics.delete(topic);
  }

  publish(topic: string, frame: Uint8Array, except?: Socket): void {
    for (const socket of this.#topics.get(topic) ?? []) if (socket !== except && !socket.offer(frame)) socket.skipped(topic);
  }

  flush(): void {
    this.turns.flush();
  }

  connections(): number {
    return this.turns.connections;
  }

  stopListening(): void {
    if (this.#accepting) this.#http.close();
    this.#accepting = false;
  }

  async close(): Promise<void> {
    this.stopListening();
    this.flush();
    clearInterval(this.#ticking);
    const ended = [...this.#standing.keys()].map((ws) => new Promise((resolve) => ws.once('close', resolve)));
    for (const ws of this.#standing.keys()) ws.terminate();
    for (const wire of this.#waiting) wire.destroy();
    this.#http.closeAllConnections();
    await Promise.all(ended);
    await new Promise((told) => setImmediate(told)); // in order behind the turn in which the handlers hear of it
  }

  #tick(): void {
    for (const socket of this.#standing.values()) socket.tick();
  }

  #opened(ws: WebSocket, request: IncomingMessage): void {
    const { turns } = this;
    const socket = new PlainSocket(this, ws, request.socket);
    this.#standing.set(ws, socket);
    ws.on('message', (bytes: Buffer, isBinary) => {
      if (isBinary && bytes.byteLength <= this.#options.frameBytesMax) turns.received(socket, bytes);
      else if (isBinary) socket.close(closes.frameTooBig.code, closes.frameTooBig.says);
      else socket.close(closes.malformed.code, 'binary frames only');
    });
    ws.on('error', () => undefined); // 'close' follows, and says all there is to say
    ws.on('close', () => {
      this.#standing.delete(ws);
      socket.lost();
    });
    request.socket.on('drain', () => socket.relieved());
    turns.opened(socket);
  }
}

/** Server frames: whole, binary, unmasked. Written beside the library, which keeps no state between frames as long as nothing is compressed. */
function writeFrames(wire: NetSocket, frames: readonly Uint8Array[]): void {
  for (let next = 0; next < frames.length; ) {
    let small = 0;
    let end = next;
    for (; end < frames.length && (frames[end] as Uint8Array).byteLength <= copyBytesMax; end += 1)
      small += headerBytesOf(frames[end] as Uint8Array) + (frames[end] as Uint8Array).byteLength;
    const chunk = Buffer.allocUnsafe(small);
    let at = 0;
    for (; next < end; next += 1) {
      const frame = frames[next] as Uint8Array;
      at = writeHeader(chunk, at, frame.byteLength);
      chunk.set(frame, at);
      at += frame.byteLength;
    }
    if (small > 0) wire.write(chunk);
    const large = frames[next];
    if (large === undefined) return;
    const header = Buffer.allocUnsafe(headerBytesOf(large));
    writeHeader(header, 0, large.byteLength);
    wire.write(header);
    wire.write(large);
    next += 1;
  }
}

function headerBytesOf({ byteLength }: Uint8Array): number {
  return byteLength < 126 ? 2 : byteLength < 65_536 ? 4 : 10;
}

function writeHeader(into: Buffer, at: number, byteLength: number): number {
  into[at] = 0x82;
  if (byteLength < 126) return into.writeUInt8(byteLength, at + 1);
  if (byteLength < 65_536) return into.writeUInt16BE(byteLength, into.writeUInt8(126, at + 1));
  return into.writeBigUInt64BE(BigInt(byteLength), into.writeUInt8(127, at + 1));
}

function headerOf({ header }: Denied): Record<string, string> {
  return header === undefined ? {} : { [header[0]]: header[1] };
}

function answer(wire: Duplex, denial: Denied): void {
  const body = `${denial.says}\n`;
  const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': String(Buffer.byteLength(body)), Connection: 'close', ...headerOf(denial) };
  wire.on('error', () => wire.destroy());
  wire.end(
    `HTTP/1.1 ${denial.status} ${denial.title}\r\n${Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}\r\n${body}`,
  );
}

function warn(fault: unknown): void {
  process.emitWarning(fault instanceof Error ? fault : String(fault));
}

export const listenWs: ListenSockets = async (options, handlers) => {
  const { tls, windowBytesMax } = options;
  const stream = { highWaterMark: Math.min(highWaterBytesMax, Math.floor(windowBytesMax / 2)) };
  const http =
    tls === undefined ? createServer(stream) : createTlsServer({ ...stream, key: await readFile(tls.keyFile), cert: await readFile(tls.certFile), minVersion: 'TLSv1.2' });
  return new PlainServer(options, handlers, http).listen();
};
