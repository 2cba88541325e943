// A real server for the tests of one file, over each transport in turn, and people to talk through it.
import { after, before, describe } from 'node:test';
import { Parley, type ParleyOptions } from '../../scripts/services/parley.ts';
import type { ToDevice } from '../../src/protocol/codec.ts';
import { type Account, loggedIn, registered } from './accounts.ts';
import { Device } from './device.ts';

export class Served {
  #parley: Parley | undefined;
  #devices: Device[] = [];
  readonly #options: ParleyOptions;

  constructor(options: ParleyOptions) {
    this.#options = options;
  }

  get parley(): Parley {
    if (this.#parley === undefined) throw new Error('the server has not been started');
    return this.#parley;
  }

  async start(): Promise<void> {
    this.#parley = await Parley.start(this.#options);
  }

  async stop(): Promise<void> {
    for (const device of this.#devices) await device.close();
    await this.#parley?.stop();
  }

  /** A new user, connected. */
  async user(name = 'user'): Promise<Device> {
    return this.connect(await registered(this.parley.apiUrl, name));
  }

  async users(count: number): Promise<readonly Device[]> {
    return Promise.all(Array.from({ length: count }, () => this.user()));
  }

  async connect(account: Account): Promise<Device> {
    const device = await Device.connect(this.parley.socketUrl, account);
    this.#devices.push(device);
    return device;
  }

  /** A second device of the same user, connected. */
  async another(device: Device): Promise<Device> {
    return this.connect(await loggedIn(this.parley.apiUrl, device.account));
  }
}

/** Each of the tests runs over both socket libraries: a device must not be able to tell which it is. */
export function overEachTransport(title: string, tests: (served: Served) => void, options: Omit<ParleyOptions, 'transport'> = {}): void {
  for (const transport of ['uws', 'ws'] as const) {
    describe(`${title} (${transport})`, () => {
      const served = new Served({ ...options, transport });
      before(() => served.start());
      after(() => served.stop());
      tests(served);
    });
  }
}

/** Whether the frame speaks of that chat. */
export function about(chatId: string): (frame: ToDevice) => boolean {
  return (frame) => 'chatId' in frame && frame.chatId === chatId;
}
