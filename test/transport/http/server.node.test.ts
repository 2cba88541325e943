// The listener: whatever comes in on a connection, it answers or ends that one, and serves the others.
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { json, type RequestHandler } from '../../../src/transport/http/exchange.ts';
import { listenerLimits, listenHttp } from '../../../src/transport/http/server.node.ts';

const echo: RequestHandler = async (request) => {
  const body = await request.body();
  return typeof body === 'string'
    ? json(body === 'tooBig' ? 413 : 400, { body })
    : json(200, { length: body.byteLength, address: request.address, method: request.method, target: request.target });
};

async function listening(t: TestContext, handler: RequestHandler = echo, headersTimeoutMs = 10_000): Promise<number> {
  const { port, close } = await listenHttp({ host: '127.0.0.1', port: 0, handler, headersTimeoutMs });
  t.after(close);
  return port;
}

/** Everything that the server says until it ends the connection. */
async function said(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (part: string) => (text += part));
  socket.on('error', () => {});
  await new Promise<void>((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())));
  return text;
}

async function raw(port: number, bytes: string | Uint8Array): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes);
  return said(socket);
}

function later<Value>(): { readonly promise: Promise<Value>; resolve(value: Value): void } {
  let resolve: (value: Value) => void = () => {};
  const promise = new Promise<Value>((settle) => (resolve = settle));
  return { promise, resolve };
}

async function stillServes(port: number): Promise<void> {
  assert.equal((await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'x' })).status, 200);
}

test('a request arrives with its method, target, address and body', async (t) => {
  const port = await listening(t);
  const response = await fetch(`http://127.0.0.1:${port}/a?b=c`, { method: 'POST', body: 'hello' });
  assert.deepEqual(await response.json(), { length: 5, address: '127.0.0.1', method: 'POST', target: '/a?b=c' });
});

test('bytes that are not HTTP get 400 and the end of their connection, nobody else does', async (t) => {
  const port = await listening(t);
  for (const bytes of [
    'nonsense\r\n\r\n',
    '\u0000\u0001\u0002\u0003\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ]) {
    assert.match(await raw(port, bytes), /^HTTP\/1\.1 400 /, JSON.stringify(bytes));
  }
  await stillServes(port);
});

test('a head over the limit gets 431', async (t) => {
  const port = await listening(t);
  assert.match(await raw(port, `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(listenerLimits.headerBytesMax)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
  await stillServes(port);
});

test('a peer that does not finish its head is cut off in time', async (t) => {
  const port = await listening(t, echo, 100);
  assert.match(await raw(port, 'GET / HTTP/1.1\r\nHost: x\r\nSlow: '), /^HTTP\/1\.1 408 /);
  await stillServes(port);
});

test('a body up to the limit arrives whole, one byte more is too big, and the connection goes on', async (t) => {
  const port = await listening(t);
  const post = (length: number, last: boolean) => `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n${last ? 'Connection: close\r\n' : ''}\r\n${'x'.repeat(length)}`;
  const answers = await raw(port, post(listenerLimits.bodyBytesMax + 1, false) + post(listenerLimits.bodyBytesMax, true));
  assert.deepEqual(answers.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 413', 'HTTP/1.1 200']);
});

test('a body without an end is answered and cut off', async (t) => {
  const port = await listening(t);
  const socket = connect(port, '127.0.0.1');
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', more);
  more();
  const answer = await said(socket);
  // The answer may be lost on the way when the connection ends under a peer that still writes.
  if (answer !== '') assert.match(answer, /^HTTP\/1\.1 413 /);
  await stillServes(port);
});

test('a request that is refused unread does not spoil the next one on its connection', async (t) => {
  const port = await listening(t, async ({ target }) => json(target === '/refused' ? 401 : 200, {}));
  const body = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
  const answers = await raw(port, `POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  assert.deepEqual(answers.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 401', 'HTTP/1.1 200']);
});

test('a peer that leaves in the middle of its body harms nobody', async (t) => {
  const left = later<string>();
  const port = await listening(t, async (request) => {
    const body = await request.body();
    if (typeof body === 'string') left.resolve(body);
    return json(200, {});
  });
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf', () => socket.resetAndDestroy());
  assert.equal(await left.promise, 'gone');
  await stillServes(port);
});

test('a handler that fails is answered 500', async (t) => {
  const port = await listening(t, () => Promise.reject(new Error('a bug')));
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 500);
});

test('a port that is taken is a fault at the start', async (t) => {
  const port = await listening(t);
  await assert.rejects(listenHttp({ host: '127.0.0.1', port, handler: echo }), { code: 'EADDRINUSE' });
});

test('closing answers what is under way and takes nothing new', async () => {
  const asked = later<void>();
  const go = later<void>();
  const { port, close } = await listenHttp({
    host: '127.0.0.1',
    port: 0,
    async handler() {
      asked.resolve();
      await go.promise;
      return json(200, {});
    },
  });
  const answer = fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
  await asked.promise;
  const closed = close();
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
  go.resolve();
  assert.equal((await answer).status, 200);
  await closed;
});
