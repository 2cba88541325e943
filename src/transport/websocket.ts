// A device's socket from its first byte to its last: hello, then one command for its session per frame. Knows no socket library.
import type { Connections } from '../actors/session.ts';
import type { Entities } from '../actors/runtime/actor.ts';
import { decodeFromDevice, encodeFrame, type FromDevice, Malformed, type Unknown } from '../protocol/codec.ts';
import type { Hello, Welcome } from '../protocol/connection.ts';
import { type CloseWhy, closes } from '../protocol/errors.ts';
import { limits } from '../protocol/limits.ts';
import { protocolVersion } from '../protocol/version.ts';
import type { Clock, Random } from '../structures/clock.ts';
import type { DeviceId, UserId } from '../structures/ids.ts';
import type { Socket, SocketHandlers, SocketServer } from './server.ts';

export interface WebSocketNeeds {
  readonly entities: Entities;
  readonly clock: Clock;
  readonly incarnation: string;
  readonly heartbeatMs: number;
  readonly helloTimeoutMs: number;
  verifyAccess(token: string): Judged | Promise<Judged>;
  /** Whether the device is still logged in. */
  deviceGood(userId: UserId, deviceId: DeviceId, tokenIssuedAtMs: number): Promise<boolean>;
  /** Undefined while new connections are taken; else why not. */
  closedFor(): 'draining' | undefined;
  readonly counts: { framesIn: number; framesOut: number; framesPublished: number; authFailures: number };
  /** A fault that cost a connection, for the log. */
  onFault(fault: unknown): void;
}
type Judged = { readonly userId: UserId; readonly deviceId: DeviceId; readonly issuedAtMs: number } | 'wrong' | 'expired';

/** What a socket carries in `data`: nothing yet known, being checked, or whose it is. */
interface Attached {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
}
interface Pending {
  readonly sinceMs: number;
  /** Frames that came while the token was being checked. */
  readonly waiting: (FromDevice | Unknown)[];
  /** Whose token is being checked. */
  checking: DeviceId | undefined;
  /** It was logged out while that was under way. */
  revoked: boolean;
}

/** Frames that a device may send before its welcome. */
const waitingMax = 64;

export interface DeviceSockets {
  readonly handlers: SocketHandlers;
  readonly connections: Connections;
  /** To be called once the server listens. */
  serve(server: SocketServer): void;
  /** Tells every device to connect again, elsewhere or here, after a moment of its own of up to `spreadMs`. */
  moveAll(spreadMs: number, random: Random): void;
  closeAll(why: CloseWhy): void;
  /** A device was logged out: a hello of it that is being checked must not pass. */
  revoked(deviceId: DeviceId): void;
  /** How many sockets have not said a good hello yet. */
  pending(): number;
}

export function deviceSockets(needs: WebSocketNeeds): DeviceSockets {
  const { entities, clock, counts } = needs;
  const open = new Map<number, Socket>();
  const pending = new Map<Socket, Pending>();
  let server: SocketServer | undefined;
  let sweeping = false;

  function sweep(): void {
    const before = clock.nowMs() - needs.helloTimeoutMs;
    for (const [socket, { sinceMs }] of pending) if (sinceMs <= before) end(socket, 'helloTimeout');
    sweeping = pending.size > 0;
    if (sweeping) clock.after(1_000, sweep);
  }

  function end(socket: Socket, why: CloseWhy): void {
    pending.delete(socket);
    socket.close(closes[why].code, closes[why].says);
  }

  function received(socket: Socket, raw: Uint8Array): void {
    counts.framesIn += 1;
    const frame = decoded(socket, raw);
    if (frame === undefined) return;
    const attached = socket.data as Attached | undefined;
    if (attached !== undefined) return entities.tell('session', attached.userId, { kind: 'fromDevice', connection: socket.id, frame });
    const waits = pending.get(socket);
    if (waits === undefined) return; // closing
    if (waits.checking !== undefined) {
      if (waits.waiting.length < waitingMax) waits.waiting.push(frame);
      else end(socket, 'unauthenticated');
    } else if (frame.kind === 'hello') {
      waits.checking = frame.deviceId;
      hello(socket, frame, waits).catch((fault: unknown) => {
        needs.onFault(fault);
        end(socket, 'internal');
      });
    } else {
      counts.authFailures += 1;
      end(socket, 'unauthenticated');
    }
  }

  function decoded(socket: Socket, raw: Uint8Array): FromDevice | Unknown | undefined {
    if (raw.byteLength > limits.frameBytesMax) {
      end(socket, 'frameTooBig');
      return undefined;
    }
    try {
      return decodeFromDevice(raw);
    } catch (fault) {
      if (!(fault instanceof Malformed)) throw fault;
      pending.delete(socket);
      socket.close(closes.malformed.code, fault.message.slice(0, 120));
      return undefined;
    }
  }

  async function hello(socket: Socket, frame: Hello, waits: Pending): Promise<void> {
    if (frame.version < 1) return end(socket, 'versionUnknown');
    const judged = needs.verifyAccess(frame.token);
    const verified = judged instanceof Promise ? await judged : judged;
    const why = (await objection(verified, frame, needs)) ?? (waits.revoked ? 'loggedOut' : undefined);
    if (why !== undefined) {
      counts.authFailures += 1;
      return end(socket, why);
    }
    if (!pending.delete(socket)) return; // gone meanwhile
    const { userId, deviceId } = verified as Attached;
    socket.data = { userId, deviceId } satisfies Attached;
    open.set(socket.id, socket);
    entities.tell('session', userId, { kind: 'attach', deviceId, connection: socket.id, welcome: welcome(userId, needs) });
    for (const next of waits.waiting) entities.tell('session', userId, { kind: 'fromDevice', connection: socket.id, frame: next });
  }

  const handlers: SocketHandlers = {
    opened(socket) {
      const why = needs.closedFor();
      if (why !== undefined) return end(socket, why);
      pending.set(socket, { sinceMs: clock.nowMs(), waiting: [], checking: undefined, revoked: false });
      if (!sweeping) clock.after(1_000, sweep);
      sweeping = true;
    },
    received,
    drained: (socket) => tellSession(socket, 'drained'),
    skipped: (socket) => tellSession(socket, 'full'),
    closed(socket) {
      pending.delete(socket);
      open.delete(socket.id);
      tellSession(socket, 'detach');
    },
  };

  function tellSession(socket: Socket, kind: 'drained' | 'full' | 'detach'): void {
    const attached = socket.data as Attached | undefined;
    if (attached !== undefined) entities.tellIfAwake('session', attached.userId, { kind, connection: socket.id });
  }

  const connections: Connections = {
    send(connection, bytes) {
      counts.framesOut += 1;
      return open.get(connection)?.send(bytes) ?? true;
    },
    subscribe: (connection, chatId) => open.get(connection)?.subscribe(chatId),
    unsubscribe: (connection, chatId) => open.get(connection)?.unsubscribe(chatId),
    publish(chatId, bytes, except) {
      counts.framesPublished += 1;
      server?.publish(chatId, bytes, except === undefined ? undefined : open.get(except));
    },
    close: (connection, why) => open.get(connection)?.close(closes[why].code, closes[why].says),
  };

  return {
    handlers,
    connections,
    serve: (listening) => {
      server = listening;
    },
    moveAll(spreadMs, random) {
      for (const socket of open.values()) socket.send(encodeFrame({ kind: 'move', afterMs: Math.floor(random() * spreadMs) }));
    },
    closeAll(why) {
      for (const socket of [...pending.keys(), ...open.values()]) end(socket, why);
    },
    revoked(deviceId) {
      for (const waits of pending.values()) if (waits.checking === deviceId) waits.revoked = true;
    },
    pending: () => pending.size,
  };
}

async function objection(verified: Judged, frame: Hello, { deviceGood }: WebSocketNeeds): Promise<CloseWhy | undefined> {
  if (verified === 'expired') return 'tokenExpired';
  if (verified === 'wrong' || verified.deviceId !== frame.deviceId) return 'unauthenticated';
  return (await deviceGood(verified.userId, verified.deviceId, verified.issuedAtMs)) ? undefined : 'loggedOut';
}

function welcome(userId: UserId, { incarnation, clock, heartbeatMs }: WebSocketNeeds): Welcome {
  const { frameBytesMax, bodyBytesMax, openSendsPerChatMax, requestsInFlightMax, cursorsPerResumeMax, pullEntriesMax } = limits;
  return {
    kind: 'welcome', version: protocolVersion, userId, incarnation, serverTimeMs: clock.nowMs(), heartbeatMs,
    frameBytesMax, bodyBytesMax, openSendsPerChatMax, requestsInFlightMax, cursorsPerResumeMax, pullEntriesMax,
  };
}
