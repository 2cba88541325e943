// The socket server on uWebSockets.js: one native library between the network and the handlers, 1.5 KiB a socket.
import { access, constants } from 'node:fs/promises';
import { closes } from '../protocol/errors.ts';
import { NativeArrivals } from './arrivals.uws.ts';
import type { ListenSockets, Socket, SocketHandlers, SocketServer, SocketServerOptions } from './server.ts';
import { frameBytesHardMax } from './server.ts';
import { TurnSocket, Turns } from './turns.ts';
import { Undrained } from './undrained.uws.ts';
import { addressTextOf } from './upgrade.ts';
import type { Uws, UwsApp, UwsBehavior, UwsSocket } from './uws.d.ts';

/** What we hang on each native socket. */
interface Extra {
  parley: NativeSocket;
}
type Native = UwsSocket<Extra> & Extra;

const idleSecondsMin = 8;
const idleSecondsMax = 960;

class NativeSocket extends TurnSocket {
  readonly #server: NativeServer;
  /** Undefined from the end on: the native object throws at every touch. */
  #native: Native | undefined;
  #address: string | undefined = undefined;
  /** The library may hold bytes for this socket. While it surely does not it is not asked, which would cost a call for every frame. */
  #mayBuffer = false;
  /** Has ever had one: what is published may be held without a call of ours. */
  #hasTopics = false;
  /** A topic that nobody else has; undefined until it was of use. */
  #ownTopic: string | undefined = undefined;

  constructor(server: NativeServer, native: Native) {
    super(server.turns.nextId(), server.turns);
    this.#server = server;
    this.#native = native;
  }

  get remoteAddress(): string {
    if (this.#address === undefined && this.#native !== undefined) this.#address = addressTextOf(new Uint8Array(this.#native.getRemoteAddress()));
    return this.#address ?? '';
  }

  subscribe(topic: string): void {
    this.#hasTopics = true;
    this.#mayBuffer = true;
    if (this.open) this.#native?.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    if (this.open) this.#native?.unsubscribe(topic);
  }

  bufferedBytes(): number {
    if (this.#native === undefined || !this.#mayBuffer) return 0;
    const bytes = this.#native.getBufferedAmount();
    if (bytes === 0 && !this.#hasTopics) this.#mayBuffer = false;
    return bytes;
  }

  writeOut(): void {
    const native = this.#native;
    const frame = this.first;
    if (native === undefined || frame === undefined) return;
    if (this.#hasTopics && this.#joinPublished(native, frame)) return;
    const server = this.#server;
    server.writing = this;
    if (this.rest !== undefined) {
      native.cork(server.writeQueue);
      this.#mayBuffer = true; // it has left only now, or has not
    } else if (this.#write(native, frame)) this.first = undefined;
    else this.keepFrom(0);
    server.writing = undefined;
  }

  /**
   * Makes the frames of the turn part of what is published to this socket, which the library is about to write: a send would be a write of its own, before or after that one, even
   * within a cork (the library ends the cork when it hands over what was published). False where nothing was published, or where they could be dropped.
   */
  #joinPublished(native: Native, frame: Uint8Array): boolean {
    const { undrained } = this.#server;
    if (!this.open || undrained.bytes === 0 || this.waitingBytes + undrained.bytes > this.turns.windowBytesMax) return false;
    if (this.#ownTopic === undefined) {
      this.#ownTopic = `socket ${this.id}`;
      native.subscribe(this.#ownTopic);
    }
    this.#server.publish(this.#ownTopic, frame);
    for (const next of this.rest ?? []) this.#server.publish(this.#ownTopic, next);
    this.first = undefined;
    this.rest = undefined;
    return true;
  }

  /** Inside a cork: every frame of the turn. */
  writeQueue(): void {
    const native = this.#native;
    const rest = this.rest;
    if (native === undefined || this.first === undefined || rest === undefined) return;
    if (!this.#write(native, this.first)) return this.keepFrom(0);
    for (let i = 0; i < rest.length; i += 1) if (!this.#write(native, rest[i] as Uint8Array)) return this.keepFrom(i + 1);
    this.first = undefined;
    this.rest = undefined;
  }

  /** False when published frames have filled the library's own limit meanwhile: the frame was not taken. */
  #write(native: Native, frame: Uint8Array): boolean {
    const server = this.#server;
    server.drops = 0;
    const outcome = native.send(frame, true, false);
    if (outcome !== 1) this.#mayBuffer = true;
    const taken = outcome !== 2;
    // A send first hands over what is published to this socket, so a drop during it may be of either kind.
    if (server.drops > (taken ? 0 : 1)) this.skipped('');
    return taken;
  }

  finish(code: number, reason: string): void {
    if (this.isWritten()) this.#native?.end(code, reason);
    else this.#server.linger(this, code, reason);
  }

  /** Nothing is queued here, and the library would not drop the close frame as one too many. */
  isWritten(): boolean {
    return this.first === undefined && this.bufferedBytes() <= this.turns.windowBytesMax;
  }

  /** There is room for the close frame at last, or there is no more waiting for it. */
  end(code: number, reason: string): void {
    if (this.isWritten()) this.#native?.end(code, reason);
    else this.#native?.close();
  }

  override lost(): void {
    this.#native = undefined;
    super.lost();
  }

  publish(topic: string, frame: Uint8Array): boolean {
    if (this.#native === undefined) return false;
    this.#native.publish(topic, frame, true);
    return true;
  }
}

/** A closed socket whose queue or close frame still waits for room. */
interface Lingering {
  readonly code: number;
  readonly reason: string;
  readonly timeout: NodeJS.Timeout;
}

class NativeServer implements SocketServer {
  readonly transport = 'uws';
  readonly turns: Turns;
  readonly undrained = new Undrained(setImmediate);
  /** The socket that is just being written to, and how many frames the library has dropped for it meanwhile. */
  writing: NativeSocket | undefined = undefined;
  drops = 0;
  readonly #uws: Uws;
  readonly #app: UwsApp;
  readonly #options: SocketServerOptions;
  readonly #arrivals: NativeArrivals;
  readonly #lingering = new Map<NativeSocket, Lingering>();
  #listening: object | undefined = undefined;
  #port = 0;

  constructor(uws: Uws, options: SocketServerOptions, handlers: SocketHandlers) {
    this.#uws = uws;
    this.#options = options;
    this.#arrivals = new NativeArrivals(options);
    this.turns = new Turns(options.windowBytesMax, handlers, options.onFault ?? warn, setImmediate);
    this.#app = options.tls === undefined ? uws.App() : uws.SSLApp({ key_file_name: options.tls.keyFile, cert_file_name: options.tls.certFile });
    if (options.admit !== undefined) this.#app.filter((connection, comes) => comes === 1 && this.#arrivals.accepted(connection, this.#connections));
    this.#app.ws<Extra>('/*', this.#behavior()).any('/*', (response) => this.#arrivals.plain(response));
  }

  /** One for all sockets of a server, so that writing a turn makes no closure. */
  readonly writeQueue = (): void => this.writing?.writeQueue();

  get port(): number {
    return this.#port;
  }

  listen(): Promise<this> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      // Exclusive: without it a second server would silently share the port.
      this.#app.listen(host, port, this.#uws.LIBUS_LISTEN_EXCLUSIVE_PORT, (token) => {
        if (token === false) return reject(new Error(`Cannot listen for sockets on ${host}:${port}: it is taken, or no address of this machine.`));
        this.#listening = token;
        this.#port = this.#uws.us_socket_local_port(token);
        resolve(this);
      });
    });
  }

  publish(topic: string, frame: Uint8Array, except?: Socket): void {
    this.undrained.add(frame.byteLength);
    if (except instanceof NativeSocket && except.publish(topic, frame)) return;
    this.#app.publish(topic, frame, true);
  }

  flush(): void {
    this.turns.flush();
  }

  connections(): number {
    return this.turns.connections;
  }

  stopListening(): void {
    if (this.#listening !== undefined) this.#uws.us_listen_socket_close(this.#listening);
    this.#listening = undefined;
  }

  async close(): Promise<void> {
    this.stopListening();
    this.flush();
    this.#app.close(); // calls `close` of the behaviour for every open socket
    await new Promise((told) => setImmediate(told)); // in order behind the turn in which the handlers hear of it
  }

  /** For as long as an idle peer would be kept: one that reads nothing must not hold a closed socket open. */
  linger(socket: NativeSocket, code: number, reason: string): void {
    const timeout = setTimeout(() => this.#endLingering(socket), this.#options.idleTimeoutMs);
    this.#lingering.set(socket, { code, reason, timeout });
  }

  #endLingering(socket: NativeSocket): void {
    const lingering = this.#lingering.get(socket);
    if (lingering === undefined) return;
    this.#lingering.delete(socket);
    clearTimeout(lingering.timeout);
    socket.end(lingering.code, lingering.reason);
  }

  #behavior(): UwsBehavior<Extra> {
    const { frameBytesMax, windowBytesMax, idleTimeoutMs } = this.#options;
    const { turns } = this;
    return {
      compression: this.#uws.DISABLED,
      maxPayloadLength: frameBytesHardMax(frameBytesMax),
      idleTimeout: Math.min(Math.max(Math.ceil(idleTimeoutMs / 1_000), idleSecondsMin), idleSecondsMax),
      sendPingsAutomatically: true,
      maxBackpressure: windowBytesMax,
      closeOnBackpressureLimit: false,
      upgrade: (response, request, context) => this.#arrivals.upgrade({ response, request, context }, this.#connections, this.#listening !== undefined),
      open: (native) => {
        native.parley = new NativeSocket(this, native);
        turns.opened(native.parley);
      },
      message(native, message, isBinary) {
        const socket = native.parley;
        if (isBinary && message.byteLength <= frameBytesMax) turns.received(socket, new Uint8Array(message));
        else if (isBinary) socket.close(closes.frameTooBig.code, closes.frameTooBig.says);
        else socket.close(closes.malformed.code, 'binary frames only');
      },
      dropped: (native) => {
        if (native.parley === this.writing) this.drops += 1;
        else native.parley.skipped('');
      },
      drain: (native) => {
        const socket = native.parley;
        socket.relieved();
        if (!socket.open && socket.isWritten()) this.#endLingering(socket);
      },
      close: (native) => {
        native.parley.lost();
        this.#endLingering(native.parley);
      },
    };
  }

  get #connections(): number {
    return this.turns.connections + this.#lingering.size + this.#arrivals.waiting;
  }
}

function warn(fault: unknown): void {
  process.emitWarning(fault instanceof Error ? fault : String(fault));
}

export function uwsServer(uws: Uws): ListenSockets {
  return async (options, handlers) => {
    // The library says no more than that it could not; name the file.
    if (options.tls !== undefined) for (const file of [options.tls.keyFile, options.tls.certFile]) await access(file, constants.R_OK);
    return new NativeServer(uws, options, handlers).listen();
  };
}
