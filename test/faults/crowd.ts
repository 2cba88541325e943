// Many devices that talk in many chats at a steady rate, lose the server and find it again.
import { setTimeout as delay } from 'node:timers/promises';
import { directChatId } from '../../src/protocol/direct.ts';
import type { ChatId, UserId } from '../../src/structures/ids.ts';
import type { Account } from '../e2e/accounts.ts';
import { Device } from '../e2e/device.ts';
import { EnduringDevice } from './enduring-device.ts';
import type { Witness } from './judge.ts';
import type { Seeded } from './seeded.ts';

export interface CrowdOptions {
  readonly seeded: Seeded;
  /** Of each message. */
  readonly bodyBytes: number;
}

const tickMs = 5;
const settleMsMax = 60_000;

export class Crowd {
  readonly devices: readonly EnduringDevice[];
  readonly #options: CrowdOptions;
  readonly #counts = new Map<string, number>();

  constructor(accounts: readonly Account[], options: CrowdOptions) {
    this.devices = accounts.map((account) => new EnduringDevice(account));
    this.#options = options;
  }

  /** Direct chats between each device and the next ones; they are made by their first message. */
  meet(neighbours: number): void {
    const { devices } = this;
    for (const [at, one] of devices.entries()) {
      for (let step = 1; step <= neighbours; step += 1) {
        const other = devices[(at + step) % devices.length] as EnduringDevice;
        const chatId = directChatId(one.account.userId, other.account.userId);
        one.join(chatId, other.account.userId);
        other.join(chatId, one.account.userId);
      }
    }
  }

  /** Groups of consecutive devices, made through a server. */
  async gather(url: string, groups: readonly { readonly from: number; readonly size: number }[]): Promise<void> {
    for (const { from, size } of groups) {
      const members = Array.from({ length: size }, (_, at) => this.devices[(from + at) % this.devices.length] as EnduringDevice);
      const owner = await Device.connect(url, (members[0] as EnduringDevice).account);
      const chatId = await owner.group(
        `group ${from}`,
        members.slice(1).map(({ account }) => account.userId as UserId),
      );
      const { number } = (await owner.pull(chatId, 0)).entries[0] as { readonly number: number };
      await owner.close();
      for (const [at, member] of members.entries()) member.join(chatId, null, at === 0 ? number : 0);
    }
  }

  /** All of them, at once. */
  async connect(url: string): Promise<void> {
    await Promise.all(this.devices.map((device) => device.connect(url)));
  }

  async lose(): Promise<void> {
    await Promise.all(this.devices.map((device) => device.lose()));
  }

  get acknowledged(): number {
    return this.devices.reduce((sum, device) => sum + device.acknowledged, 0);
  }

  get areResumed(): boolean {
    return this.devices.every(({ resumed }) => resumed);
  }

  /** Posts at that rate, to any chat of any device, until the signal. Resolves with how many were posted. */
  async talk(perSecond: number, until: AbortSignal): Promise<number> {
    const { seeded } = this.#options;
    const startedMs = performance.now();
    let posted = 0;
    while (!until.aborted) {
      const due = Math.min(((performance.now() - startedMs) * perSecond) / 1_000, posted + perSecond / 20);
      for (; posted < due; posted += 1) this.#post(seeded.of(this.devices));
      await delay(tickMs);
    }
    return posted;
  }

  /** Resolves when every send is acknowledged and every device has what it has heard of. Throws when that does not come. */
  async settle(): Promise<void> {
    const startedMs = performance.now();
    while (!this.devices.every(({ isSettled }) => isSettled)) {
      if (performance.now() - startedMs > settleMsMax) throw new Error(`after ${settleMsMax} ms not settled: ${this.#unsettled()}`);
      await delay(20);
    }
  }

  /** For the judge: every device has been in its chats from their first entry on. */
  get witnesses(): readonly Witness[] {
    return this.devices.map(({ account, journal, places }) => ({ deviceId: account.deviceId, journal, chats: [...places.keys()] }));
  }

  #post(device: EnduringDevice): void {
    const { seeded, bodyBytes } = this.#options;
    const chatId = seeded.of([...device.places.keys()]) as ChatId;
    const name = `${device.account.deviceId} ${chatId}`;
    const nth = this.#counts.get(name) ?? 0;
    if (device.post(chatId, bodyOf(`${name} ${nth} `, bodyBytes))) this.#counts.set(name, nth + 1);
  }

  #unsettled(): string {
    return this.devices
      .filter(({ isSettled }) => !isSettled)
      .slice(0, 3)
      .map(
        ({ account, resumed, places }) =>
          `${account.deviceId} ${resumed ? '' : 'has not resumed '}${[...places.values()].map(({ open, cursor, heard }) => `${open.length} open, ${cursor} of ${heard}`).join('; ')}`,
      )
      .join(' | ');
  }
}

/** The mark, so that each body is told from every other, and filling. */
export function bodyOf(mark: string, bytes: number): Uint8Array {
  return Buffer.from(mark.padEnd(bytes, '.'));
}
