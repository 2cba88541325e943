// Servers that are asked for what they must refuse, one over each transport in turn or the nodes of a cluster, and what every refusal has to look like.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import type { Cluster } from '../../scripts/services/cluster.ts';
import { Parley } from '../../scripts/services/parley.ts';
import type { FromDevice } from '../../src/protocol/codec.ts';
import type { Refused } from '../../src/protocol/connection.ts';
import { type CloseWhy, closes, refusals, type Why } from '../../src/protocol/errors.ts';
import type { Send } from '../../src/protocol/messages.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { openCql } from '../store/cql.ts';
import { type Account, registered, seeded, signedEarlier, signedEarlierIn } from './accounts.ts';
import { Device } from './device.ts';
import { type Closed, RawClient } from './raw-client.ts';
import { ground } from './served.ts';

interface Begun {
  readonly servers: readonly [Parley, ...Parley[]];
  readonly ann: Device;
  readonly bob: Device;
  readonly expired: string;
  end(): Promise<void>;
}

/** What servers that are to refuse are told: not to wait long for a hello, and windows that hold a refusal to each of a few thousand requests. */
export const refusingEnvironment = { PARLEY_HELLO_TIMEOUT_MS: '1500', PARLEY_WINDOW_BYTES: '1048576', PARLEY_ORIGINS: 'https://chat.example' } as const;
const agoMs = 60 * 60_000;

export class RefusingRig {
  #begun: Begun | undefined;
  #fresh = 0;

  /** The one server, or the first. */
  get parley(): Parley {
    return this.#now.servers[0];
  }

  /** Somebody well-behaved, connected through all of it. */
  get ann(): Device {
    return this.#now.ann;
  }

  get bob(): Device {
    return this.#now.bob;
  }

  /** A token of ann's device that was good an hour ago. */
  get expired(): string {
    return this.#now.expired;
  }

  async startAlone(transport: 'uws' | 'ws'): Promise<void> {
    const data = await mkdtemp(join(tmpdir(), 'parley-bad-'));
    const [[account]] = (await seeded(data, 1)) as [[Account]];
    const expired = await signedEarlier(data, account, agoMs);
    const parley = await Parley.start({ data, transport, environment: refusingEnvironment });
    await this.#begin([parley], account, expired, async () => {
      await parley.stop();
      await rm(data, { recursive: true, force: true });
    });
  }

  /** On a cluster that stands before and after, and was started with `refusingEnvironment`: the second of the two people is on another node. */
  async startAmong({ cassandra, nodes }: Cluster): Promise<void> {
    const servers = nodes.map(({ parley }) => parley) as [Parley, ...Parley[]];
    const account = await registered(servers[0].apiUrl);
    const stores = await openCql(cassandra);
    const expired = await signedEarlierIn(stores, account, agoMs);
    await stores.close();
    await this.#begin(servers, account, expired, async () => undefined);
  }

  /** Asserts that all of it has harmed nobody. */
  async stop(): Promise<void> {
    const { servers, ann, bob, end } = this.#now;
    for (const device of [ann, bob]) await device.settled();
    for (const parley of servers) {
      assert.equal((await fetch(`${parley.opsUrl}/healthz`)).status, 200);
      assert.deepEqual(parley.logged('error'), []);
    }
    await end();
  }

  /** A new user: of a cluster, on the nodes in turn. */
  async fresh(): Promise<Device> {
    const { servers } = this.#now;
    this.#fresh += 1;
    const { socketUrl, apiUrl } = servers[this.#fresh % servers.length] as Parley;
    return Device.connect(socketUrl, await registered(apiUrl));
  }

  async #begin(servers: Begun['servers'], account: Account, expired: string, end: () => Promise<void>): Promise<void> {
    const other = servers[1] ?? servers[0];
    const ann = await Device.connect(servers[0].socketUrl, account);
    this.#begun = { servers, expired, ann, bob: await Device.connect(other.socketUrl, await registered(other.apiUrl)), end };
  }

  /** The socket is closed with that code, and the reason says something. With an account: after its hello. */
  async isClosed(why: CloseWhy, say: (client: RawClient) => void, account?: Account): Promise<Closed> {
    const client = account === undefined ? await RawClient.connect(this.parley.socketUrl) : (await Device.connect(this.parley.socketUrl, account)).client;
    say(client);
    const closed = await client.closed;
    assert.equal(closed.code, closes[why].code);
    assert(closed.reason.length > 10, closed.reason);
    return closed;
  }

  /** The device hears that refusal, with code and text, and its socket stays open. */
  async isRefused(device: Device, why: Why, frame: FromDevice): Promise<Refused> {
    const refused = await device.refusedTo(frame);
    assert.deepEqual([refused.why, refused.code, refused.says], [why, refusals[why].code, refusals[why].says]);
    assert(device.client.isOpen);
    return refused;
  }

  get #now(): Begun {
    if (this.#begun === undefined) throw new Error('the server has not been started');
    return this.#begun;
  }
}

/** The tests over each transport, or on the cluster that suites run on; the rig stands once they run. */
export function refusing(title: string, tests: (rig: RefusingRig) => void): void {
  const cluster = ground();
  const alone = (['uws', 'ws'] as const).map((transport) => [transport, (rig: RefusingRig) => rig.startAlone(transport)] as const);
  const grounds = cluster === undefined ? alone : ([['cluster', (rig: RefusingRig) => rig.startAmong(cluster())]] as const);
  for (const [where, start] of grounds) {
    describe(`${title} (${where})`, () => {
      const rig = new RefusingRig();
      before(() => start(rig));
      after(() => rig.stop());
      tests(rig);
    });
  }
}

/** A valid send of that device, but for what `more` says. */
export function sendTo(device: Device, chatId: ChatId, more: Partial<Send> = {}): Send {
  return { kind: 'send', chatId, number: device.number(), after: device.after(chatId), contentType: 'text/plain', body: Buffer.from('hello'), peer: null, ...more };
}
