// Connects a node to NATS, and says what is wrong where that does not work.
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { type ConnectionOptions, connect, credsAuthenticator, errors, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node';
import type { Random } from '../structures/clock.ts';
import { messageBytesMax } from './envelope-codec.ts';
import { nodeIdMax } from './envelope-schema.ts';
import type { LinkOptions } from './link-settings.ts';

/** The node cannot start: the message says what to set. Holds no secret. */
export class LinkRefused extends Error {}

/** First tries end after this long, later ones are repeated without end. */
const connectMsMax = 5_000;
/** A server that has not answered two of them when the third is due is given up. */
const pingMs = 2_000;
const reconnectMs = [100, 1_000] as const;

export async function connectToNats(options: LinkOptions, node: string, random: Random): Promise<NatsConnection> {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(node) || node.length > nodeIdMax) throw new LinkRefused(`A node's id is of up to ${nodeIdMax} letters, digits, - and _: not "${node}".`);
  const where = `NATS at ${options.servers.join(', ')}`;
  let connection: NatsConnection;
  try {
    connection = await connect({
      ...loginOf(options),
      servers: [...options.servers],
      ...(options.tls && { tls: { ...options.tls } }),
      name: `parley ${node}`,
      noEcho: true, // what is for this node itself never takes the way through the server
      timeout: connectMsMax,
      pingInterval: pingMs,
      maxPingOut: 2,
      maxReconnectAttempts: -1,
      ignoreClusterUpdates: true, // the client (3.4.0) would try those that refuse it by turns, for ever, and never say so
      ignoreAuthErrorAbort: true, // credentials that were wrong for a moment must not end the node
      noAsyncTraces: true,
      reconnectDelayHandler: redialDelays(random),
    });
  } catch (cause) {
    throw new LinkRefused(`${where}: ${explained(cause, options)}`, { cause });
  }
  try {
    await tryRights(connection, options.prefix, node);
  } catch (cause) {
    await connection.close();
    throw cause instanceof LinkRefused ? new LinkRefused(`${where}: ${cause.message}`) : new LinkRefused(`${where}: ${explained(cause, options)}`, { cause });
  }
  return connection;
}

/**
 * How long after the last dial the next may begin. The client (3.4.0) reckons both by the machine's clock: after that was set back it would not dial until the clock is
 * again where it was, so what it went back, as the steady clock shows, is taken off.
 */
function redialDelays(random: Random): () => number {
  let aheadMs = Number.NEGATIVE_INFINITY; // the furthest that the machine's clock has been before the steady one
  return () => {
    const nowAheadMs = Date.now() - performance.now();
    aheadMs = Math.max(aheadMs, nowAheadMs);
    return reconnectMs[0] + Math.floor(random() * (reconnectMs[1] - reconnectMs[0])) - (aheadMs - nowAheadMs);
  };
}

/**
 * Breaks a connection on which the server answers no more, so that the client dials again. Left alone, the client (3.4.0) first waits until the system has taken
 * all that it had written, which a way that is dead never lets happen.
 */
export function giveUp(connection: NatsConnection): void {
  const { protocol } = connection as unknown as { readonly protocol?: { readonly transport?: { readonly socket?: Socket } } };
  protocol?.transport?.socket?.destroy();
}

function loginOf({ login }: LinkOptions): ConnectionOptions {
  switch (login.by) {
    case 'nothing':
      return {};
    case 'password':
      return { user: login.user, pass: login.password };
    case 'token':
      return { token: login.token };
    case 'nkey': {
      const seed = new TextEncoder().encode(contentOf('PARLEY_NATS_NKEY', login.file).trim());
      return { authenticator: checked('PARLEY_NATS_NKEY', login.file, nkeyAuthenticator(seed)) };
    }
    case 'creds':
      return { authenticator: checked('PARLEY_NATS_CREDS', login.file, credsAuthenticator(new TextEncoder().encode(contentOf('PARLEY_NATS_CREDS', login.file)))) };
  }
}

function contentOf(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new LinkRefused(`${setting}: ${file} cannot be read (${(cause as NodeJS.ErrnoException).code}).`, { cause });
  }
}

/** What the file holds is tried before a server sees it: the client would fail in the midst of its handshake. */
function checked<Authenticator extends (nonce?: string) => unknown>(setting: string, file: string, authenticator: Authenticator): Authenticator {
  try {
    authenticator('nonce');
  } catch {
    throw new LinkRefused(`${setting}: ${file} does not hold what it should.`); // without the cause: it may quote the file
  }
  return authenticator;
}

function explained(cause: unknown, { login, tls }: LinkOptions): string {
  const { message, code } = cause as NodeJS.ErrnoException;
  if (cause instanceof LinkRefused) return message;
  if (cause instanceof errors.AuthorizationError || /authorization/i.test(message)) {
    const shown = { nothing: 'no credentials, which it wants', password: 'this user or password', token: 'this token', nkey: 'this nkey', creds: 'these credentials' }[login.by];
    return `the server does not accept ${shown}. Set PARLEY_NATS_USER and PARLEY_NATS_PASSWORD, PARLEY_NATS_TOKEN, PARLEY_NATS_NKEY or PARLEY_NATS_CREDS.`;
  }
  if (cause instanceof errors.TimeoutError) {
    const certificate = tls !== undefined && tls.certFile === undefined ? ' Where it wants to see a certificate, set PARLEY_NATS_TLS_CERT and PARLEY_NATS_TLS_KEY.' : '';
    return `no answer within ${connectMsMax} ms. Is this a nats-server, and is the network between open?${certificate}`;
  }
  if (/unexpected response/.test(message)) return `${message}. Is this a nats-server?`;
  if (/refused|ENOTFOUND|EHOSTUNREACH|EAI_AGAIN/.test(`${code} ${message}`)) return `nobody answers there (${message}). Start nats-server, or set PARLEY_NATS.`;
  if (tls === undefined && /secure|tls|certificate/i.test(message))
    return `${message}. The server wants TLS: set PARLEY_NATS_TLS=yes, with PARLEY_NATS_TLS_CA where its certificate is not publicly signed.`;
  if (tls !== undefined)
    return `the TLS connection fails: ${message}. Check PARLEY_NATS_TLS_CA, PARLEY_NATS_TLS_CERT, PARLEY_NATS_TLS_KEY, and that the certificate names the host.`;
  return message;
}

/** A server that carries too little, or lets this user say or hear too little, would show only much later. */
async function tryRights(connection: NatsConnection, prefix: string, node: string): Promise<void> {
  const { max_payload: bytesMax = 0 } = connection.info ?? {};
  if (bytesMax < messageBytesMax) throw new LinkRefused(`the server carries messages of up to ${bytesMax} bytes. Set max_payload: ${messageBytesMax} in its configuration.`);
  const violations: string[] = [];
  const statuses = connection.status();
  const watching = (async (): Promise<void> => {
    for await (const status of statuses) if (status.type === 'error') violations.push(status.error.message);
  })();
  // Such names belong to no node, user or chat.
  const subscriptions = [`node.${node}`, 'nodes', 'user.-', 'chat.-'].map((name) => connection.subscribe(`${prefix}.${name}`, { callback: () => undefined }));
  for (const name of ['node.-', 'nodes.-', 'user.-', 'chat.-']) connection.publish(`${prefix}.${name}`);
  await connection.flush();
  for (const subscription of subscriptions) subscription.unsubscribe();
  await connection.flush();
  (statuses as AsyncIterable<unknown> & { stop?(): void }).stop?.();
  await Promise.race([watching, new Promise<void>((resolve) => setImmediate(resolve))]);
  if (violations.length > 0) throw new LinkRefused(`${violations[0]}. This user needs to publish and subscribe to ${prefix}.>.`);
}
