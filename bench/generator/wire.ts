// A connection on a bare socket: every read of every connection lands in one static buffer, so receiving allocates nothing; what a turn has to write leaves in one write.
import { writeSync } from 'node:fs';
import { connect, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

export interface Address {
  readonly host: string;
  readonly port: number;
  /** The certificate must be one that Node trusts (NODE_EXTRA_CA_CERTS names more). */
  readonly tls?: boolean;
}

/** What a connection tells its owner. */
export interface WireOwner {
  connected(): void;
  /** What one read brought: `bytes` from 0 to `count`, valid during the call only; `view` sees the same. An error thrown here ends the connection with its message. */
  read(bytes: Buffer, view: DataView, count: number): void;
  /** For whatever reason. Called once. */
  ended(why: string): void;
}

const inboxBytes = 256 * 1024;
const inbox = Buffer.allocUnsafeSlow(inboxBytes); // shared: libuv reads into it and hands it to the callback in one go
const inboxView = new DataView(inbox.buffer, inbox.byteOffset, inbox.byteLength);

/** When the read that is being walked returned, on the clock of `performance.now()`. */
export let readAtMs = 0;

/** What a server sent that we cannot follow. */
export class FramingBroken extends Error {}

const dirty: Wire[] = [];

/** Writes what this turn has queued; happens by itself at the end of the turn, or earlier for who is about to rest. */
export function flushSockets(): void {
  for (const socket of dirty) socket.flush();
  dirty.length = 0;
}

export class Wire {
  readonly #socket: Socket;
  readonly #owner: WireOwner;
  readonly #tls: boolean;
  readonly #queued: Uint8Array[] = [];
  /** Undefined where bytes have to go through the stream. */
  #fd: number | undefined;
  #over = false;
  #why = 'the connection was closed';

  constructor({ host, port, tls }: Address, owner: WireOwner) {
    this.#owner = owner;
    this.#tls = tls === true;
    const onread = { buffer: inbox, callback: (count: number) => this.#read(count) };
    this.#socket = tls ? connectTls({ host, port, servername: isIP(host) ? '' : host, onread } as ConnectionOptions) : connect({ host, port, noDelay: true, onread });
    this.#socket.once(tls ? 'secureConnect' : 'connect', () => {
      this.#fd = tls ? undefined : fdOf(this.#socket);
      owner.connected();
    });
    this.#socket.on('error', (error) => {
      this.#why = error.message;
    });
    this.#socket.once('close', () => this.#end());
  }

  /** Queues bytes that must not change afterwards. */
  write(bytes: Uint8Array): void {
    if (this.#queued.push(bytes) > 1) return;
    if (dirty.push(this) === 1) setImmediate(flushSockets);
  }

  /** At once, before what is queued. */
  writeNow(bytes: Uint8Array | string): void {
    this.#socket.write(bytes);
  }

  /** Only `flushSockets` calls this. */
  flush(): void {
    const queued = this.#queued;
    const bytes = queued.length === 1 ? (queued[0] as Uint8Array) : Buffer.concat(queued);
    queued.length = 0;
    const written = this.#fd === undefined || this.#socket.destroyed || this.#socket.writableLength > 0 ? 0 : writtenAtOnce(this.#fd, bytes);
    if (written < bytes.byteLength) this.#socket.write(written === 0 ? bytes : bytes.subarray(written));
  }

  /** Ends the connection at once; `ended` follows. */
  destroy(why = 'we closed it'): void {
    this.#why = why;
    this.#fd = undefined;
    this.#socket.destroy();
  }

  /** Reset instead of the closing handshake: leaves no port behind in TIME_WAIT. */
  reset(): void {
    this.#why = 'we reset it';
    this.#fd = undefined;
    if (this.#tls)
      this.#socket.destroy(); // TLS knows no reset
    else this.#socket.resetAndDestroy();
  }

  #read(count: number): boolean {
    readAtMs = performance.now();
    try {
      this.#owner.read(inbox, inboxView, count);
    } catch (error) {
      if (!(error instanceof FramingBroken)) throw error;
      this.destroy(error.message);
    }
    return true;
  }

  #end(): void {
    this.#fd = undefined; // it may soon be another's
    if (this.#over) return;
    this.#over = true;
    this.#owner.ended(this.#why);
  }
}

/** How many of the bytes the system has taken: past the stream, which takes three times as long for it. What is wrong with the connection the stream will find out. */
function writtenAtOnce(fd: number, bytes: Uint8Array): number {
  try {
    return writeSync(fd, bytes);
  } catch {
    return 0;
  }
}

function fdOf(socket: Socket): number | undefined {
  const fd = (socket as unknown as { readonly _handle?: { readonly fd?: number } })._handle?.fd;
  return fd !== undefined && fd >= 0 ? fd : undefined;
}
