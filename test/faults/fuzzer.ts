// Sends nearly valid frames for as long as there are any to send, under one of its accounts after the other: in batches, each followed by a ping, whose answer shows that all before it were dealt with.

import { clientFrame } from '../../bench/generator/framing.ts';
import { type Endpoint, FramedSocket, type SocketOwner } from '../../bench/generator/socket.ts';
import { decodeToDevice, encodeFrame } from '../../src/protocol/codec.ts';
import type { Account } from '../e2e/accounts.ts';
import { helloOf } from '../e2e/device.ts';
import { type FrameSource, isWellFormed, mutated } from './mutations.ts';

export interface Persona {
  readonly account: Account;
  readonly source: FrameSource;
}

/** What has been sent, dealt with and answered, by all fuzzers together. */
export interface Tally {
  /** Frames that still may be taken to be sent. */
  left: number;
  /** On authenticated sockets, each a mutation of a valid frame; the server has dealt with them. */
  authenticated: number;
  /** First frames of sockets that say no good hello. */
  strangers: number;
  malformed: number;
  readonly closes: Map<string, number>;
  readonly answers: Map<string, number>;
}

const batchMax = 24;
/** So many frames out of a thousand are malformed and close their socket: connecting again costs a hundred times a frame. The others get past the decoder. */
const malformedPerThousand = 15;
const barrierBase = 2 ** 45;
const answerMsMax = 30_000;

export class Fuzzer {
  readonly #endpoint: Endpoint;
  readonly #personas: readonly Persona[];
  readonly #tally: Tally;
  #barrier = barrierBase;

  constructor(endpoint: Endpoint, personas: readonly Persona[], tally: Tally) {
    this.#endpoint = endpoint;
    this.#personas = personas;
    this.#tally = tally;
  }

  /** Until none is left. Rejects when a socket is neither answered nor closed. */
  async run(): Promise<void> {
    for (let nth = 0; this.#tally.left > 0; nth += 1) await this.#connection(this.#personas[nth % this.#personas.length] as Persona);
  }

  /** One socket, from its hello to its end. */
  async #connection({ account, source }: Persona): Promise<void> {
    const tally = this.#tally;
    const socket = new Conversation(this.#endpoint, tally);
    await socket.isOpen;
    socket.write(encodeFrame(helloOf(account)));
    if ((await socket.until('welcome', 0)) === 'closed') return;
    while (tally.left > 0) {
      const { frames, ends } = batchOf(source, tally);
      for (const frame of frames) socket.write(frame);
      if (!ends) socket.write(encodeFrame({ kind: 'ping', request: (this.#barrier += 1) }));
      const came = ends ? await socket.untilClosed() : await socket.until('pong', this.#barrier);
      // A socket that was closed at another frame than the last has not dealt with all of them: they are not counted.
      if (ends || came === 'answered') tally.authenticated += frames.length;
      else tally.left += frames.length;
      if (ends) tally.malformed += 1;
      if (came === 'closed') return;
    }
    socket.end();
  }
}

/** Up to `batchMax` frames; `ends`: the last one is malformed and closes the socket. */
function batchOf(source: FrameSource, tally: Tally): { readonly frames: readonly Uint8Array[]; readonly ends: boolean } {
  const frames: Uint8Array[] = [];
  while (frames.length < batchMax && tally.left > 0) {
    const good = source.seeded.below(1_000) >= malformedPerThousand;
    tally.left -= 1;
    frames.push(frameOf(source, good));
    if (!good) return { frames, ends: true };
  }
  return { frames, ends: false };
}

function frameOf(source: FrameSource, good: boolean): Uint8Array {
  for (;;) {
    const frame = mutated(source);
    if (isWellFormed(frame) === good) return frame;
  }
}

/** A socket whose first frame is no good hello: closed with a code, whatever it was. */
export async function stranger(endpoint: Endpoint, first: Uint8Array, tally: Tally): Promise<void> {
  const socket = new Conversation(endpoint, tally);
  await socket.isOpen;
  socket.write(first);
  await socket.untilClosed();
  tally.strangers += 1;
}

/** What is said on one socket. Keeps no frame; counts what kind of answers came. */
class Conversation implements SocketOwner {
  readonly isOpen: Promise<void>;
  readonly #socket: FramedSocket;
  readonly #tally: Tally;
  readonly #waiting: Uint8Array[] = [];
  #opens: () => void = () => {};
  #wish: { readonly kind: string; readonly request: number; readonly settle: (came: 'answered' | 'closed') => void } | undefined;
  #closed = false;

  constructor(endpoint: Endpoint, tally: Tally) {
    this.#tally = tally;
    this.isOpen = new Promise((resolve) => (this.#opens = resolve));
    this.#socket = new FramedSocket(endpoint, this);
  }

  /** Leaves with all others of this turn. */
  write(frame: Uint8Array): void {
    if (this.#waiting.push(clientFrame(frame)) === 1) queueMicrotask(() => this.#socket.write(Buffer.concat(this.#waiting.splice(0))));
  }

  /** Resolves when that frame has come or the server has closed. */
  until(kind: string, request: number): Promise<'answered' | 'closed'> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return resolve('closed');
      const timer = setTimeout(() => reject(new Error(`a socket was neither answered nor closed within ${answerMsMax} ms; it waits for ${kind} ${request}`)), answerMsMax);
      this.#wish = {
        kind,
        request,
        settle: (came) => {
          clearTimeout(timer);
          this.#wish = undefined;
          resolve(came);
        },
      };
    });
  }

  async untilClosed(): Promise<'closed'> {
    await this.until('close', -1);
    return 'closed';
  }

  end(): void {
    this.#socket.reset();
  }

  opened(): void {
    this.#opens();
  }

  frame(bytes: Buffer, _view: DataView, start: number, end: number): void {
    const frame = decodeToDevice(bytes.subarray(start, end));
    const name = frame.kind === 'refused' ? `refused ${frame.code} ${frame.why}` : frame.kind;
    count(this.#tally.answers, name);
    const wish = this.#wish;
    if (wish === undefined) return;
    const request = frame.kind === 'welcome' ? 0 : 'request' in frame ? frame.request : undefined;
    // The ping itself may be refused, which answers it as well.
    if ((frame.kind === wish.kind || (frame.kind === 'refused' && wish.request >= barrierBase)) && request === wish.request) wish.settle('answered');
    else if (frame.kind === 'lagging' && wish.kind === 'pong') this.write(encodeFrame({ kind: 'ping', request: wish.request })); // the answer may have been left out
  }

  ended(why: string): void {
    this.#closed = true;
    if (why !== 'we reset it') count(this.#tally.closes, /^closed by the server: (\d+)/.exec(why)?.[1] ?? why);
    this.#wish?.settle('closed');
  }
}

function count(map: Map<string, number>, name: string): void {
  map.set(name, (map.get(name) ?? 0) + 1);
}
