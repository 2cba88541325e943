// A simulated world: people with devices, a network, server processes on one disk. One seed decides everything that happens in it.

import { type MemoryDisk, memoryDisk } from '../../src/store/stores.memory.ts';
import { type DeviceId, idFrom, type UserId } from '../../src/structures/ids.ts';
import { FakeClock, nextTick } from './clock.ts';
import { Cluster } from './cluster.ts';
import { Device, type DeviceSeams } from './device.ts';
import { drawClusterFaults, drawFaults, type Faults, noFaults } from './faults.ts';
import { LoneServer } from './lone-server.ts';
import { Network } from './network.ts';
import { type Draws, draws } from './random.ts';
import { RawDevice } from './raw-device.ts';
import { Recording } from './recording.ts';
import { Script } from './script.ts';
import { type InCluster, ServerProcess, type ServerSeams } from './server.ts';
import type { Servers } from './servers.ts';

/** A bug, put into the world from outside. */
export interface Plant extends ServerSeams, DeviceSeams {
  /** What the world must have for the bug to show; else the seed's own draw. */
  readonly faults?: Partial<Faults>;
  readonly mayLose?: boolean;
  readonly nodes?: number;
}

export interface SimulationOptions {
  readonly seed: number;
  readonly users?: number;
  readonly devices?: number;
  readonly messages?: number;
  readonly durationMs?: number;
  readonly plant?: Plant;
  /** Another choice of faults than the seed's. */
  readonly faults?: Partial<Faults>;
  readonly mayLose?: boolean;
  /** Several make a cluster; else one process serves, then another. */
  readonly nodes?: number;
  readonly trace?: (line: string) => void;
}

const crowdSize = 30;
/** Once the faults are over everything must be right within this time: sessions heal every two minutes, and a heal may meet a back-off. */
const healedMsMax = 300_000;
/** Until devices have written what they have, and told their programs of it. */
const writtenMs = 1_000;

export class World {
  readonly seed: number;
  readonly clock = new FakeClock(undefined, nextTick);
  readonly disk: MemoryDisk = memoryDisk();
  readonly recording: Recording;
  readonly network: Network;
  readonly devices: Device[] = [];
  readonly users: UserId[];
  readonly raw: RawDevice;
  /** Of the cluster; 1: one process at a time. */
  readonly nodes: number;
  /** Whether pushes may get lost while a connection stands. */
  readonly mayLose: boolean;
  readonly mailboxMax: number;
  /** Inboxes are raised beside the logs, as where nodes share a store; else the logs themselves answer. */
  readonly wantsEveryHead: boolean;
  /** Never two server processes at once. */
  readonly isSole: boolean;
  faults: Faults;
  #trouble: 'full' | 'unavailable' | undefined;
  readonly #servers: Servers;
  #started = 0;
  #fullest = 0;
  readonly #poison = new Map<string, boolean>();
  readonly #random: Draws;
  readonly #options: SimulationOptions;
  readonly #script: Script;

  constructor(options: SimulationOptions) {
    const { seed, users = 12, devices = 20, plant = {}, trace } = options;
    this.seed = seed;
    this.#options = options;
    this.#random = draws(seed);
    const nodes = (this.nodes = options.nodes ?? plant.nodes ?? 1);
    this.mayLose = nodes > 1 || (options.mayLose ?? plant.mayLose ?? this.#random.chance(0.5));
    const more = nodes > 1 ? drawClusterFaults(this.#random.stream('cluster faults')) : {};
    this.faults = { ...drawFaults(this.#random.stream('faults'), this.mayLose), ...more, ...plant.faults, ...options.faults };
    this.isSole = this.faults.secondOwnerEveryMs === 0;
    this.mailboxMax = this.#random.chance(0.3) ? this.#random.whole(5, 60) : 1_000;
    this.wantsEveryHead = nodes > 1 || this.#random.stream('inbox').chance(0.3);
    this.recording = new Recording(this.disk, () => this.clock.nowMs(), trace);
    const windowBytesMax = this.#random.chance(0.4) ? this.#random.whole(500, 4_000) : 65_536;
    const { clock, recording, mayLose } = this;
    this.network = new Network({ clock, random: this.#random.stream('network'), faults: () => this.faults, mayLose, recording, windowBytesMax });
    this.users = Array.from({ length: users }, (_, n) => this.#register(n + 1));
    const crowd = Array.from({ length: crowdSize }, (_, n) => this.#register(1_000 + n));
    for (let n = 0; n < devices; n += 1) this.devices.push(this.#device(n, plant));
    const rude = this.#register(500);
    const everybody = [...this.users, rude];
    const { disk } = this;
    this.raw = new RawDevice({ name: 'raw', userId: rude, deviceId: deviceIdOf(500), clock, random: this.#random.stream('raw'), network: this.network, users: everybody, disk });
    this.#script = new Script({ random: this.#random.stream('script'), devices: this.devices, users: everybody, crowd, disk });
    const needs = { clock, random: this.#random, network: this.network, recording, faults: () => this.faults };
    const serversNeeds = { ...needs, process: (cluster?: InCluster) => this.#process(cluster), beforeEnd: () => this.#watchMailboxes() };
    this.#servers = nodes > 1 ? new Cluster(serversNeeds, nodes) : new LoneServer(serversNeeds);
    recording.note(
      `seed ${seed}, ${nodes} nodes, mayLose ${mayLose}, inbox ${this.wantsEveryHead}, window ${windowBytesMax}, mailbox ${this.mailboxMax}, ${JSON.stringify(this.faults)}`,
    );
  }

  /** The most commands that ever waited in one mailbox. */
  get fullestMailbox(): number {
    return this.#fullest;
  }

  /** The story, with everything that goes wrong in it. */
  async run(): Promise<void> {
    const { messages = 500, durationMs = 240_000 } = this.#options;
    this.#servers.begin();
    for (const device of this.devices) await device.start();
    this.raw.start();
    await this.clock.advance(1_000);
    this.#script.open();
    await this.clock.advance(2_000);
    const random = this.#random.stream('times');
    const { clock } = this;
    for (let n = 0; n < messages; n += 1) clock.after(random.between(0, durationMs), () => this.#script.post());
    for (let n = 0; n < messages / 2; n += 1) clock.after(random.between(0, durationMs), () => this.#script.act());
    this.#schedule();
    await clock.advance(durationMs);
  }

  /** The faults end. True once everything under way has settled and every device is right; false if that takes too long. */
  async heal(isRight: () => Promise<boolean>): Promise<boolean> {
    this.recording.note('heal');
    this.raw.end();
    this.faults = noFaults;
    this.#trouble = undefined;
    this.#servers.heal();
    for (const device of this.devices) await device.start();
    for (let waited = 0; waited < healedMsMax; waited += 10_000) {
      await this.clock.advance(10_000);
      this.#watchMailboxes();
      if (!(await isRight())) continue;
      await this.clock.advance(writtenMs);
      return true;
    }
    return false;
  }

  /** Everybody goes home; what is on the disks stays. */
  async end(): Promise<void> {
    for (const device of this.devices) device.crash();
    for (const server of this.#servers.living) server.crash();
    await this.clock.settle();
  }

  #register(n: number): UserId {
    const bits = new Uint8Array(15);
    new DataView(bits.buffer).setUint32(11, n);
    bits[0] = n * 37;
    const userId = idFrom<'user'>('u', bits);
    this.disk.users.set(userId, { userId, handle: `user${n}`, name: `user ${n}`, passwordHash: '', createdAtMs: 0 });
    return userId;
  }

  #device(n: number, seams: DeviceSeams): Device {
    const userId = this.users[n % this.users.length] as UserId;
    const { clock, network, recording } = this;
    const name = `d${n + 1}`;
    return new Device({ name, userId, deviceId: deviceIdOf(n), clock, random: this.#random.stream(`device ${name}`), network, recording, seams });
  }

  #process(cluster?: InCluster): ServerProcess {
    this.#started += 1;
    const { clock, disk, network, recording, mayLose, mailboxMax, wantsEveryHead } = this;
    return new ServerProcess({
      ...(cluster && { cluster }),
      number: this.#started,
      clock,
      random: this.#random,
      disk,
      network,
      recording,
      mayLose,
      wantsEveryHead,
      isSole: cluster === undefined && this.isSole,
      mailboxMax,
      poison: this.#poison,
      faults: () => this.faults,
      trouble: () => this.#trouble,
      seams: this.#options.plant ?? {},
    });
  }

  #watchMailboxes(): void {
    for (const { kernel } of this.#servers.living) this.#fullest = Math.max(this.#fullest, kernel.fullestMailbox());
  }

  /** Each kind of fault comes again and again, at random, until the world heals. */
  #schedule(): void {
    const { faults } = this;
    this.#every('cut', faults.cutEveryMs, (random) => this.#someConnection(random)?.cut());
    this.#every('stall', faults.stallEveryMs, (random) => this.#someConnection(random)?.stall(random.between(500, 15_000)));
    this.#every('device', faults.deviceCrashEveryMs, (random) => this.#deviceFails(random, (device) => (random.chance(0.3) ? device.powerCut(random) : device.crash())));
    this.#every('restore', faults.restoreEveryMs, (random) => this.#deviceFails(random, (device) => device.rewind(random)));
    this.#every('jump', faults.clockJumpEveryMs, (random) => this.#clockJumps(random));
    this.#servers.schedule((kind, meanMs, happens) => this.#every(kind, meanMs, happens));
    this.#every('trouble', faults.troubleEveryMs, (random) => this.#storeFails(random));
    this.#every('watch', 10_000, () => this.#watchMailboxes());
  }

  #every(kind: string, meanMs: number, happens: (random: Draws) => void): void {
    if (meanMs <= 0) return;
    const random = this.#random.stream(`every ${kind}`);
    const again = (): void => {
      this.clock.after(random.wait(meanMs), () => {
        if (this.faults === noFaults) return;
        happens(random);
        again();
      });
    };
    again();
  }

  #someConnection(random: Draws) {
    const open = this.network.connections();
    return open.length === 0 ? undefined : random.pick(open);
  }

  #deviceFails(random: Draws, fail: (device: Device) => Promise<void> | void): void {
    const device = random.pick(this.devices);
    if (device.client === undefined) return;
    this.recording.note(`${device.name} fails`);
    const away = random.chance(0.7) ? random.between(100, 5_000) : random.between(5_000, 60_000);
    const done = fail(device) ?? Promise.resolve();
    done.then(() => {
      if (random.chance(this.faults.clockJumpEveryMs > 0 ? 0.3 : 0)) device.jump(random.between(-3, 3) * 86_400_000);
      this.clock.after(away, () => void device.start());
    });
  }

  #clockJumps(random: Draws): void {
    const device = random.pick(this.devices);
    const ms = random.chance(0.5) ? random.between(1_000, 600_000) : random.between(1, 4) * 86_400_000;
    this.recording.note(`the clock of ${device.name} jumps by ${Math.round(ms)} ms`);
    device.jump(ms);
  }

  #storeFails(random: Draws): void {
    this.#trouble = random.pick(['full', 'unavailable'] as const);
    this.recording.note(`the store is ${this.#trouble}`);
    this.clock.after(random.between(100, this.faults.troubleMsMax), () => {
      this.#trouble = undefined;
      this.recording.note('the store is well');
    });
  }
}

function deviceIdOf(n: number): DeviceId {
  const bits = new Uint8Array(15);
  new DataView(bits.buffer).setUint32(11, n + 1);
  bits[0] = n * 53;
  return idFrom<'device'>('d', bits);
}
