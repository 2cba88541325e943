// The HTTP API over memory stores, served on the loopback, and how tests ask it.
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { type HttpNeeds, httpApi } from '../../../src/transport/http/api.ts';
import { listenHttp } from '../../../src/transport/http/server.node.ts';
import { type World, type WorldOptions, world } from '../../services/world.ts';

export interface Served {
  readonly world: World;
  readonly port: number;
  readonly logged: string[];
  readonly answered: [string, number][];
  ask(method: string, path: string, more?: AskMore): Promise<Answered>;
}

export interface AskMore {
  readonly body?: unknown;
  readonly token?: string;
  readonly headers?: Record<string, string>;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire; each test says what it expects of it
  readonly body: any;
}

export interface ServeOptions extends WorldOptions {
  readonly origins?: HttpNeeds['origins'];
  readonly behindProxy?: boolean;
}

export async function serve(t: TestContext, { origins = [], behindProxy = false, ...options }: ServeOptions = {}): Promise<Served> {
  const at = await world(options);
  const logged: string[] = [];
  const answered: [string, number][] = [];
  const handler = httpApi({
    ...at,
    rates: at.needs.rates,
    registration: at.needs.registration,
    socketUrl: (host) => `ws://${host ?? 'localhost'}/`,
    origins,
    behindProxy,
    nowMs: at.needs.nowMs,
    log: { error: (fields, text) => logged.push(`${text} ${JSON.stringify(fields, (_, value) => (value instanceof Error ? value.stack : value))}`) },
    answered: (operationId, status) => answered.push([operationId, status]),
  });
  const { port, close } = await listenHttp({ host: '127.0.0.1', port: 0, handler });
  t.after(close);
  return { world: at, port, logged, answered, ask: (method, path, more) => ask(port, method, path, more) };
}

export async function ask(port: number, method: string, path: string, { body, token, headers = {} }: AskMore = {}): Promise<Answered> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  return { status: response.status, headers: response.headers, body: isJson && text !== '' ? JSON.parse(text) : text };
}

export const password = 'correct horse';

/** Of a user that nobody else has; the tokens as they came. */
export async function newcomer({ ask: asks }: Served, handle = `u${randomBytes(6).toString('hex')}`): Promise<Answered['body']> {
  return (await asks('POST', '/v1/users', { body: { handle, password, deviceName: 'phone' } })).body;
}
