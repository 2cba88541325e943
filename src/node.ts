// What a node is: its system of actors behind sockets, an HTTP API and a listener for operators, given its ports and settings.
import type { Kernel } from './actors/runtime/kernel.ts';
import { startTree, type Tree, type TreeChild } from './actors/runtime/tree.nact.ts';
import type { Link, Receiver } from './cluster/link.ts';
import type { Settings } from './config.ts';
import { gauges, observing, tellOfEntities, tellOfTree } from './observe.ts';
import { limits } from './protocol/limits.ts';
import { subprotocol } from './protocol/version.ts';
import { type Accounts, accounts } from './services/accounts.ts';
import { argon2Passwords } from './services/passwords.argon2.ts';
import { type RateGuard, rateGuard, scaledRules } from './services/rate-limits.ts';
import { joseAccessTokens } from './services/tokens.jose.ts';
import type { RateLimits } from './store/rate-limits.ts';
import type { Stores } from './store/stores.ts';
import type { Clock, Random } from './structures/clock.ts';
import type { DeviceId, UserId } from './structures/ids.ts';
import { type System, startSystem } from './system.ts';
import type { Log } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { httpApi } from './transport/http/api.ts';
import type { RequestHandler } from './transport/http/exchange.ts';
import { httpOps } from './transport/http/ops.ts';
import { type HttpListener, listenHttp } from './transport/http/server.node.ts';
import { type ChosenTransport, chooseTransport } from './transport/server.choice.ts';
import type { SocketServer, SocketServerOptions } from './transport/server.ts';
import { DeviceSockets } from './transport/websocket.ts';

/** Which implementation fulfils each port: ports.embedded.ts or ports.cluster.ts says. */
export interface NodePorts {
  readonly stores: Stores & { backup?(to: string): Promise<void> };
  readonly rateLimits: RateLimits;
  /** Whether Redis answers, where there is one. */
  redisUp?(): boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly node: string;
  linkTo(receiver: Receiver): Link;
}

export interface RunningNode {
  readonly transport: 'uws' | 'ws';
  readonly socketPort: number;
  readonly apiPort: number;
  readonly opsPort: number;
  /** Resolves when a part has failed too often: the process should go down. */
  readonly failed: Promise<unknown>;
  /** Finishes what was accepted, tells the devices to connect elsewhere, closes the stores. */
  stop(): Promise<void>;
}

/** Devices that are told to move come back after a moment of up to this long, not all at once. */
const moveSpreadMs = 2_000;
/** Who signs access tokens. */
const issuer = 'parley';

export async function startNode(settings: Settings, ports: NodePorts, log: Log, metrics: Metrics): Promise<RunningNode> {
  const { stores, clock, random } = ports;
  const chosen = chooseTransport(settings.PARLEY_TRANSPORT);
  if (chosen.fallbackBecause !== undefined) log.warn({ because: chosen.fallbackBecause }, 'the native transport does not load; ws serves, several times slower');
  const edge: Edge = { draining: false, server: undefined, devices: undefined };
  const known = await accountsOf(settings, ports, (userId, deviceId) => {
    edge.devices?.revoked(deviceId);
    system.kernel.tellIfAwake('session', userId, { kind: 'revoke', deviceId });
  });
  const system = startSystem({
    stores,
    clock,
    random,
    node: ports.node,
    linkTo: ports.linkTo,
    afterTurn: () => edge.server?.flush(),
    observe: observing(metrics, (event) => tree?.hear(event)),
    connect(kernel) {
      edge.devices = socketsOf(settings, ports, kernel, known, edge, log, metrics);
      return edge.devices;
    },
  });
  const running = { settings, ports, system, known, edge, chosen, log, metrics };
  const listening = { socketPort: 0, apiPort: 0, opsPort: 0 };
  let gaveUp: (error: unknown) => void = () => undefined;
  const failed = new Promise<unknown>((resolve) => {
    gaveUp = resolve;
  });
  let tree: Tree | undefined;
  tree = await startTree(childrenOf(running, listening), (event) => tellOfTree(log, event, gaveUp), { clock, random });
  gauges(metrics, system, chosen.transport, () => edge.server);
  if (ports.redisUp) metrics.gauge('redis_up', () => (ports.redisUp?.() ? 1 : 0));
  return { transport: chosen.transport, ...listening, failed, stop: () => (tree as Tree).stop() };
}

interface Edge {
  draining: boolean;
  server: SocketServer | undefined;
  devices: DeviceSockets | undefined;
}

async function accountsOf(
  settings: Settings,
  { stores, clock, randomBytes, rateLimits }: NodePorts,
  onRevoked: (userId: UserId, deviceId: DeviceId) => void,
): Promise<KnownAccounts> {
  const nowMs = (): number => clock.nowMs();
  const access = await joseAccessTokens({ store: stores.tokens, issuer, nowMs, randomBytes });
  const rates = rateGuard(rateLimits, scaledRules(settings.PARLEY_RATE_FACTOR));
  const passwords = await argon2Passwords();
  return { rates, ...accounts({ stores, access, passwords, rates, registration: settings.PARLEY_REGISTRATION, nowMs, randomBytes, onRevoked }) };
}
type KnownAccounts = Accounts & { readonly rates: RateGuard };

function socketsOf(settings: Settings, { clock, stores }: NodePorts, kernel: Kernel, { tokens, devices }: Accounts, edge: Edge, log: Log, { counts }: Metrics): DeviceSockets {
  return new DeviceSockets({
    entities: kernel,
    clock,
    incarnation: stores.incarnation,
    heartbeatMs: settings.PARLEY_HEARTBEAT_MS,
    helloTimeoutMs: settings.PARLEY_HELLO_TIMEOUT_MS,
    verifyAccess: (token) => tokens.verifyAccess(token),
    deviceGood: (userId, deviceId, issuedAtMs) => devices.deviceGood(userId, deviceId, issuedAtMs),
    closedFor: () => (edge.draining ? 'draining' : undefined),
    counts,
    onFault: (fault) => log.error({ err: fault }, 'a connection failed'),
  });
}

interface Running {
  readonly settings: Settings;
  readonly ports: NodePorts;
  readonly system: System;
  readonly known: KnownAccounts;
  readonly edge: Edge;
  readonly chosen: ChosenTransport;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** The supervised parts, in the order in which they start; they stop in reverse: first no new devices, last the store. */
function childrenOf(running: Running, listening: { socketPort: number; apiPort: number; opsPort: number }): readonly TreeChild[] {
  const { settings, ports, system, edge, log } = running;
  const http: { api?: HttpListener; ops?: HttpListener } = {};
  const tls = tlsOf(settings);
  return [
    { name: 'store', start: () => undefined, stop: () => ports.stores.close() },
    {
      name: 'ops',
      async start() {
        http.ops = await listenHttp({ host: settings.PARLEY_OPS_HOST, port: listening.opsPort || settings.PARLEY_OPS_PORT, handler: opsOf(running) });
        listening.opsPort = http.ops.port;
      },
      stop: () => http.ops?.close(),
    },
    {
      name: 'sockets',
      async start() {
        const devices = edge.devices as DeviceSockets;
        edge.server = await running.chosen.listen(socketOptions(running, listening.socketPort), devices);
        devices.serve(edge.server);
        listening.socketPort = edge.server.port;
      },
      async stop() {
        edge.devices?.closeAll('draining');
        edge.server?.flush();
        await edge.server?.close();
      },
    },
    {
      name: 'entities',
      hosts: ['chat', 'session', 'audience', 'presence'],
      start: () => undefined,
      async stop() {
        await system.kernel.stop();
        edge.server?.flush();
      },
      hear: (events, missed) => tellOfEntities(log, events, missed),
    },
    {
      name: 'api',
      async start() {
        http.api = await listenHttp({ host: settings.PARLEY_HOST, port: listening.apiPort || settings.PARLEY_API_PORT, handler: apiOf(running, listening), ...(tls && { tls }) });
        listening.apiPort = http.api.port;
      },
      stop: () => http.api?.close(),
    },
    {
      name: 'intake',
      start: () => undefined,
      stop() {
        edge.draining = true;
        edge.server?.stopListening();
        edge.devices?.moveAll(moveSpreadMs, ports.random);
      },
    },
  ];
}

function socketOptions({ settings, log }: Running, port: number): SocketServerOptions {
  const tls = tlsOf(settings);
  return {
    host: settings.PARLEY_HOST,
    port: port || settings.PARLEY_PORT,
    origins: originsOf(settings),
    subprotocol,
    frameBytesMax: limits.frameBytesMax,
    windowBytesMax: settings.PARLEY_WINDOW_BYTES,
    idleTimeoutMs: 2 * settings.PARLEY_HEARTBEAT_MS,
    connectionsMax: settings.PARLEY_CONNECTIONS_MAX,
    onFault: (fault) => log.error({ err: fault }, 'a connection failed'),
    ...(tls && { tls }),
  };
}

function apiOf({ settings, ports, known, log }: Running, listening: { readonly socketPort: number }): RequestHandler {
  const scheme = tlsOf(settings) ? 'wss' : 'ws';
  const { auth, tokens, devices, profiles, rates } = known;
  return httpApi({
    auth,
    tokens,
    devices,
    profiles,
    rates,
    registration: settings.PARLEY_REGISTRATION,
    socketUrl: (host) => settings.PARLEY_SOCKET_URL || `${scheme}://${hostnameOf(host) ?? settings.PARLEY_HOST}:${listening.socketPort}`,
    origins: originsOf(settings),
    behindProxy: settings.PARLEY_BEHIND_PROXY === 'yes',
    nowMs: () => ports.clock.nowMs(),
    log,
  });
}

function opsOf({ ports, edge, log, metrics }: Running): RequestHandler {
  const { stores } = ports;
  return httpOps({
    ready: () => [
      ...(edge.draining ? ['draining'] : []),
      ...(edge.server === undefined ? ['starting'] : []),
      ...(stores.trouble() === undefined ? [] : [`store: ${stores.trouble()}`]),
    ],
    metricsText: () => metrics.text(),
    log,
    ...(stores.backup && { backup: (to: string) => stores.backup?.(to) ?? Promise.resolve() }),
  });
}

function tlsOf({ PARLEY_TLS_CERT: certFile, PARLEY_TLS_KEY: keyFile }: Settings): { readonly certFile: string; readonly keyFile: string } | undefined {
  return certFile === '' ? undefined : { certFile, keyFile };
}

function originsOf({ PARLEY_ORIGINS: origins }: Settings): readonly string[] | '*' {
  return origins === '*' ? '*' : origins.split(',').map((origin) => origin.trim());
}

/** The name by which the client reached us, without the port. */
function hostnameOf(host: string | undefined): string | undefined {
  return host === undefined ? undefined : /^(\[[^\]]+\]|[^:]+)/.exec(host)?.[1];
}
