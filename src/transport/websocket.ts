// A device's socket from its hello to its end: one command for its session per frame. Knows no socket library.
import type { Entities } from '../actors/runtime/actor.ts';
import type { Connections } from '../actors/session.ts';
import { decodeFromDevice, encodeFrame, type FromDevice, Malformed, type Unknown } from '../protocol/codec.ts';
import type { Welcome } from '../protocol/connection.ts';
import { type CloseWhy, closes } from '../protocol/errors.ts';
import { limits } from '../protocol/limits.ts';
import { protocolVersion } from '../protocol/version.ts';
import type { Random } from '../structures/clock.ts';
import type { ChatId, DeviceId, UserId } from '../structures/ids.ts';
import { type Attached, type HelloNeeds, Hellos } from './hellos.ts';
import type { Socket, SocketHandlers, SocketServer } from './server.ts';
import { Together } from './together.ts';

export interface WebSocketNeeds extends Omit<HelloNeeds, 'attach' | 'end' | 'counts'> {
  readonly entities: Entities;
  readonly incarnation: string;
  readonly heartbeatMs: number;
  /** Undefined while new connections are taken; else why not. */
  closedFor(): 'draining' | undefined;
  readonly counts: { framesIn: number; framesOut: number; framesPublished: number; authFailures: number };
}

/** All sockets of a node: what the socket server calls, and what the sessions act through. */
export class DeviceSockets implements SocketHandlers, Connections {
  readonly #needs: WebSocketNeeds;
  readonly #hellos: Hellos;
  /** Those whose hello was good; their `data` is Attached. */
  readonly #open = new Map<number, Socket>();
  readonly #together = new Together((chatId, frame, except) => this.#publish(chatId, frame, except));
  #server: SocketServer | undefined;
  #emptied: () => void = () => undefined;

  constructor(needs: WebSocketNeeds) {
    this.#needs = needs;
    this.#hellos = new Hellos({
      ...needs,
      attach: (socket, whose, behind) => this.#attach(socket, whose, behind),
      end: (socket, why) => this.#end(socket, why),
    });
  }

  /** To be called once the server listens. */
  serve(server: SocketServer): void {
    this.#server = server;
  }

  /** Calls `open`; resolves when the socket that it opens is welcome, or need not be waited for. */
  opening(open: () => void): Promise<void> {
    return this.#hellos.opening(open);
  }

  opened(socket: Socket): void {
    const why = this.#needs.closedFor();
    if (why === undefined) this.#hellos.opened(socket);
    else this.#end(socket, why);
  }

  received(socket: Socket, raw: Uint8Array): void {
    this.#needs.counts.framesIn += 1;
    const frame = this.#decoded(socket, raw);
    if (frame === undefined) return;
    const attached = socket.data as Attached | undefined;
    if (attached === undefined) this.#hellos.received(socket, frame);
    else this.#needs.entities.tell('session', attached.userId, { kind: 'fromDevice', connection: socket.id, frame });
  }

  drained(socket: Socket): void {
    this.#tellSession(socket, 'drained');
  }

  skipped(socket: Socket): void {
    this.#tellSession(socket, 'full');
  }

  closed(socket: Socket): void {
    this.#hellos.forget(socket);
    this.#open.delete(socket.id);
    this.#tellSession(socket, 'detach');
    if (this.#open.size === 0) this.#emptied();
  }

  send(connection: number, bytes: Uint8Array): boolean {
    this.#needs.counts.framesOut += 1;
    return this.#open.get(connection)?.send(bytes) ?? true;
  }

  subscribe(connection: number, chatId: ChatId): void {
    this.#together.leave(chatId);
    this.#open.get(connection)?.subscribe(chatId);
  }

  unsubscribe(connection: number, chatId: ChatId): void {
    this.#together.leave(chatId); // it hears what came before
    this.#open.get(connection)?.unsubscribe(chatId);
  }

  /** Leaves with `flush`. */
  publish(chatId: ChatId, bytes: Uint8Array, except: number | undefined): void {
    this.#together.add(chatId, bytes, except);
  }

  /** Writes what this turn has for the sockets. */
  flush(): void {
    this.#together.leaveAll();
    this.#server?.flush();
  }

  close(connection: number, why: CloseWhy): void {
    this.#open.get(connection)?.close(closes[why].code, closes[why].says);
  }

  /** Tells every device to connect again after a moment of its own of up to `spreadMs`: at one of the addresses, or, where there is none, at the one that it knows. */
  moveAll(spreadMs: number, random: Random, urls: readonly string[] = []): void {
    for (const socket of this.#open.values()) {
      const url = urls[Math.floor(random() * urls.length)] ?? null;
      socket.send(encodeFrame({ kind: 'move', afterMs: Math.floor(random() * spreadMs), url }));
    }
  }

  /** Resolves once all devices have gone, or after so long. */
  gone(msMax: number): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#needs.clock.after(msMax, resolve);
      this.#emptied = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  closeAll(why: CloseWhy): void {
    for (const socket of [...this.#hellos.sockets(), ...this.#open.values()]) this.#end(socket, why);
  }

  /** A device was logged out: a hello of it that is being checked must not pass. */
  revoked(deviceId: DeviceId): void {
    this.#hellos.revoked(deviceId);
  }

  #attach(socket: Socket, whose: Attached, behind: readonly (FromDevice | Unknown)[]): void {
    const { entities } = this.#needs;
    const { userId, deviceId } = whose;
    socket.data = whose;
    this.#open.set(socket.id, socket);
    entities.tell('session', userId, { kind: 'attach', deviceId, connection: socket.id, welcome: this.#welcome(userId) });
    for (const frame of behind) entities.tell('session', userId, { kind: 'fromDevice', connection: socket.id, frame });
  }

  #end(socket: Socket, why: CloseWhy): void {
    this.#hellos.forget(socket);
    socket.close(closes[why].code, closes[why].says);
  }

  #decoded(socket: Socket, raw: Uint8Array): FromDevice | Unknown | undefined {
    if (raw.byteLength > limits.frameBytesMax) {
      this.#end(socket, 'frameTooBig');
      return undefined;
    }
    try {
      return decodeFromDevice(raw);
    } catch (fault) {
      if (!(fault instanceof Malformed)) throw fault;
      this.#hellos.forget(socket);
      socket.close(closes.malformed.code, fault.message); // says which field is wrong
      return undefined;
    }
  }

  #publish(chatId: ChatId, frame: Uint8Array, except: number | undefined): void {
    this.#needs.counts.framesPublished += 1;
    this.#server?.publish(chatId, frame, except === undefined ? undefined : this.#open.get(except));
  }

  #tellSession(socket: Socket, kind: 'drained' | 'full' | 'detach'): void {
    const attached = socket.data as Attached | undefined;
    if (attached !== undefined) this.#needs.entities.tellIfAwake('session', attached.userId, { kind, connection: socket.id });
  }

  #welcome(userId: UserId): Welcome {
    const { incarnation, clock, heartbeatMs } = this.#needs;
    const { frameBytesMax, bodyBytesMax, openSendsPerChatMax, requestsInFlightMax, cursorsPerResumeMax, pullEntriesMax } = limits;
    return {
      kind: 'welcome',
      version: protocolVersion,
      userId,
      incarnation,
      serverTimeMs: clock.nowMs(),
      heartbeatMs,
      frameBytesMax,
      bodyBytesMax,
      openSendsPerChatMax,
      requestsInFlightMax,
      cursorsPerResumeMax,
      pullEntriesMax,
    };
  }
}
