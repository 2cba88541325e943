// A server process of the simulated world: the real actors, router and device sockets over memory stores, a mortal clock and injected faults.
import type { ActorDefinition } from '../../src/actors/runtime/actor.ts';
import type { KernelEvent } from '../../src/actors/runtime/events.ts';
import type { Kernel } from '../../src/actors/runtime/kernel.ts';
import { localLink } from '../../src/cluster/link.local.ts';
import type { Link, LinkEvents, Receiver } from '../../src/cluster/link.ts';
import { drawLife, type LevelStore, type Membership } from '../../src/cluster/membership.ts';
import { type ViewRules, viewRules } from '../../src/cluster/view.ts';
import type { SessionState } from '../../src/core/session.ts';
import { limits } from '../../src/protocol/limits.ts';
import { StoreFull, StoreUnavailable } from '../../src/store/faults.ts';
import { type AppendFault, type MemoryDisk, type MemoryStores, memoryStores, type ReadFault, type WriteFault } from '../../src/store/stores.memory.ts';
import type { Stores } from '../../src/store/stores.ts';
import type { Clock } from '../../src/structures/clock.ts';
import type { DeviceId, UserId } from '../../src/structures/ids.ts';
import { startSystem } from '../../src/system.ts';
import type { SocketHandlers } from '../../src/transport/server.ts';
import { DeviceSockets } from '../../src/transport/websocket.ts';
import type { Bus, Party } from './bus.ts';
import { MortalClock } from './clocks.ts';
import { type Faults, Injected } from './faults.ts';
import type { Listener, Network } from './network.ts';
import type { Draws } from './random.ts';
import type { Recording } from './recording.ts';

/** Where a test reaches in to plant a bug. */
export interface ServerSeams {
  stores?(stores: Stores, disk: MemoryDisk, random: Draws): Stores;
  definition?(definition: AnyDefinition, random: Draws): AnyDefinition;
  link?(link: Link, random: Draws): Link;
}
// biome-ignore lint/suspicious/noExplicitAny: a wrapper around any actor does not look into its types.
export type AnyDefinition = ActorDefinition<any, any, any, any, any>;

/** Of a process that is one of many. */
export interface InCluster {
  readonly node: string;
  readonly bus: Bus;
  readonly levels: LevelStore;
  /** Whether its way to the store is cut. */
  hasNoStore(): boolean;
}

export interface ServerNeeds {
  readonly number: number;
  readonly cluster?: InCluster;
  readonly clock: Clock;
  readonly random: Draws;
  readonly disk: MemoryDisk;
  readonly network: Network;
  readonly recording: Recording;
  readonly faults: () => Faults;
  readonly trouble: () => 'full' | 'unavailable' | undefined;
  readonly mayLose: boolean;
  /** Whether inboxes are raised beside the logs, as where nodes share a store. */
  readonly wantsEveryHead: boolean;
  /** No other process ever writes beside this one. */
  readonly isSole: boolean;
  readonly mailboxMax: number;
  /** Which commands make `step` throw: for good, whoever steps them. */
  readonly poison: Map<string, boolean>;
  readonly seams: ServerSeams;
}

/** What the devices prove themselves with here: accounts have tests of their own. */
export function tokenOf(userId: UserId, deviceId: DeviceId): string {
  return `${userId} ${deviceId}`;
}

/** Slower than in life: a world has more to do than to listen to heartbeats. */
const clusterRules: ViewRules = { ...viewRules, heartbeatMs: 1_000, suspectMs: 2_500, goneMs: 4_500 };
/** An operator looks after a quarantined chat after this long. */
const operatorMs = 15_000;

export class ServerProcess {
  readonly number: number;
  readonly kernel: Kernel;
  readonly listener: Listener;
  readonly membership: Membership;
  readonly sockets: DeviceSockets;
  readonly node: string;
  readonly #stores: MemoryStores;
  readonly #clock: MortalClock;
  #party: Party | undefined;
  readonly #needs: ServerNeeds;

  constructor(needs: ServerNeeds) {
    this.#needs = needs;
    this.number = needs.number;
    const { clock: world, disk, network, recording, seams, cluster } = needs;
    this.node = cluster?.node ?? `n${needs.number}`;
    const random = needs.random.stream(`server ${needs.number}`);
    this.#clock = new MortalClock(world);
    this.#stores = storesOf(needs, this.#clock, random.stream('store'));
    const stores = seams.stores?.(this.#stores, disk, random.stream('plant')) ?? this.#stores;
    const counts = { framesIn: 0, framesOut: 0, framesPublished: 0, authFailures: 0 };
    let sockets: DeviceSockets | undefined;
    const system = startSystem({
      stores,
      clock: this.#clock,
      random: random.stream('system').next,
      node: this.node,
      ...(cluster && { cluster: { life: drawLife(world.nowMs(), random.stream('life').next), levels: cluster.levels, rules: clusterRules } }),
      linkTo: (receiver, events) => this.#link(receiver, events, random.stream('link')),
      connect: (kernel, admission) => {
        this.#wrapDefinitions(kernel, random.stream('actors'));
        sockets = new DeviceSockets({
          entities: kernel,
          clock: this.#clock,
          random: random.stream('hellos').next,
          admit: (check) => admission.enter('hello', check),
          incarnation: disk.incarnation,
          heartbeatMs: 30_000,
          helloTimeoutMs: 10_000,
          verifyAccess: judged,
          deviceGood: async () => true,
          closedFor: () => undefined,
          counts,
          onFault: (fault) => recording.wrong(`a connection failed: ${String(fault)}`),
        });
        return sockets;
      },
      afterTurn: () => sockets?.flush(),
      observe: {
        counts: { appends: 0, entries: 0, resyncs: 0, lagging: 0 },
        batch: () => undefined,
        committed: () => undefined,
        refused: () => undefined,
        event: (event) => this.#hear(event),
      },
    });
    this.kernel = system.kernel;
    if (sockets === undefined) throw new Error('the system connects when it starts');
    this.sockets = sockets;
    this.membership = system.membership;
    this.listener = network.listener(needs.number, stoppable(sockets, this.#clock));
    sockets.serve(this.listener);
    this.listener.isReady = () => !this.membership.holds;
  }

  get isAlive(): boolean {
    return this.#clock.isAlive;
  }

  /** The process stands still, and goes on later. */
  pause(): void {
    this.#clock.stop();
  }

  goOn(): void {
    this.#clock.goOn();
  }

  /** All of its memory is gone, and what had not reached the disk. */
  crash(): void {
    this.#clock.end();
    if (this.#party !== undefined) this.#needs.cluster?.bus.leave(this.#party);
    this.#stores.crash();
    this.listener.crash();
  }

  #link(receiver: Receiver, events: LinkEvents, random: Draws): Link {
    const { mayLose, faults, seams, cluster } = this.#needs;
    if (cluster !== undefined) {
      this.#party = cluster.bus.join({ node: this.node, receiver, events, run: (job) => this.#clock.run(job) });
      return seams.link?.(this.#party.link, random) ?? this.#party.link;
    }
    const local = localLink(this.node, receiver);
    const lossy: Link = {
      ...local,
      mayLose,
      toUser: (userId, envelope) => void (random.chance(faults().linkLossRate) || local.toUser(userId, envelope)),
      toChat: (chatId, envelope) => void (random.chance(faults().linkLossRate) || local.toChat(chatId, envelope)),
    };
    return seams.link?.(lossy, random) ?? lossy;
  }

  /** The kernel is given each definition with faults in it, and with the planted bug. */
  #wrapDefinitions(kernel: Kernel, random: Draws): void {
    const { seams, mailboxMax } = this.#needs;
    const host = kernel.host.bind(kernel);
    kernel.host = (definition: AnyDefinition): void => {
      const small = { ...definition, mailboxMax: Math.min(definition.mailboxMax, mailboxMax) };
      const failing = withFaults(small, this.#needs, random.stream(definition.kind));
      host(seams.definition?.(failing, random.stream(`plant ${definition.kind}`)) ?? failing);
    };
  }

  #hear(event: KernelEvent): void {
    const { recording } = this.#needs;
    if (event.kind === 'superseded') recording.count('superseded appends and checks');
    if (event.kind === 'passivated' || event.kind === 'restarted' || event.kind === 'superseded') return;
    const error = 'error' in event ? event.error : undefined;
    recording.note(`${this.node} ${event.kind} ${event.actor} ${event.id}${error === undefined ? '' : `: ${String(error)}`}`);
    if (event.kind === 'crashed' && !(error instanceof Injected))
      recording.wrong(`${event.actor} crashed in ${event.where}: ${(error as Error | undefined)?.stack ?? String(error)}`);
    if (event.kind === 'quarantined') this.#clock.after(operatorMs, () => void this.kernel.putAway(event.actor, event.id));
  }
}

/** What comes for a process that stands still waits for it. */
function stoppable(handlers: SocketHandlers, clock: MortalClock): SocketHandlers {
  return {
    opened: (socket) => clock.run(() => handlers.opened(socket)),
    received: (socket, bytes) => clock.run(() => handlers.received(socket, bytes)),
    drained: (socket) => clock.run(() => handlers.drained(socket)),
    skipped: (socket, topic) => clock.run(() => handlers.skipped(socket, topic)),
    closed: (socket) => clock.run(() => handlers.closed(socket)),
  };
}

function judged(token: string): { userId: UserId; deviceId: DeviceId; issuedAtMs: number; expiresAtMs: number } | 'wrong' {
  const [userId, deviceId] = token.split(' ');
  return userId === undefined || deviceId === undefined ? 'wrong' : { userId: userId as UserId, deviceId: deviceId as DeviceId, issuedAtMs: 0, expiresAtMs: 0 };
}

function storesOf({ disk, clock: world, faults, trouble, wantsEveryHead, isSole, cluster, recording }: ServerNeeds, clock: Clock, random: Draws): MemoryStores {
  const unknowns = ['unknownApplied', 'unknownNotApplied', 'unknownLate'] as const;
  const away = (): 'full' | 'unavailable' | undefined => (cluster?.hasNoStore() ? 'unavailable' : trouble());
  const write = (): WriteFault => away() ?? (random.chance(faults().writeFailRate) ? random.pick(['full', 'unavailable'] as const) : 'ok');
  const read = (): ReadFault => {
    if (away() === 'unavailable') return 'unavailable';
    return random.chance(faults().readFailRate) ? 'unavailable' : 'ok';
  };
  return memoryStores({
    wantsEveryHead,
    isSole,
    disk,
    clock,
    ...(cluster && { network: world }),
    // Now and then so late that others have read the log, or written to it, in between.
    lateMs: () => (random.chance(0.7) ? random.between(10, 1_000) : random.between(1_000, 20_000)),
    faults: {
      beforeAppend(): AppendFault {
        if (!random.chance(faults().unknownRate)) return write();
        recording.count('appends of unknown outcome');
        return random.pick(unknowns);
      },
      beforeWrite: write,
      beforeRead: read,
    },
    // Now and then an operation takes long: what crashes meanwhile has done the one thing and not the other.
    latencyMs: (operation) => {
      if (random.chance(faults().slowRate)) return random.between(20, 600);
      return operation === 'messages.append' ? random.between(0.5, 4) : random.chance(0.2) ? random.between(0.2, 3) : 0;
    },
  });
}

/** P8, where no frame shows it: requests in flight. */
function boundedOrWrong({ devices }: SessionState, recording: Recording): void {
  for (const { deviceId, inFlight } of devices) if (inFlight > limits.requestsInFlightMax) recording.wrong(`${deviceId} has ${inFlight} requests in flight`);
}

function withFaults(definition: AnyDefinition, { faults, poison, recording }: ServerNeeds, random: Draws): AnyDefinition {
  /** A numbered command that throws does so each time: what was stored once is never refused as `internal` later. */
  const throws = (command: { readonly number?: number; readonly frame?: { readonly number?: number } }): boolean => {
    const rate = faults().stepThrowRate;
    const number = command.number ?? command.frame?.number;
    if (number === undefined) return random.chance(rate);
    const key = `${definition.kind} ${number}`;
    const known = poison.get(key) ?? random.chance(rate);
    poison.set(key, known);
    return known;
  };
  return {
    ...definition,
    step: (state, command, nowMs) => {
      if (throws(command)) throw new Injected('step');
      const next = definition.step(state, command, nowMs);
      if (definition.kind === 'session') boundedOrWrong(next.state, recording);
      return next;
    },
    commit: (durable, state, self) => {
      if (!random.chance(faults().commitThrowRate)) return definition.commit(durable, state, self);
      const late = random.chance(0.5);
      return Promise.resolve(late ? definition.commit(durable, state, self) : undefined).then(() => {
        throw new Injected(late ? 'after the commit' : 'instead of the commit');
      });
    },
    perform: (effect, self) => {
      if (random.chance(faults().performThrowRate)) throw new Injected('perform');
      return definition.perform(effect, self);
    },
  };
}

/** Whether the store said no by injection. */
export function isStoreFault(error: unknown): boolean {
  return error instanceof StoreFull || error instanceof StoreUnavailable;
}
