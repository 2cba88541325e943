// An HTTP listener on node:http: reads requests within limits, writes answers, survives whatever else comes in.
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { HttpRequest, RequestHandler } from './exchange.ts';
import { httpLimits } from './schemas.ts';

export const listenerLimits = {
  bodyBytesMax: httpLimits.bodyBytesMax,
  /** A body over the limit is read on, and thrown away, up to here: so that the answer reaches a client that writes first and reads then. */
  drainBytesMax: 256 * 1_024,
  headerBytesMax: 16 * 1_024,
  headersMax: 64,
  /** From the first byte of a request to the end of its head, and to its end. */
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 20_000,
  /** Between two requests of one connection. */
  keepAliveMs: 60_000,
  requestsPerConnectionMax: 10_000,
  connectionsMax: 10_000,
  /** How long `close` waits for answers that are under way. */
  closeMs: 5_000,
} as const;

export interface ListenHttpOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly handler: RequestHandler;
  readonly tls?: { readonly keyFile: string; readonly certFile: string };
  /** For tests and for unusual networks. */
  readonly headersTimeoutMs?: number;
}

export interface HttpListener {
  readonly port: number;
  /** No new requests; those under way are answered first, for up to `closeMs`. */
  close(): Promise<void>;
}

/** Rejects when it can't listen, or can't read the key or the certificate. */
export async function listenHttp(options: ListenHttpOptions): Promise<HttpListener> {
  const { host, port, handler, tls, headersTimeoutMs = listenerLimits.headersTimeoutMs } = options;
  const settings = {
    maxHeaderSize: listenerLimits.headerBytesMax,
    headersTimeout: headersTimeoutMs,
    requestTimeout: Math.max(headersTimeoutMs, listenerLimits.requestTimeoutMs),
    keepAliveTimeout: listenerLimits.keepAliveMs,
    connectionsCheckingInterval: Math.min(5_000, headersTimeoutMs),
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => void serve(handler, request, response);
  const server: Server =
    tls === undefined
      ? createServer(settings, onRequest)
      : createTlsServer({ ...settings, key: await readFile(tls.keyFile), cert: await readFile(tls.certFile), minVersion: 'TLSv1.3' }, onRequest);
  server.maxHeadersCount = listenerLimits.headersMax;
  server.maxRequestsPerSocket = listenerLimits.requestsPerConnectionMax;
  server.maxConnections = listenerLimits.connectionsMax;
  server.on('clientError', refuseMalformed);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

async function serve(handler: RequestHandler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.on('error', () => {}); // the peer left while we wrote: nobody to tell
  const { status, headers, body } = await handler(requestOf(request)).catch(() => ({ status: 500, headers: {}, body: '' }));
  if (response.destroyed) return;
  // What was not read of the body stands before the next request: Node throws it away after the answer, and we let it do so where that is not much.
  const little = request.complete || (request.headers['transfer-encoding'] === undefined && Number(request.headers['content-length'] ?? 0) <= listenerLimits.drainBytesMax);
  response.writeHead(status, { ...headers, ...(status !== 204 && { 'content-length': String(Buffer.byteLength(body)) }), ...(!little && { connection: 'close' }) });
  response.end(body);
}

function requestOf(request: IncomingMessage): HttpRequest {
  const headers = request.headers as Record<string, string | undefined>; // those that Node gives as lists (set-cookie) are never asked for
  return { method: request.method ?? '', target: request.url ?? '', headers, address: request.socket.remoteAddress ?? '', body: () => bodyOf(request) };
}

function bodyOf(request: IncomingMessage): Promise<Uint8Array | 'tooBig' | 'gone'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= listenerLimits.bodyBytesMax) chunks.push(chunk);
      else chunks.length = 0;
      if (length > listenerLimits.drainBytesMax) resolve('tooBig');
    });
    request.on('end', () => resolve(length > listenerLimits.bodyBytesMax ? 'tooBig' : Buffer.concat(chunks)));
    request.on('error', () => resolve('gone'));
    request.on('close', () => resolve('gone')); // after `end` this changes nothing
  });
}

/** Bytes that are no HTTP, a head that is too large or too slow: answered in kind, and the connection ends. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const late = setTimeout(() => server.closeAllConnections(), listenerLimits.closeMs);
  await closed;
  clearTimeout(late);
}
