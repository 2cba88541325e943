// A way between a client and a server that a test can cut, stall, slow and measure.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class TcpProxy {
  /** Bytes that came from clients, and bytes that went to them. */
  readonly bytes = { toServer: 0, toClient: 0 };
  readonly #server: Server;
  readonly #pairs = new Set<readonly [client: Socket, server: Socket]>();
  #isCut = false;
  #stalled = { toServer: false, toClient: false };
  #delayMs = 0;
  /** Chunks that came late because of `slow`. */
  delayed = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(target: { readonly port: number; readonly host?: string }): Promise<TcpProxy> {
    const proxy: TcpProxy = new TcpProxy(createServer((client) => proxy.#join(client, connect(target.port, target.host ?? '127.0.0.1'))));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Breaks all connections, and new ones, until `mend`. */
  cut(): void {
    this.#isCut = true;
    this.breakAll();
  }

  mend(): void {
    this.#isCut = false;
  }

  /** Breaks the connections that there are; new ones get through. */
  breakAll(): void {
    for (const [client, server] of this.#pairs) {
      reset(client);
      reset(server);
    }
  }

  /** Nothing is passed on in that direction until `flow`; connections stay. */
  stall(direction: 'toServer' | 'toClient'): void {
    this.#stalled[direction] = true;
    for (const [client, server] of this.#pairs) (direction === 'toServer' ? client : server).pause();
  }

  flow(): void {
    this.#stalled = { toServer: false, toClient: false };
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
  }

  /** What comes from now on arrives that much later, in either direction and in order; 0: at once again, behind what is still on its way. */
  slow(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, server: Socket): void {
    if (this.#isCut) {
      server.destroy();
      return reset(client);
    }
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    this.#pass('toServer', client, server);
    this.#pass('toClient', server, client);
    for (const socket of pair)
      socket
        .on('error', () => undefined) // 'close' follows
        .on('close', () => {
          this.#pairs.delete(pair);
          client.destroy();
          server.destroy();
        });
    if (this.#stalled.toServer) client.pause();
    if (this.#stalled.toClient) server.pause();
  }

  #pass(direction: 'toServer' | 'toClient', from: Socket, to: Socket): void {
    from.setNoDelay(true);
    const write = (chunk: Buffer): void => {
      if (to.destroyed || to.write(chunk)) return;
      from.pause();
      to.once('drain', () => void (this.#stalled[direction] || from.resume()));
    };
    const late = new Late();
    from.on('data', (chunk) => {
      this.bytes[direction] += chunk.length;
      if (this.#delayMs > 0) this.delayed += 1;
      late.after(this.#delayMs, () => write(chunk));
    });
    from.on('end', () => late.after(this.#delayMs, () => to.end()));
  }
}

/** Jobs that are done after a while, one after the other: a later one with a shorter wait does not overtake. */
class Late {
  readonly #waiting: { readonly dueMs: number; readonly job: () => void }[] = [];
  #lastDueMs = 0;

  after(delayMs: number, job: () => void): void {
    const nowMs = performance.now();
    if (delayMs === 0 && this.#waiting.length === 0) return job();
    this.#lastDueMs = Math.max(this.#lastDueMs, nowMs + delayMs);
    this.#waiting.push({ dueMs: this.#lastDueMs, job });
    if (this.#waiting.length === 1) this.#wait();
  }

  #wait(): void {
    const next = this.#waiting[0];
    if (next === undefined) return;
    setTimeout(() => {
      while ((this.#waiting[0]?.dueMs ?? Number.POSITIVE_INFINITY) <= performance.now()) this.#waiting.shift()?.job();
      this.#wait();
    }, next.dueMs - performance.now());
  }
}

/**
 * Breaks it at once. Not by resetAndDestroy(): that sends an end first, and a socket that is destroyed or breaks before the system has taken the end is then never let
 * go of by Node (22.23): its process spins when it should be over.
 */
function reset(socket: Socket): void {
  const isEnding = socket.writableEnded && !socket.writableFinished;
  if (!isEnding && !socket.connecting) (socket as { resetAndClosing?: boolean }).resetAndClosing = true; // one that is ending can only be closed
  socket.destroy();
}
