// What a node is: its system of actors behind sockets, an HTTP API and a listener for operators, given its ports and settings.
import type { Admission } from './actors/runtime/admission.ts';
import type { Kernel } from './actors/runtime/kernel.ts';
import { Pacing } from './actors/runtime/pacing.ts';
import { startTree, type Tree } from './actors/runtime/tree.nact.ts';
import { amongNodes } from './among-nodes.ts';
import type { NatsLink } from './cluster/link.nats.ts';
import type { Link, LinkEvents, Receiver } from './cluster/link.ts';
import type { MembershipNeeds } from './cluster/membership.ts';
import type { Settings } from './config.ts';
import { gauges, observing, tellOfTree } from './observe.ts';
import { childrenOf, type Running, tlsOf } from './parts.ts';
import { type Accounts, accounts } from './services/accounts.ts';
import type { Chain } from './services/chat-check.ts';
import { HottestChats } from './services/hottest-chats.ts';
import { argon2Passwords } from './services/passwords.argon2.ts';
import { type RateGuard, rateGuard, scaledRules } from './services/rate-limits.ts';
import { joseAccessTokens } from './services/tokens.jose.ts';
import type { RateLimits } from './store/rate-limits.ts';
import type { Stores } from './store/stores.ts';
import type { Clock, Random } from './structures/clock.ts';
import { nodeEventLoop } from './structures/event-loop.node.ts';
import type { ChatId, DeviceId, UserId } from './structures/ids.ts';
import { startSystem } from './system.ts';
import type { Log } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { chooseTransport } from './transport/server.choice.ts';
import type { SocketServer } from './transport/server.ts';
import { DeviceSockets } from './transport/websocket.ts';

/** Which implementation fulfils each port: ports.embedded.ts or ports.cluster.ts says. */
export interface NodePorts {
  readonly stores: Stores & { backup?(to: string): Promise<void> };
  readonly rateLimits: RateLimits;
  /** Whether Redis answers, where there is one. */
  redisUp?(): boolean;
  readonly clock: Clock;
  /** The machine's own clock, which may jump both ways: for what is compared with the clocks of others. */
  readonly wallMs: () => number;
  readonly random: Random;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly node: string;
  /** Which append each entry of a chat came with, where the store keeps that. */
  appendChain?(chatId: ChatId): Promise<Chain>;
  /** Of a node that is one of many. */
  readonly cluster?: ClusterPart;
  linkTo(receiver: Receiver, events: LinkEvents): Link;
}

export interface ClusterPart extends Pick<MembershipNeeds, 'life' | 'levels'> {
  /** As an older build would be. */
  readonly level: number;
  /** Figures of the link and of the store, since the start. */
  link(): NatsCounts | undefined;
  store(): { readonly unknown: number; readonly resubmitted: number; readonly repeated: number; readonly serialReads: number };
}
type NatsCounts = NatsLink['counts'];

export interface RunningNode {
  readonly transport: 'uws' | 'ws';
  readonly socketPort: number;
  readonly apiPort: number;
  readonly opsPort: number;
  /** Resolves when a part has failed too often: the process should go down. */
  readonly failed: Promise<unknown>;
  /** Resolves when an operator wants this node to go: the process should stop it and end. */
  readonly asked: Promise<string>;
  /** Finishes what was accepted, tells the devices to connect elsewhere, closes the stores. */
  stop(): Promise<void>;
}

/** Who signs access tokens. */
const issuer = 'parley';
/** From this level on tokens are written with a MAC. */
const tokenMacLevel = 2;

export async function startNode(settings: Settings, ports: NodePorts, log: Log, metrics: Metrics): Promise<RunningNode> {
  const { clock, random } = ports;
  const hottest = new HottestChats(clock);
  const stores = hottest.watching(ports.stores);
  const chosen = chooseTransport(settings.PARLEY_TRANSPORT);
  if (chosen.fallbackBecause !== undefined) log.warn({ because: chosen.fallbackBecause }, 'the native transport does not load; ws serves, several times slower');
  const edge: Edge = { draining: false, server: undefined, devices: undefined };
  const listening = { socketPort: 0, apiPort: 0, opsPort: 0 };
  const asked = promised<string>();
  const failed = promised<unknown>();
  const onRevoked = (userId: UserId, deviceId: DeviceId): void => {
    edge.devices?.revoked(deviceId);
    system.router.revokeDevice(userId, deviceId);
  };
  const known = await accountsOf(settings, ports, onRevoked, () => system.membership.level >= tokenMacLevel);
  const pacing = new Pacing(nodeEventLoop);
  const onDrain = (): void => asked.resolve('asked by an operator');
  const system = startSystem({
    stores,
    clock,
    random,
    node: ports.node,
    ...(ports.cluster && { cluster: { ...ports.cluster, url: () => urlOf(settings, listening.socketPort), onDrain } }),
    linkTo: ports.linkTo,
    afterTurn: (isQuiet) => {
      edge.devices?.flush();
      if (isQuiet) pacing.turnOver();
    },
    observe: observing(metrics, (event) => tree?.hear(event)),
    connect(kernel, admission) {
      edge.devices = socketsOf(settings, ports, kernel, admission, known, edge, log, metrics);
      return edge.devices;
    },
  });
  const among = amongNodes({
    ports,
    system,
    edge,
    log,
    metrics,
    moveSpreadMs: settings.PARLEY_MOVE_SPREAD_MS,
    isBalanced: settings.PARLEY_SOCKET_URL !== '',
    gaveUp: failed.resolve,
  });
  const running: Running = { settings, ports, system, known, edge, among, hottest, chosen, log, metrics, onDrain };
  let tree: Tree | undefined;
  tree = await startTree(childrenOf(running, listening), (event) => tellOfTree(log, event, failed.resolve), { clock, random });
  gauges(metrics, system, chosen.transport, () => edge.server);
  if (ports.redisUp) metrics.gauge('redis_up', () => (ports.redisUp?.() ? 1 : 0));
  return { transport: chosen.transport, ...listening, failed: failed.value, asked: asked.value, stop: () => (tree as Tree).stop() };
}

/** Where devices reach this very node; null where they come by an address that is all nodes'. */
function urlOf(settings: Settings, socketPort: number): string | null {
  const { PARLEY_SOCKET_URL: shared, PARLEY_NODE_URL: own, PARLEY_HOST: host } = settings;
  if (own !== '') return own;
  if (shared !== '' || socketPort === 0 || host === '0.0.0.0' || host === '::') return null;
  return `${tlsOf(settings) ? 'wss' : 'ws'}://${host.includes(':') ? `[${host}]` : host}:${socketPort}`;
}

function promised<Value>(): { readonly value: Promise<Value>; resolve(value: Value): void } {
  let resolve: (value: Value) => void = () => undefined;
  const value = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { value, resolve: (settled) => resolve(settled) };
}

export interface Edge {
  draining: boolean;
  server: SocketServer | undefined;
  devices: DeviceSockets | undefined;
}

async function accountsOf(
  settings: Settings,
  { stores, clock, wallMs: nowMs, randomBytes, rateLimits }: NodePorts,
  onRevoked: (userId: UserId, deviceId: DeviceId) => void,
  writesMac: () => boolean,
): Promise<KnownAccounts> {
  const access = await joseAccessTokens({ store: stores.tokens, issuer, nowMs, risingMs: () => clock.nowMs(), randomBytes, writesMac });
  const rates = rateGuard(rateLimits, scaledRules(settings.PARLEY_RATE_FACTOR));
  const passwords = await argon2Passwords();
  return { rates, ...accounts({ stores, access, passwords, rates, registration: settings.PARLEY_REGISTRATION, nowMs, randomBytes, onRevoked }) };
}
export type KnownAccounts = Accounts & { readonly rates: RateGuard };

function socketsOf(
  settings: Settings,
  { clock, random, stores }: NodePorts,
  kernel: Kernel,
  admission: Admission,
  { tokens, devices }: Accounts,
  edge: Edge,
  log: Log,
  { counts }: Metrics,
): DeviceSockets {
  return new DeviceSockets({
    entities: kernel,
    clock,
    random,
    admit: (check) => admission.enter('hello', check),
    incarnation: stores.incarnation,
    heartbeatMs: settings.PARLEY_HEARTBEAT_MS,
    helloTimeoutMs: settings.PARLEY_HELLO_TIMEOUT_MS,
    verifyAccess: (token) => tokens.verifyAccess(token),
    deviceGood: (token) => devices.deviceGood(token),
    closedFor: () => (edge.draining ? 'draining' : undefined),
    counts,
    onFault: (fault) => log.error({ err: fault }, 'a connection failed'),
  });
}
