// The supervised parts of a node, in the order in which they start: store, operators' listener, its place among other nodes, sockets, entities, API, intake.
import type { TreeChild } from './actors/runtime/tree.nact.ts';
import type { AmongNodes } from './among-nodes.ts';
import type { Settings } from './config.ts';
import type { Edge, KnownAccounts, NodePorts } from './node.ts';
import { tellOfEntities } from './observe.ts';
import { opsOf } from './operating.ts';
import { limits } from './protocol/limits.ts';
import { subprotocol } from './protocol/version.ts';
import type { HottestChats } from './services/hottest-chats.ts';
import type { System } from './system.ts';
import type { Log } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { httpApi } from './transport/http/api.ts';
import type { RequestHandler } from './transport/http/exchange.ts';
import { type HttpListener, listenHttp } from './transport/http/server.node.ts';
import type { ChosenTransport } from './transport/server.choice.ts';
import type { SocketServerOptions } from './transport/server.ts';
import type { DeviceSockets } from './transport/websocket.ts';

export interface Running {
  readonly settings: Settings;
  readonly ports: NodePorts;
  readonly system: System;
  readonly known: KnownAccounts;
  readonly edge: Edge;
  readonly among: AmongNodes;
  readonly hottest: HottestChats;
  readonly chosen: ChosenTransport;
  readonly log: Log;
  readonly metrics: Metrics;
  /** An operator wants this node to go. */
  onDrain(): void;
}

/** They stop in reverse: first no new devices, last the store. */
export function childrenOf(running: Running, listening: { socketPort: number; apiPort: number; opsPort: number }): readonly TreeChild[] {
  const { settings, ports, system, edge, log, among } = running;
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
    among.child,
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
        edge.devices?.flush();
        await edge.server?.close();
      },
    },
    {
      name: 'entities',
      hosts: ['chat', 'session', 'audience', 'presence'],
      start: () => undefined,
      async stop() {
        await system.kernel.stop();
        edge.devices?.flush();
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
        return among.drain();
      },
    },
  ];
}

function socketOptions({ settings, system, edge, log }: Running, port: number): SocketServerOptions {
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
    admit: (open) => system.admission.enter('upgrade', () => (edge.devices as DeviceSockets).opening(open)),
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

export function tlsOf({ PARLEY_TLS_CERT: certFile, PARLEY_TLS_KEY: keyFile }: Settings): { readonly certFile: string; readonly keyFile: string } | undefined {
  return certFile === '' ? undefined : { certFile, keyFile };
}

function originsOf({ PARLEY_ORIGINS: origins }: Settings): readonly string[] | '*' {
  return origins === '*' ? '*' : origins.split(',').map((origin) => origin.trim());
}

/** The name by which the client reached us, without the port. */
function hostnameOf(host: string | undefined): string | undefined {
  return host === undefined ? undefined : /^(\[[^\]]+\]|[^:]+)/.exec(host)?.[1];
}
