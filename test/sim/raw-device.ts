// A device without a client: it speaks frames as it likes, remembers nothing, resends what was answered, and asks for what is not its own. Others must not feel it.
import { decodeToDevice, encodeFrame, type FromDevice } from '../../src/protocol/codec.ts';
import { directChatId } from '../../src/protocol/direct.ts';
import { limits, numbersPerMs } from '../../src/protocol/limits.ts';
import { protocolVersion } from '../../src/protocol/version.ts';
import type { Wire } from '../../src/sdk/wire.ts';
import type { MemoryDisk } from '../../src/store/stores.memory.ts';
import type { Clock } from '../../src/structures/clock.ts';
import type { ChatId, DeviceId, UserId } from '../../src/structures/ids.ts';
import type { Network } from './network.ts';
import type { Draws } from './random.ts';
import { tokenOf } from './server.ts';

export interface RawNeeds {
  readonly name: string;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly clock: Clock;
  readonly random: Draws;
  readonly network: Network;
  readonly users: readonly UserId[];
  /** It knows the id of every chat: ids are never proof of access. */
  readonly disk: MemoryDisk;
}

const deedEveryMs = 1_500;
const formerMax = 40;

export class RawDevice {
  readonly #needs: RawNeeds;
  #wire: Wire | undefined;
  #isOver = false;
  #request = 0;
  #count = 0;
  #number = 0;
  /** Sends that it may send again, word for word. */
  #former: FromDevice[] = [];

  constructor(needs: RawNeeds) {
    this.#needs = needs;
  }

  start(): void {
    this.#dial();
    this.#again();
  }

  end(): void {
    this.#isOver = true;
    this.#wire?.close();
  }

  #dial(): void {
    const { name, userId, deviceId, network, clock } = this.#needs;
    if (this.#isOver) return;
    this.#wire = network.dial(
      { device: name, userId, deviceId },
      {
        opened: () => this.#say({ kind: 'hello', version: protocolVersion, token: tokenOf(userId, deviceId), deviceId, client: 'raw' }),
        received: (bytes) => void decodeToDevice(bytes), // what the server says must be a frame
        closed: () => void clock.after(1_000, () => this.#dial()),
      },
    );
  }

  #again(): void {
    const { clock, random } = this.#needs;
    clock.after(random.wait(deedEveryMs), () => {
      if (this.#isOver) return;
      this.#deed();
      this.#again();
    });
  }

  #deed(): void {
    const { random, users, userId } = this.#needs;
    const chatId = this.#someChat();
    const request = this.#nextRequest();
    const other = random.pick(users);
    const deeds: (() => void)[] = [
      () => this.#send(chatId, {}),
      () => this.#send(directChatId(userId, other), { peer: other }),
      () => this.#send(directChatId(random.pick(users), other), { peer: random.pick(users) }),
      () => this.#former.length > 0 && this.#say(random.pick(this.#former)),
      () => this.#send(chatId, { number: 0 }),
      () => this.#send(chatId, { number: this.#number + (limits.clockAheadMsMax + 3_600_000) * numbersPerMs }),
      () => this.#send(chatId, { number: Math.max(1, this.#number - random.whole(1, 100_000)) }),
      () => this.#send(chatId, { after: this.#number + 1_000_000 }),
      () => this.#send(chatId, { body: new Uint8Array(limits.bodyBytesMax + 1) }),
      () => this.#say({ kind: 'pull', request, chatId, after: random.whole(0, 5), upTo: random.whole(0, 1_000), limit: random.whole(0, 10_000) }),
      () => this.#say({ kind: 'history', request, chatId, before: random.whole(0, 50), limit: random.whole(0, 10_000) }),
      () => this.#say({ kind: 'getMembers', request, chatId }),
      () => this.#say({ kind: 'listChats', request, before: null, limit: random.whole(0, 500) }),
      () =>
        this.#say({
          kind: 'resume',
          request,
          incarnation: random.pick(['', 'memory', 'another']),
          cursors: [{ chatId, seq: random.whole(0, 99), receiptsVersion: 0 }],
          last: random.chance(0.7),
        }),
      () => this.#say({ kind: 'addMembers', chatId, ...this.#numbered(), userIds: [userId, other] }),
      () => this.#say({ kind: 'removeMember', chatId, ...this.#numbered(), userId: other }),
      () => this.#say({ kind: 'setRole', chatId, ...this.#numbered(), userId, role: 'owner' }),
      () => this.#say({ kind: 'read', chatId, seq: random.whole(0, 1_000_000) }),
      () => this.#say({ kind: 'delivered', chatId, seq: random.whole(0, 1_000_000) }),
      () => this.#say({ kind: 'typing', chatId, on: true }),
      () => this.#say({ kind: 'watch', userIds: [other, random.pick(users)] }),
      () => this.#say({ kind: 'hello', version: 1, token: 'another', deviceId: this.#needs.deviceId, client: 'raw' }),
      () => this.#bytes(new Uint8Array([0x92, 0xcc, 250, 7])), // a frame of type 250
      () => random.chance(0.2) && this.#bytes(new Uint8Array([0xc1])), // no frame at all
      () => random.chance(0.1) && this.#flood(chatId),
    ];
    random.pick(deeds)();
  }

  /** More requests at once than it may have open. */
  #flood(chatId: ChatId): void {
    for (let left = limits.requestsInFlightMax + 50; left > 0; left -= 1) this.#say({ kind: 'pull', request: this.#nextRequest(), chatId, after: 0, upTo: 0, limit: 1 });
  }

  #send(chatId: ChatId, { number, after, body, peer = null }: { number?: number; after?: number; body?: Uint8Array; peer?: UserId | null }): void {
    this.#count += 1;
    const own = this.#numbered();
    const text = new TextEncoder().encode(`${this.#needs.name}/0/${this.#count}`);
    const frame: FromDevice = { kind: 'send', chatId, number: number ?? own.number, after: after ?? own.after, contentType: 'text/plain', body: body ?? text, peer };
    this.#former = [...this.#former.slice(1 - formerMax), frame];
    this.#say(frame);
  }

  #numbered(): { readonly number: number; readonly after: number } {
    this.#number = Math.max(this.#number + 1, Math.floor(this.#needs.clock.nowMs()) * numbersPerMs);
    return { number: this.#number, after: 0 };
  }

  #someChat(): ChatId {
    const { disk, random, users } = this.#needs;
    const chats = [...disk.logs.keys()];
    return chats.length === 0 || random.chance(0.1) ? directChatId(random.pick(users), random.pick(users)) : random.pick(chats);
  }

  #nextRequest(): number {
    this.#request += 1;
    return this.#request;
  }

  #say(frame: FromDevice): void {
    this.#bytes(encodeFrame(frame));
  }

  #bytes(bytes: Uint8Array): void {
    this.#wire?.send(bytes);
  }
}
