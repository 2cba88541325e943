// A server that is asked for what it must refuse, over each transport in turn, and what every refusal has to look like.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { Parley } from '../../scripts/services/parley.ts';
import type { FromDevice } from '../../src/protocol/codec.ts';
import type { Refused } from '../../src/protocol/connection.ts';
import { type CloseWhy, closes, refusals, type Why } from '../../src/protocol/errors.ts';
import type { Send } from '../../src/protocol/messages.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { type Account, registered, seeded, signedEarlier } from './accounts.ts';
import { Device } from './device.ts';
import { type Closed, RawClient } from './raw-client.ts';

interface Begun {
  readonly data: string;
  readonly parley: Parley;
  readonly ann: Device;
  readonly bob: Device;
  readonly expired: string;
}

export class RefusingRig {
  #begun: Begun | undefined;

  get parley(): Parley {
    return this.#now.parley;
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

  async start(transport: 'uws' | 'ws'): Promise<void> {
    const data = await mkdtemp(join(tmpdir(), 'parley-bad-'));
    const [[account]] = (await seeded(data, 1)) as [[Account]];
    const expired = await signedEarlier(data, account, 60 * 60_000);
    // Windows that hold a refusal to each of a few thousand requests.
    const parley = await Parley.start({
      data,
      transport,
      environment: { PARLEY_HELLO_TIMEOUT_MS: '1500', PARLEY_WINDOW_BYTES: '1048576', PARLEY_ORIGINS: 'https://chat.example' },
    });
    const ann = await Device.connect(parley.socketUrl, account);
    this.#begun = { data, parley, expired, ann, bob: await Device.connect(parley.socketUrl, await registered(parley.apiUrl)) };
  }

  /** Asserts that all of it has harmed nobody. */
  async stop(): Promise<void> {
    const { data, parley, ann } = this.#now;
    await ann.settled();
    assert.equal((await fetch(`${parley.opsUrl}/healthz`)).status, 200);
    assert.deepEqual(parley.logged('error'), []);
    await parley.stop();
    await rm(data, { recursive: true, force: true });
  }

  async fresh(): Promise<Device> {
    return Device.connect(this.parley.socketUrl, await registered(this.parley.apiUrl));
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

/** The tests over each transport; the rig stands once they run. */
export function refusing(title: string, tests: (rig: RefusingRig) => void): void {
  for (const transport of ['uws', 'ws'] as const) {
    describe(`${title} (${transport})`, () => {
      const rig = new RefusingRig();
      before(() => rig.start(transport));
      after(() => rig.stop());
      tests(rig);
    });
  }
}

/** A valid send of that device, but for what `more` says. */
export function sendTo(device: Device, chatId: ChatId, more: Partial<Send> = {}): Send {
  return { kind: 'send', chatId, number: device.number(), after: device.after(chatId), contentType: 'text/plain', body: Buffer.from('hello'), peer: null, ...more };
}
