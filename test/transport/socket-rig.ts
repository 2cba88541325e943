// A socket server with handlers that write down what they hear, and real clients that connect to it.
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { ListenSockets, Socket, SocketHandlers, SocketServer, SocketServerOptions } from '../../src/transport/server.ts';

const patienceMs = 30_000;

/** Things that happened, in order, and a way to wait for the next one. */
export class Happenings<T> {
  readonly all: T[] = [];
  #taken = 0;
  #waiting: (() => void)[] = [];

  add(thing: T): void {
    this.all.push(thing);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** The first one that nobody has taken yet. */
  async next(): Promise<T> {
    await this.count(this.#taken + 1);
    this.#taken += 1;
    return this.all[this.#taken - 1] as T;
  }

  async count(least: number): Promise<void> {
    const tooLate = AbortSignal.timeout(patienceMs);
    while (this.all.length < least) {
      tooLate.throwIfAborted();
      await Promise.race([new Promise<void>((wake) => this.#waiting.push(wake)), delay(patienceMs, undefined, { signal: tooLate, ref: false })]);
    }
  }
}

export class Recorder implements SocketHandlers {
  readonly openings = new Happenings<Socket>();
  readonly frames = new Happenings<{ readonly socket: Socket; readonly bytes: Buffer }>();
  readonly drains = new Happenings<Socket>();
  readonly skips = new Happenings<{ readonly socket: Socket; readonly topic: string }>();
  readonly closings = new Happenings<Socket>();

  opened(socket: Socket): void {
    this.openings.add(socket);
  }
  received(socket: Socket, bytes: Uint8Array): void {
    this.frames.add({ socket, bytes: Buffer.from(bytes) });
  }
  drained(socket: Socket): void {
    this.drains.add(socket);
  }
  skipped(socket: Socket, topic: string): void {
    this.skips.add({ socket, topic });
  }
  closed(socket: Socket): void {
    this.closings.add(socket);
  }
}

export interface Ended {
  readonly code: number;
  readonly reason: string;
}

export interface Client {
  readonly ws: WebSocket;
  readonly messages: Happenings<Buffer>;
  readonly ended: Promise<Ended>;
}

export interface Rig<Handlers extends SocketHandlers> {
  readonly server: SocketServer;
  readonly handlers: Handlers;
  readonly faults: Happenings<unknown>;
  readonly url: string;
  connect(options?: WebSocket.ClientOptions): Promise<Client>;
  /** A client, and the server's side of it. */
  pair(handlers: Recorder): Promise<{ readonly client: Client; readonly socket: Socket }>;
}

export const subprotocol = 'parley.v1';

export const settings: SocketServerOptions = {
  host: '127.0.0.1',
  port: 0,
  origins: ['https://chat.example'],
  subprotocol,
  frameBytesMax: 128 * 1024,
  windowBytesMax: 256 * 1024,
  idleTimeoutMs: 60_000,
  connectionsMax: 100,
};

export async function connect(url: string, options: WebSocket.ClientOptions = {}, protocols: string | string[] = subprotocol): Promise<Client> {
  const ws = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
  const messages = new Happenings<Buffer>();
  ws.on('message', (bytes: Buffer) => messages.add(bytes));
  const ended = new Promise<Ended>((resolve) => ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() })));
  await new Promise((resolve, reject) => ws.once('open', resolve).once('error', reject));
  ws.on('error', () => undefined); // 'close' follows
  return { ws, messages, ended };
}

/** What the server says instead of an upgrade. */
export function refusal(
  url: string,
  options: WebSocket.ClientOptions = {},
  protocols: string | string[] = subprotocol,
): Promise<{ status: number; retryAfter?: string; text: string }> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url, protocols, options);
    ws.on('open', () => reject(new Error('was let in')));
    ws.on('error', reject);
    ws.on('unexpected-response', (_request, response) => {
      let text = '';
      response.on('data', (part: Buffer) => {
        text += part.toString();
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text, ...(response.headers['retry-after'] !== undefined && { retryAfter: response.headers['retry-after'] }) }),
      );
    });
  });
}

/** Listens for the length of one test. */
export async function rig<Handlers extends SocketHandlers>(
  t: TestContext,
  listen: ListenSockets,
  handlers: Handlers,
  options: Partial<SocketServerOptions> = {},
): Promise<Rig<Handlers>> {
  const faults = new Happenings<unknown>();
  const server = await listen({ ...settings, onFault: (fault) => faults.add(fault), ...options }, handlers);
  const clients: Client[] = [];
  t.after(async () => {
    for (const { ws } of clients) ws.terminate();
    await server.close();
  });
  const url = `${options.tls === undefined ? 'ws' : 'wss'}://127.0.0.1:${server.port}`;
  const join = async (how: WebSocket.ClientOptions = {}): Promise<Client> => {
    const client = await connect(url, how);
    clients.push(client);
    return client;
  };
  return {
    server,
    handlers,
    faults,
    url,
    connect: join,
    async pair(recorder) {
      const client = await join({});
      return { client, socket: await recorder.openings.next() };
    },
  };
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A frame that says which one it is. */
export function numbered(number: number, byteLength: number): Buffer {
  const frame = Buffer.alloc(byteLength, number & 0xff);
  frame.writeUInt32BE(number);
  return frame;
}
