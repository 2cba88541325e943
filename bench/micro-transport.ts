// What the socket port costs beside its libraries: an echo on one core and idle sockets, for bare uWebSockets.js and for both of our servers, in one run.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket as Wire } from 'node:net';
import { availableParallelism } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loadUws } from '../src/transport/load.uws.ts';
import { chooseTransport } from '../src/transport/server.choice.ts';
import type { SocketHandlers } from '../src/transport/server.ts';

const kinds = ['bare', 'uws', 'ws'] as const;
type Kind = (typeof kinds)[number];

const subprotocol = 'parley.v1';
const bodyBytes = 100;
const echoBytes = 2 + bodyBytes;
const frameBytesMax = 128 * 1024;
const windowBytesMax = 256 * 1024;
const settleMs = 3_000;
const connectsAtOnce = 200;

interface Usage {
  readonly cpuMs: number;
  readonly rssBytes: number;
}

async function serve(kind: Kind): Promise<void> {
  const port = kind === 'bare' ? await serveBare() : await serveOurs(kind);
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuMs: (user + system) / 1_000, rssBytes: process.memoryUsage.rss() } satisfies Usage);
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ port });
}

/** The least that the library can be asked to do. */
function serveBare(): Promise<number> {
  const { uws } = loadUws();
  const app = uws.App().ws('/*', {
    compression: uws.DISABLED,
    maxPayloadLength: frameBytesMax,
    idleTimeout: 120,
    sendPingsAutomatically: true,
    maxBackpressure: windowBytesMax,
    closeOnBackpressureLimit: false,
    upgrade: (response, request, context) => response.upgrade({}, request.getHeader('sec-websocket-key'), request.getHeader('sec-websocket-protocol'), '', context),
    open: () => undefined,
    message: (ws, message) => void ws.send(message, true, false),
    close: () => undefined,
  });
  return new Promise((resolve, reject) => {
    app.listen('127.0.0.1', 0, 0, (token) => (token === false ? reject(new Error('cannot listen')) : resolve(uws.us_socket_local_port(token))));
  });
}

async function serveOurs(kind: 'uws' | 'ws'): Promise<number> {
  const nothing = (): void => undefined;
  const handlers: SocketHandlers = { opened: nothing, received: (socket, bytes) => void socket.send(Buffer.from(bytes)), drained: nothing, skipped: nothing, closed: nothing };
  const options = { host: '127.0.0.1', port: 0, origins: '*', subprotocol, frameBytesMax, windowBytesMax, idleTimeoutMs: 120_000, connectionsMax: 100_000 } as const;
  const { port } = await chooseTransport(kind).listen(options, handlers);
  return port;
}

class Server {
  readonly #process: ChildProcess;
  readonly port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#process = child;
    this.port = port;
  }

  /** On a core of its own where there is more than one; the generator is on another. */
  static async start(kind: Kind): Promise<Server> {
    const command = [process.execPath, import.meta.filename, '--serve', kind];
    const pinned = process.platform === 'linux' && availableParallelism() > 1 ? ['taskset', '-c', '0', ...command] : command;
    const child = spawn(pinned[0] as string, pinned.slice(1), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return new Server(child, port);
  }

  async usage(): Promise<Usage> {
    this.#process.send('usage');
    const [usage] = (await once(this.#process, 'message')) as [Usage];
    return usage;
  }

  async stop(): Promise<void> {
    const gone = once(this.#process, 'exit');
    this.#process.disconnect();
    await gone;
  }
}

async function upgraded(port: number): Promise<Wire> {
  const wire = connect({ port, host: '127.0.0.1', noDelay: true });
  const key = Buffer.alloc(16, 1).toString('base64');
  wire.write(
    `GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`,
  );
  const [answer] = (await once(wire, 'data')) as [Buffer];
  if (!answer.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(`no upgrade: ${answer.toString('latin1').split('\r\n')[0]}`);
  return wire;
}

async function upgradedMany(port: number, count: number): Promise<Wire[]> {
  const wires: Wire[] = [];
  while (wires.length < count) wires.push(...(await Promise.all(Array.from({ length: Math.min(connectsAtOnce, count - wires.length) }, () => upgraded(port)))));
  return wires;
}

/** Frames as a client must send them, masked; a mask of zeros changes nothing. */
function framesOf(count: number): Buffer {
  const one = Buffer.concat([Buffer.of(0x82, 0x80 | bodyBytes, 0, 0, 0, 0), Buffer.alloc(bodyBytes, 7)]);
  return Buffer.concat(Array.from({ length: count }, () => one));
}

interface Echoed {
  readonly messagesPerSecond: number;
  readonly cpuMicrosPerMessage: number;
  readonly utilisation: number;
}

/** Closed loop: each connection sends `atOnce` frames in one write, and the next ones when all have come back. */
async function echo(kind: Kind, connections: number, atOnce: number, seconds: number): Promise<Echoed> {
  const server = await Server.start(kind);
  const wires = await upgradedMany(server.port, connections);
  const frames = framesOf(atOnce);
  let echoed = 0;
  for (const wire of wires) {
    let missing = atOnce * echoBytes;
    wire.on('data', (bytes) => {
      missing -= bytes.length;
      if (missing > 0) return;
      echoed += atOnce;
      missing = atOnce * echoBytes;
      wire.write(frames);
    });
    wire.write(frames);
  }
  await pause(1_000); // until the code is hot
  const [before, since, from] = [await server.usage(), performance.now(), echoed];
  await pause(seconds * 1_000);
  const [after, tookMs, count] = [await server.usage(), performance.now() - since, echoed - from];
  for (const wire of wires) wire.destroy();
  await server.stop();
  const cpuMs = after.cpuMs - before.cpuMs;
  return { messagesPerSecond: (count / tookMs) * 1_000, cpuMicrosPerMessage: (cpuMs * 1_000) / count, utilisation: cpuMs / tookMs };
}

/** Bytes of RSS that one idle socket adds. */
async function idle(kind: Kind, sockets: number): Promise<number> {
  const server = await Server.start(kind);
  const warm = await upgradedMany(server.port, connectsAtOnce); // what the first sockets load is not theirs
  const before = await server.usage();
  const wires = await upgradedMany(server.port, sockets);
  await pause(settleMs);
  const after = await server.usage();
  for (const wire of [...warm, ...wires]) wire.destroy();
  await server.stop();
  return (after.rssBytes - before.rssBytes) / sockets;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

async function measure(rounds: number, seconds: number, sockets: number): Promise<void> {
  for (const [connections, atOnce] of [
    [500, 1],
    [50, 16],
  ] as const) {
    const runs: Record<Kind, Echoed[]> = { bare: [], uws: [], ws: [] };
    // In turn, so that a slow minute of the machine meets all of them.
    for (let round = 0; round < rounds; round += 1) for (const kind of kinds) runs[kind].push(await echo(kind, connections, atOnce, seconds));
    const bareCpu = median(runs.bare.map(({ cpuMicrosPerMessage }) => cpuMicrosPerMessage));
    for (const kind of kinds) {
      const of = (name: keyof Echoed): number => median(runs[kind].map((run) => run[name]));
      const cpuMicrosPerMessage = of('cpuMicrosPerMessage');
      report('echo', kind, {
        connections,
        atOnce,
        messagesPerSecond: Math.round(of('messagesPerSecond')),
        cpuMicrosPerMessage,
        serverUtilisation: of('utilisation'),
        share: bareCpu / cpuMicrosPerMessage,
      });
    }
  }
  const perSocket: Record<Kind, number[]> = { bare: [], uws: [], ws: [] };
  for (let round = 0; round < rounds; round += 1) for (const kind of kinds) perSocket[kind].push(await idle(kind, sockets));
  for (const kind of kinds) report('idle', kind, { sockets, rssPerSocketBytes: Math.round(median(perSocket[kind])) });
}

function report(what: string, kind: Kind, figures: Record<string, number>): void {
  console.log(JSON.stringify({ what, server: kind, ...Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Math.round(value * 100) / 100])) }));
}

const { values } = parseArgs({
  options: { serve: { type: 'string' }, rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '3' }, sockets: { type: 'string', default: '10000' } },
});
if (values.serve !== undefined) await serve(values.serve as Kind);
else await measure(Number(values.rounds), Number(values.seconds), Number(values.sockets));
