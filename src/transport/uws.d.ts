// The part of uWebSockets.js that server.uws.ts and the bench's baseline use; the package comes without types in the form that we depend on.

export interface UwsSocket<Extra> {
  /** 0: taken, but the system did not take all of it · 1: written or corked · 2: dropped, over maxBackpressure. */
  send(message: Uint8Array | ArrayBuffer, isBinary: boolean, compress?: boolean): 0 | 1 | 2;
  /** Writes made inside leave together. */
  cork(write: () => void): void;
  getBufferedAmount(): number;
  subscribe(topic: string): boolean;
  unsubscribe(topic: string): boolean;
  /** To every subscriber but this socket. */
  publish(topic: string, message: Uint8Array | ArrayBuffer, isBinary: boolean): boolean;
  /** The close frame after all that was written. `close` of the behaviour is called before this returns. */
  end(code: number, reason: string): void;
  /** At once. */
  close(): void;
  getRemoteAddress(): ArrayBuffer;
  /** The object itself, to which the keys of what `upgrade` was given have been copied. */
  getUserData(): this & Extra;
}

export interface UwsResponse {
  writeStatus(status: string): this;
  writeHeader(name: string, value: string): this;
  end(body: string, closeConnection?: boolean): this;
  /** Must be called before the handler returns by who answers later. Nothing of the response may be touched once it has been called back. */
  onAborted(gone: () => void): this;
  /** Reads nothing more from the connection, until `resume`; nor is it noticed then that the peer has gone. */
  pause(): void;
  resume(): void;
  upgrade(userData: object, key: string, subprotocol: string, extensions: string, context: unknown): void;
}

export interface UwsRequest {
  /** '' when the request has none. */
  getHeader(lowerCaseName: string): string;
}

/** Every `ws` carries the keys of Extra itself. Exceptions thrown from any of these end the process. */
export interface UwsBehavior<Extra> {
  maxPayloadLength: number;
  /** Seconds: 0 or 8 to 960. */
  idleTimeout: number;
  sendPingsAutomatically: boolean;
  maxBackpressure: number;
  closeOnBackpressureLimit: boolean;
  compression: number;
  upgrade(response: UwsResponse, request: UwsRequest, context: unknown): void;
  open(ws: UwsSocket<Extra> & Extra): void;
  /** The buffer is detached when the handler returns. */
  message(ws: UwsSocket<Extra> & Extra, message: ArrayBuffer, isBinary: boolean): void;
  drain?(ws: UwsSocket<Extra> & Extra): void;
  /** Neither unsubscribe nor close here: the process dies of it. */
  dropped?(ws: UwsSocket<Extra> & Extra, message: ArrayBuffer, isBinary: boolean): void;
  /** Every method of `ws` throws from now on. */
  close(ws: UwsSocket<Extra> & Extra, code: number, reason: ArrayBuffer): void;
}

export interface UwsApp {
  ws<Extra>(pattern: string, behavior: UwsBehavior<Extra>): this;
  /** Hears of each connection before its first request (1), and of its end unless it was upgraded (-1). */
  filter(handler: (connection: UwsResponse, comes: 1 | -1) => void): this;
  any(pattern: string, handler: (response: UwsResponse, request: UwsRequest) => void): this;
  publish(topic: string, message: Uint8Array | ArrayBuffer, isBinary: boolean): boolean;
  /** The token is false when the address can't be had. */
  listen(host: string, port: number, options: number, listening: (token: object | false) => void): this;
  /** All at once: listening and open sockets. */
  close(): this;
}

export interface Uws {
  App(): UwsApp;
  SSLApp(options: { key_file_name: string; cert_file_name: string }): UwsApp;
  us_socket_local_port(token: object): number;
  us_listen_socket_close(token: object): void;
  readonly DISABLED: number;
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number;
}
