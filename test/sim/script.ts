// What the people of a simulated world do: write, read, make groups, come and go. All of it drawn from the seed.
import { directChatId } from '../../src/protocol/direct.ts';
import { roles } from '../../src/protocol/members.ts';
import type { Client } from '../../src/sdk/client.ts';
import type { MemoryDisk } from '../../src/store/stores.memory.ts';
import { type ChatId, isDirect, type UserId } from '../../src/structures/ids.ts';
import type { Device } from './device.ts';
import type { Draws } from './random.ts';
import { presentIn } from './truth.ts';

export interface ScriptNeeds {
  readonly random: Draws;
  readonly devices: readonly Device[];
  readonly users: readonly UserId[];
  /** Users without a device, who make a chat large. */
  readonly crowd: readonly UserId[];
  readonly disk: MemoryDisk;
}

export class Script {
  readonly #needs: ScriptNeeds;
  /** A few chats get most of the messages, as in life; then folds and rings see some wear. */
  #favourite: ChatId | undefined;

  constructor(needs: ScriptNeeds) {
    this.#needs = needs;
  }

  /** The groups that the story begins with: small ones, and one that is large or becomes it. */
  open(): void {
    const { random, devices, users, crowd } = this.#needs;
    for (let made = 0; made < 3; made += 1) this.#makeGroup(random.pick(devices), this.#some(users, 2, 6));
    this.#makeGroup(random.pick(devices), [...crowd, ...this.#some(users, 4, users.length)].slice(0, random.chance(0.5) ? 200 : 30));
  }

  /** Somebody posts something somewhere. */
  post(): void {
    const { random, users } = this.#needs;
    const device = this.#somebody();
    if (device === undefined) return;
    const known = this.#chatsOf(device.userId);
    const writesFirst = known.length === 0 || random.chance(0.12);
    if (writesFirst) {
      const peer = random.pick(users);
      device.post(directChatId(device.userId, peer), peer);
      return;
    }
    if (this.#favourite === undefined || random.chance(0.02)) this.#favourite = random.pick(known);
    const chatId = known.includes(this.#favourite) && random.chance(0.4) ? this.#favourite : random.pick(known);
    for (let burst = random.chance(0.15) ? random.whole(2, 8) : 1; burst > 0; burst -= 1) device.post(chatId, null);
  }

  /** Somebody does something else. */
  act(): void {
    const { random } = this.#needs;
    const device = this.#somebody();
    const client = device?.client;
    if (device === undefined || client === undefined) return;
    const known = this.#chatsOf(device.userId);
    if (known.length === 0) return;
    const chatId = random.pick(known);
    const chat = client.chat(chatId);
    const deeds: [number, () => unknown][] = [
      [8, () => chat.read(random.chance(0.6) ? undefined : random.whole(0, chat.seq))],
      [2, () => chat.typing(random.chance(0.7))],
      [1, () => chat.focus(random.chance(0.7))],
      [2, () => chat.history({ before: random.whole(0, chat.seq + 2), limit: random.whole(1, 30) })],
      [2, () => client.chats({ limit: random.whole(1, 50) })],
      [1, () => chat.members()],
      [1, () => client.watch(this.#some(this.#needs.users, 0, 4))],
      [4, () => this.#changeMembers(client, chatId)],
      [0.3, () => this.#makeGroup(device, this.#some(this.#needs.users, 1, 5))],
    ];
    let left = random.next() * deeds.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, deed] of deeds) if ((left -= weight) < 0) return quietly(deed);
  }

  #changeMembers(client: Client, chatId: ChatId): Promise<unknown> | undefined {
    const { random, users, disk } = this.#needs;
    if (isDirect(chatId)) return undefined;
    const chat = client.chat(chatId);
    const inside = presentIn(disk.logs.get(chatId)?.entries ?? []).filter((userId) => users.includes(userId));
    if (random.chance(0.5)) return chat.add(...this.#some(users, 1, 3));
    if (inside.length === 0 || random.chance(0.15)) return chat.leave();
    return random.chance(0.7) ? chat.remove(random.pick(inside)) : chat.setRole(random.pick(inside), random.pick(roles));
  }

  #makeGroup(device: Device, userIds: readonly UserId[]): void {
    const { client } = device;
    if (client !== undefined) quietly(() => client.createGroup(`group of ${device.name}`, userIds));
  }

  #somebody(): Device | undefined {
    const living = this.#needs.devices.filter(({ client }) => client !== undefined);
    return living.length === 0 ? undefined : this.#needs.random.pick(living);
  }

  /** Chats that the user is or was in: those who are out try all the same, now and then. */
  #chatsOf(userId: UserId): ChatId[] {
    const { disk, random } = this.#needs;
    const tries = random.chance(0.1);
    const rows = [...(disk.inboxes.get(userId) ?? [])];
    return rows.filter(([chatId, { member, confirmed }]) => (confirmed && member) || (tries && disk.logs.has(chatId))).map(([chatId]) => chatId);
  }

  #some(from: readonly UserId[], min: number, max: number): UserId[] {
    const { random } = this.#needs;
    const pool = [...from];
    const taken: UserId[] = [];
    for (let left = random.whole(min, Math.min(max, pool.length)); left > 0; left -= 1) taken.push(...pool.splice(random.whole(0, pool.length - 1), 1));
    return taken;
  }
}

/** Its fate shows in the log, or is a refusal that the rules allow. */
function quietly(deed: () => unknown): void {
  const done = deed();
  if (done instanceof Promise) done.catch(() => undefined);
}
