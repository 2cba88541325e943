// Sockets between devices and servers: in order by default; frames vanish, come twice or late, connections break, readers stall.
import type { Wire, WireEvents } from '../../src/sdk/wire.ts';
import type { Clock } from '../../src/structures/clock.ts';
import type { DeviceId, UserId } from '../../src/structures/ids.ts';
import type { Socket, SocketHandlers, SocketServer } from '../../src/transport/server.ts';
import type { Faults } from './faults.ts';
import type { Draws } from './random.ts';
import type { Party, Recording } from './recording.ts';

export interface Caller {
  readonly device: string;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
}

export interface NetworkNeeds {
  readonly clock: Clock;
  readonly random: Draws;
  readonly faults: () => Faults;
  readonly mayLose: boolean;
  readonly recording: Recording;
  /** What may wait on one socket before its reader counts as slow. */
  readonly windowBytesMax: number;
}

/** A broken connection is noticed by each side on its own: at once, or only when nothing was heard for long. */
const noticedMsMax = 20_000;
const latencyMs = [1, 20] as const;
/** The grain of arrivals: what comes closer together comes in one turn. */
const instantMs = 4;

export class Network {
  readonly needs: NetworkNeeds;
  #listening: Listener[] = [];
  #connections = 0;
  readonly open = new Set<Connection>();
  /** What arrives in one instant, wherever: one timer for all of it. */
  readonly #arrivals = new Map<number, (() => void)[]>();

  constructor(needs: NetworkNeeds) {
    this.needs = needs;
  }

  /** The sockets of one process, which nobody can call yet. */
  listener(server: number, handlers: SocketHandlers): Listener {
    return new Listener(this, server, handlers);
  }

  /** From now on calls reach this process: it alone, or as one of several. Sockets of others stay with them. */
  listen(listener: Listener, beside: boolean): void {
    this.#listening = beside ? [...this.#listening, listener] : [listener];
  }

  /** It takes no calls any more. */
  silence(listener: Listener): void {
    this.#listening = this.#listening.filter((one) => one !== listener);
  }

  /** As a load balancer does: one of those that say that they are ready, if there is one. */
  #called(): Listener | undefined {
    const ready = this.#listening.filter((listener) => listener.isReady());
    const listening = ready.length > 0 ? ready : this.#listening;
    return listening.length > 1 ? this.needs.random.pick(listening) : listening[0];
  }

  dial(caller: Caller, events: WireEvents): Wire {
    const listener = this.#called();
    const { clock, random } = this.needs;
    if (listener === undefined) {
      clock.after(random.between(...latencyMs), () => events.closed(1006, 'nobody listens'));
      return { send: () => undefined, close: () => undefined };
    }
    this.#connections += 1;
    const connection = new Connection(this, listener, { ...caller, connection: this.#connections, server: listener.server }, events);
    this.open.add(connection);
    clock.after(random.between(...latencyMs), () => connection.established());
    return connection.wire;
  }

  /** Runs the job at that time, or up to an instant later. Jobs of one instant run in the order in which they were given. */
  at(ms: number, job: () => void): void {
    const instant = Math.ceil(ms / instantMs) * instantMs;
    const jobs = this.#arrivals.get(instant);
    if (jobs !== undefined) return void jobs.push(job);
    this.#arrivals.set(instant, [job]);
    this.needs.clock.after(instant - this.needs.clock.nowMs(), () => {
      const due = this.#arrivals.get(instant) ?? [];
      this.#arrivals.delete(instant);
      for (const one of due) one();
    });
  }

  /** Those of one device, or all. */
  connections(device?: string): Connection[] {
    return [...this.open].filter((one) => device === undefined || one.party.device === device);
  }
}

/** The sockets of one server process. */
export class Listener implements SocketServer {
  readonly transport = 'ws';
  readonly port = 1;
  readonly server: number;
  readonly handlers: SocketHandlers;
  isReady: () => boolean = () => true;
  readonly sockets = new Set<Connection>();
  readonly #network: Network;

  constructor(network: Network, server: number, handlers: SocketHandlers) {
    this.#network = network;
    this.server = server;
    this.handlers = handlers;
  }

  publish(topic: string, frame: Uint8Array, except?: Socket): void {
    for (const connection of this.sockets) {
      if (connection === except || !connection.topics.has(topic)) continue;
      if (!connection.send(frame)) this.#network.needs.clock.soon(() => this.sockets.has(connection) && this.handlers.skipped(connection, topic));
    }
  }

  flush(): void {}

  connections(): number {
    return this.sockets.size;
  }

  stopListening(): void {
    this.#network.silence(this);
  }

  async close(): Promise<void> {
    this.crash();
  }

  /** The process is dead: its sockets break, and nothing is told to its handlers. */
  crash(): void {
    this.#network.silence(this);
    for (const connection of [...this.sockets]) connection.serverDied();
  }
}

/** One connection: the Socket of the server, with the device's end as `wire`. */
export class Connection implements Socket {
  readonly party: Party;
  readonly wire: Wire = { send: (frame) => this.#sendToServer(frame), close: () => this.deviceDied() };
  readonly id: number;
  readonly remoteAddress = '127.0.0.1';
  readonly topics = new Set<string>();
  data: unknown;
  isOpen = false;
  #cut = false;
  #deviceGone = false;
  #serverGone = false;
  #queuedBytes = 0;
  #tellDrained = false;
  #stalledUntilMs = 0;
  readonly #network: Network;
  readonly #listener: Listener;
  readonly #events: WireEvents;
  /** When the last frame of each direction arrives: later ones not before it. */
  readonly #lastMs = { toDevice: 0, toServer: 0 };

  constructor(network: Network, listener: Listener, party: Party, events: WireEvents) {
    this.#network = network;
    this.#listener = listener;
    this.party = party;
    this.id = party.connection;
    this.#events = events;
  }

  established(): void {
    if (this.#deviceGone || this.#serverGone) return;
    this.isOpen = true;
    this.#listener.sockets.add(this);
    this.#listener.handlers.opened(this);
    if (!this.#serverGone) this.#events.opened();
  }

  send(frame: Uint8Array): boolean {
    if (this.#serverGone) return true;
    const { recording, windowBytesMax } = this.#network.needs;
    if (this.#queuedBytes > windowBytesMax) {
      this.#tellDrained = true;
      return false;
    }
    recording.leaves(this.party, frame);
    this.#queuedBytes += frame.byteLength;
    this.#carry(
      'toDevice',
      () => this.#arrivesAtDevice(frame),
      () => this.#leavesQueue(frame),
    );
    return true;
  }

  #sendToServer(frame: Uint8Array): void {
    if (!this.isOpen || this.#deviceGone) return;
    const bytes = frame.slice();
    this.#carry(
      'toServer',
      () => this.#arrivesAtServer(bytes),
      () => undefined,
    );
  }

  subscribe(topic: string): void {
    this.topics.add(topic);
  }

  unsubscribe(topic: string): void {
    this.topics.delete(topic);
  }

  /** Whoever closes, the close frame comes after what was sent. */
  close(code = 1000, reason = ''): void {
    if (this.#serverGone) return;
    this.#serverGone = true;
    const arrivesMs = Math.max(this.#lastMs.toDevice, this.#network.needs.clock.nowMs() + latencyMs[0]);
    this.#network.at(arrivesMs, () => this.#deviceLoses(code, reason));
    this.#network.needs.clock.soon(() => this.#serverLoses());
  }

  /** The cable is cut: what is under way is lost, and each side notices in its own time. */
  cut(): void {
    const { clock, random } = this.#network.needs;
    this.#cut = true;
    const slow = random.chance(0.3) ? random.between(0, noticedMsMax) : 0;
    const deviceFirst = random.chance(0.5);
    clock.after(deviceFirst ? 1 : slow, () => this.#deviceLoses(1006, 'cut'));
    clock.after(deviceFirst ? slow : 1, () => this.#serverLoses());
  }

  serverDied(): void {
    this.#serverGone = true;
    this.#listener.sockets.delete(this);
    this.#network.needs.clock.after(latencyMs[1], () => this.#deviceLoses(1006, 'the server died'));
  }

  /** The device closes, or its process dies: it hears nothing more, and the server notices by the closed socket. */
  deviceDied(): void {
    this.#deviceLoses(undefined, '');
    this.#network.needs.clock.after(latencyMs[1], () => this.#serverLoses());
  }

  /** The device reads nothing for so long. */
  stall(ms: number): void {
    this.#stalledUntilMs = this.#network.needs.clock.nowMs() + ms;
  }

  #carry(direction: 'toDevice' | 'toServer', arrive: () => void, over: () => void): void {
    const { clock, random, mayLose } = this.#network.needs;
    const faults = this.#network.needs.faults();
    const nowMs = clock.nowMs();
    const vanishes = random.chance(faults.lossRate);
    const late = random.chance(faults.delayRate) ? random.between(0, faults.delayMsMax) : 0;
    const stalled = direction === 'toDevice' ? Math.max(0, this.#stalledUntilMs - nowMs) : 0;
    let atMs = Math.max(nowMs + random.between(...latencyMs) + stalled, this.#lastMs[direction]);
    const overtaken = mayLose && random.chance(0.5);
    if (late > 0 && overtaken) atMs += late;
    else this.#lastMs[direction] = atMs += late;
    this.#network.at(atMs, () => {
      over();
      if (!vanishes) arrive();
    });
    if (random.chance(faults.doubleRate)) this.#network.at(atMs + random.between(0, 200), arrive);
  }

  #arrivesAtDevice(frame: Uint8Array): void {
    if (!this.#deviceGone && !this.#cut) this.#events.received(frame);
  }

  #arrivesAtServer(frame: Uint8Array): void {
    if (this.#serverGone || this.#cut) return;
    this.#network.needs.recording.comes(this.party, frame);
    this.#listener.handlers.received(this, frame);
  }

  #leavesQueue(frame: Uint8Array): void {
    this.#queuedBytes -= frame.byteLength;
    if (!this.#tellDrained || this.#queuedBytes > this.#network.needs.windowBytesMax / 2 || this.#serverGone) return;
    this.#tellDrained = false;
    this.#listener.handlers.drained(this);
  }

  #deviceLoses(code: number | undefined, reason: string): void {
    if (this.#deviceGone) return;
    this.#deviceGone = true;
    this.#network.open.delete(this);
    if (code !== undefined) this.#events.closed(code, reason);
  }

  #serverLoses(): void {
    if (!this.#listener.sockets.delete(this)) return;
    this.#serverGone = true;
    this.#listener.handlers.closed(this);
  }
}
