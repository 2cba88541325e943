// A WebSocket server as the rest of Parley sees it, whatever library stands behind.

/**
 * One open socket. Frames given to `send` leave in order; writes of one turn of the event loop leave together. A published frame may overtake
 * frames that were sent in the same turn, never those of a turn before.
 */
export interface Socket {
  /** Unique in this process, for as long as it runs. */
  readonly id: number;
  /** IPv4 in dotted form, also when it came mapped into IPv6. Asked of the system when first read: '' if that is after the end. */
  readonly remoteAddress: string;
  /** For the handlers' own use. */
  data: unknown;
  /**
   * Queues a binary frame; the bytes must not change afterwards. False, and nothing queued, when more than `windowBytesMax` already waits
   * (the reader is too slow): `drained` is called once there is room, that is when at most half of the window waits. On a socket that is closed
   * nothing happens, and the answer is true.
   */
  send(frame: Uint8Array): boolean;
  /** Makes `publish` to that topic reach this socket. A socket that is over its window when something is published is skipped and told by `skipped`. */
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** What was queued leaves first, then the close frame. From now on nothing is received; `closed` follows, but never from within this call. A reason is cut at 123 bytes. */
  close(code: number, reason: string): void;
}

export interface SocketHandlers {
  opened(socket: Socket): void;
  /** `bytes` are the library's: copy what outlives the call. */
  received(socket: Socket, bytes: Uint8Array): void;
  /** After a `send` that returned false or a `skipped`: there is room again. */
  drained(socket: Socket): void;
  /** A published frame was left out for this socket. Once per turn and topic, never from within `publish`. `topic` is '' where the library does not say which. */
  skipped(socket: Socket, topic: string): void;
  /** The socket is gone, whoever closed it. Called once, for every socket that was `opened`, and last. */
  closed(socket: Socket): void;
}

export interface SocketServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly tls?: { readonly keyFile: string; readonly certFile: string };
  /** `*`, or the origins (scheme://host[:port]) that a browser may come from; a request without an Origin header is no browser and passes. Others get 403 at the upgrade. */
  readonly origins: readonly string[] | '*';
  readonly subprotocol: string;
  /** A larger message closes the socket with 4413. One over `frameBytesHardMax` ends it before it has arrived, with 1009 or, in uWebSockets.js, without a close frame. */
  readonly frameBytesMax: number;
  readonly windowBytesMax: number;
  /** No byte from the peer for this long: closed. The server pings in time for a live peer to answer. uWebSockets.js counts whole seconds, from 8 to 960, in steps of 4. */
  readonly idleTimeoutMs: number;
  /** One more is answered 503 with Retry-After at the upgrade. */
  readonly connectionsMax: number;
  /**
   * Lets a connection come: within the call, or when its turn comes; false: too many wait, and it is answered like one connection too many. A connection that is let come
   * may still be refused, or never ask. Without it all are let come at once.
   */
  readonly admit?: (open: () => void) => boolean;
  /** Hears of every exception that a handler has thrown; that socket has been closed with 4500. Without it the process prints a warning. */
  readonly onFault?: (fault: unknown) => void;
}

/** What the library takes into memory of one message, in multiples of `frameBytesMax`: the room in which a device that overdoes it is told so with 4413. */
export const frameBytesHardMax = (frameBytesMax: number): number => 4 * frameBytesMax;

export function atOnce(open: () => void): boolean {
  open();
  return true;
}

/** Contract: test/transport/server.contract.ts. */
export interface SocketServer {
  readonly transport: 'uws' | 'ws';
  readonly port: number;
  /** To every socket subscribed to the topic, but for `except`. One frame, encoded once. */
  publish(topic: string, frame: Uint8Array, except?: Socket): void;
  /** Writes out what this turn has queued; also happens by itself at the end of the turn. What is published, and in uWebSockets.js what joins it, leaves with the next poll of the event loop. */
  flush(): void;
  /** Open ones; `connectionsMax` counts also those that we have closed and whose peer has not let go yet. */
  connections(): number;
  /** No new ones; the open ones go on. */
  stopListening(): void;
  close(): Promise<void>;
}

export type ListenSockets = (options: SocketServerOptions, handlers: SocketHandlers) => Promise<SocketServer>;
