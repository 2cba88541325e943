// Real servers for the tests of one file, and people to talk through them: one server over each transport in turn, or the nodes of a cluster, with its users spread over them.
import { after, before, describe } from 'node:test';
import type { Cluster } from '../../scripts/services/cluster.ts';
import { Parley, type ParleyOptions } from '../../scripts/services/parley.ts';
import type { ToDevice } from '../../src/protocol/codec.ts';
import type { UserId } from '../../src/structures/ids.ts';
import { type Account, loggedIn, registered } from './accounts.ts';
import { Device } from './device.ts';

export class Served {
  #servers: readonly Parley[] = [];
  #devices: Device[] = [];
  #next = 0;
  /** Of each user that was made here, which of the servers. */
  readonly #homes = new Map<UserId, number>();
  readonly #start: () => Promise<readonly Parley[]>;
  readonly #stop: (servers: readonly Parley[]) => Promise<void>;

  private constructor(start: () => Promise<readonly Parley[]>, stop: (servers: readonly Parley[]) => Promise<void>) {
    this.#start = start;
    this.#stop = stop;
  }

  static alone(options: ParleyOptions): Served {
    const stop = async (servers: readonly Parley[]): Promise<void> => {
      for (const server of servers) await server.stop();
    };
    return new Served(async () => [await Parley.start(options)], stop);
  }

  /** On the nodes of a cluster, which stands before and after. */
  static among(cluster: () => Cluster): Served {
    return new Served(
      async () => cluster().nodes.map(({ parley }) => parley),
      async () => undefined,
    );
  }

  /** The one server, or the first. */
  get parley(): Parley {
    return this.#server(0);
  }

  /** The API of one of the servers: of a cluster, the nth node. */
  apiUrl(nth: number): string {
    return this.#server(nth).apiUrl;
  }

  async start(): Promise<void> {
    this.#servers = await this.#start();
  }

  async stop(): Promise<void> {
    for (const device of this.#devices) await device.close();
    await this.#stop(this.#servers);
  }

  /** A new user, connected: to the next server. */
  async user(name = 'user'): Promise<Device> {
    const home = this.#next;
    this.#next += 1;
    const account = await registered(this.#server(home).apiUrl, name);
    this.#homes.set(account.userId, home);
    return this.connect(account);
  }

  async users(count: number): Promise<readonly Device[]> {
    return Promise.all(Array.from({ length: count }, () => this.user()));
  }

  async connect(account: Account): Promise<Device> {
    return this.#connect(account, this.#homes.get(account.userId) ?? 0);
  }

  /** A second device of the same user, connected: to another server, if there is one. */
  async another(device: Device): Promise<Device> {
    const home = (this.#homes.get(device.userId) ?? 0) + 1;
    return this.#connect(await loggedIn(this.#server(home).apiUrl, device.account), home);
  }

  async #connect(account: Account, home: number): Promise<Device> {
    const device = await Device.connect(this.#server(home).socketUrl, account);
    this.#devices.push(device);
    return device;
  }

  #server(nth: number): Parley {
    const server = this.#servers[nth % this.#servers.length];
    if (server === undefined) throw new Error('the server has not been started');
    return server;
  }
}

let shared: (() => Cluster) | undefined;
/** Suites that wait for `twoAtOnce`. */
let held: (() => void)[] | undefined;

/** From now on suites run on the nodes of that cluster, once, rather than on servers of their own; if they are to be held, when `twoAtOnce` is called. */
export function runOn(cluster: () => Cluster, { isHeld = false }: { readonly isHeld?: boolean } = {}): void {
  shared = cluster;
  held = isHeld ? [] : undefined;
}

/** The suites that were held, and these (with a concurrency of 1 in each), two beside each other: each has users of its own, and some wait for long. */
export function twoAtOnce(more: () => void): void {
  describe('suites of users of their own', { concurrency: 2 }, () => {
    for (const suite of held ?? []) suite();
    more();
  });
}

/** The one that suites run on; undefined: on servers of their own. */
export function ground(): (() => Cluster) | undefined {
  return shared;
}

/** Each of the tests runs over both socket libraries: a device must not be able to tell which it is, nor whether the server is one of many. */
export function overEachTransport(title: string, tests: (served: Served) => void, options: Omit<ParleyOptions, 'transport'> = {}): void {
  const suites: readonly (readonly [string, Served])[] =
    shared === undefined ? (['uws', 'ws'] as const).map((transport) => [transport, Served.alone({ ...options, transport })]) : [['cluster', Served.among(shared)]];
  for (const [where, served] of suites) {
    const suite = (): void => {
      describe(`${title} (${where})`, { concurrency: 1 }, () => {
        before(() => served.start());
        after(() => served.stop());
        tests(served);
      });
    };
    if (held === undefined) suite();
    else held.push(suite);
  }
}

/** Whether the frame speaks of that chat. */
export function about(chatId: string): (frame: ToDevice) => boolean {
  return (frame) => 'chatId' in frame && frame.chatId === chatId;
}
