// A device of the simulated world: the real client on a disk of its own, which lives, crashes and comes back.
import type { Entry } from '../../src/protocol/messages.ts';
import { type Client, createClient } from '../../src/sdk/client.ts';
import type { Refused } from '../../src/sdk/faults.ts';
import type { Change, DeviceStorage, OutboxItem } from '../../src/sdk/storage.ts';
import type { Dial } from '../../src/sdk/wire.ts';
import type { Clock } from '../../src/structures/clock.ts';
import type { ChatId, DeviceId, UserId } from '../../src/structures/ids.ts';
import { MortalClock } from './clocks.ts';
import { DeviceDisk } from './device-disk.ts';
import type { Network } from './network.ts';
import type { Draws } from './random.ts';
import type { Recording } from './recording.ts';
import { tokenOf } from './server.ts';

export interface DeviceSeams {
  dial?(dial: Dial, random: Draws): Dial;
  storage?(storage: DeviceStorage, random: Draws): DeviceStorage;
}

export interface DeviceNeeds {
  readonly name: string;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly clock: Clock;
  readonly random: Draws;
  readonly network: Network;
  readonly recording: Recording;
  readonly seams: DeviceSeams;
}

/** What the person at this device has written, and what they know became of it. */
export interface Posted {
  readonly text: string;
  readonly device: string;
  /** Which life of the device wrote it: one that comes back from an older copy begins a new line of its story. */
  readonly copy: number;
  /** Rising with what this device posts, whatever the chat. */
  readonly count: number;
  readonly chatId: ChatId;
  /** Whether it has reached the device's disk: before that it goes with the power. */
  kept: boolean;
  fate: 'open' | 'sent' | 'refused';
  why: string;
}

/** Told to the program: a line of a log, in which life. */
export interface Told {
  readonly life: number;
  readonly chatId: ChatId;
  readonly seq: number;
}

/** A watermark of which the program was told, in which life. */
export interface Risen {
  readonly life: number;
  readonly chatId: ChatId;
  readonly userId: UserId;
  readonly delivered: number;
  readonly read: number;
}

export class Device {
  readonly name: string;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly disk = new DeviceDisk((change) => this.#keeps(change));
  readonly posted: Posted[] = [];
  readonly told: Told[] = [];
  readonly risen: Risen[] = [];
  client: Client | undefined;
  /** How often it came back from an older copy. */
  copies = 0;
  #life = 0;
  #clock: MortalClock | undefined;
  #aheadMs = 0;
  readonly #needs: DeviceNeeds;

  constructor(needs: DeviceNeeds) {
    this.#needs = needs;
    this.name = needs.name;
    this.userId = needs.userId;
    this.deviceId = needs.deviceId;
  }

  async start(): Promise<void> {
    if (this.client !== undefined) return;
    this.#life += 1;
    const { name, userId, deviceId, clock: world, random, network, recording, seams } = this.#needs;
    const clock = new MortalClock(world, this.#aheadMs);
    const draw = random.stream(`life ${this.#life}`);
    const { storage, kept } = await this.disk.open(clock, draw.stream('disk'));
    const dial: Dial = (events) => network.dial({ device: name, userId, deviceId }, alive(clock, events));
    const client = createClient({
      userId,
      deviceId,
      clock,
      random: draw.next,
      dial: seams.dial?.(dial, draw.stream('plant dial')) ?? dial,
      storage: seams.storage?.(storage, draw.stream('plant storage')) ?? storage,
      kept,
      accessToken: async () => tokenOf(userId, deviceId),
    });
    this.#clock = clock;
    this.client = client;
    const life = this.#life;
    client.on('entry', (entry) => this.#hears(life, entry));
    client.on('receipt', ({ chatId, userId: whose, delivered, read }) => this.risen.push({ life, chatId, userId: whose, delivered, read }));
    client.on('refused', ({ item, refused }) => this.#isRefused(item, refused));
    client.on('stopped', (why) => this.client === client && recording.wrong(`${name} stopped for good: ${why}`));
    client.on('failed', ({ error }) => recording.wrong(`${name}: its storage failed: ${String(error)}`));
    client.start();
  }

  /** The process is gone; the disk stays as it is. */
  crash(): void {
    if (this.client === undefined) return;
    const { client } = this;
    this.client = undefined;
    this.#clock?.end();
    for (const connection of this.#needs.network.connections(this.name)) connection.deviceDied();
    client.drop();
    this.disk.crash();
  }

  async powerCut(random: Draws): Promise<void> {
    this.crash();
    await this.disk.powerCut(random);
  }

  async rewind(random: Draws): Promise<void> {
    this.crash();
    this.copies += 1;
    // It may not know any more that it was refused, and try again: then perhaps with success.
    for (const posted of this.posted) if (posted.fate === 'refused') posted.fate = 'open';
    await this.disk.rewind(random);
  }

  /** Its clock was set, or it slept. Backward only from one life to the next. */
  jump(ms: number): void {
    this.#aheadMs += ms;
    this.#clock?.jump(ms);
  }

  post(chatId: ChatId, peer: UserId | null): void {
    const { client } = this;
    if (client === undefined) return;
    const text = `${this.name}/${this.copies}/${this.posted.length + 1}`;
    const posted: Posted = { text, device: this.name, copy: this.copies, count: this.posted.length + 1, chatId, kept: false, fate: 'open', why: '' };
    this.posted.push(posted);
    (peer === null ? client.chat(chatId) : client.directChat(peer)).send(text).then(
      () => {
        posted.fate = 'sent';
      },
      () => undefined, // refused, of which the event tells; or closed: then it stays in the outbox
    );
  }

  /** Also of what a former life has written. */
  #isRefused({ command }: OutboxItem, { why }: Refused): void {
    const text = command.kind === 'send' ? new TextDecoder().decode(command.body) : '';
    const posted = this.posted.find((one) => one.text === text);
    if (posted === undefined) return;
    posted.fate = 'refused';
    posted.why = why;
  }

  #keeps(change: Change): void {
    if (change.kind !== 'outbox' || change.item.command.kind !== 'send') return;
    const text = new TextDecoder().decode(change.item.command.body);
    const posted = this.posted.find((one) => one.text === text);
    if (posted !== undefined) posted.kept = true;
  }

  #hears(life: number, { chatId, seq }: Entry): void {
    this.told.push({ life, chatId, seq });
  }
}

/** Frames for a device that has died fall on the floor. */
function alive(clock: MortalClock, events: Parameters<Dial>[0]): Parameters<Dial>[0] {
  return {
    opened: () => clock.isAlive && events.opened(),
    received: (bytes) => clock.isAlive && events.received(bytes),
    closed: (code, reason) => clock.isAlive && events.closed(code, reason),
  };
}
