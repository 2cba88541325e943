// A WebSocket server as the rest of Parley sees it, whatever library stands behind.

/** One open socket. Frames given to it leave in order; writes of one turn of the event loop leave together. */
export interface Socket {
  /** Unique in this process, for as long as it runs. */
  readonly id: number;
  readonly remoteAddress: string;
  /** For the handlers' own use. */
  data: unknown;
  /**
   * Queues a binary frame; the bytes must not change afterwards. False, and nothing queued, when more than `windowBytesMax` already waits
   * (the reader is too slow): `drained` is called once there is room. Nothing happens on a socket that is closed.
   */
  send(frame: Uint8Array): boolean;
  /** Makes `publish` to that topic reach this socket. A socket that is over its window when something is published is skipped and told by `skipped`. */
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** What was queued leaves first, then the close frame. */
  close(code: number, reason: string): void;
}

export interface SocketHandlers {
  opened(socket: Socket): void;
  /** `bytes` are the library's: copy what outlives the call. */
  received(socket: Socket, bytes: Uint8Array): void;
  /** After a `send` that returned false or a `skipped`: there is room again. */
  drained(socket: Socket): void;
  /** A published frame was left out for this socket. Never called from within `publish`. */
  skipped(socket: Socket, topic: string): void;
  /** The socket is gone, whoever closed it. Called once. */
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
  /** A larger message closes the socket with 4413 (or 1009 where the library closes by itself). */
  readonly frameBytesMax: number;
  readonly windowBytesMax: number;
  /** No byte from the peer for this long: closed. The server pings in time for a live peer to answer. */
  readonly idleTimeoutMs: number;
  readonly connectionsMax: number;
}

/** Contract: test/transport/server.contract.ts. */
export interface SocketServer {
  readonly transport: 'uws' | 'ws';
  readonly port: number;
  /** To every socket subscribed to the topic, but for `except`. One frame, encoded once. */
  publish(topic: string, frame: Uint8Array, except?: Socket): void;
  /** Writes out what this turn has queued; also happens by itself at the end of the turn. */
  flush(): void;
  connections(): number;
  /** No new ones; the open ones go on. */
  stopListening(): void;
  close(): Promise<void>;
}

export type ListenSockets = (options: SocketServerOptions, handlers: SocketHandlers) => Promise<SocketServer>;
