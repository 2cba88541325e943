// Parley as the load speaks it; the baseline speaks the same.
import { directChatId } from '../../src/protocol/direct.ts';
import { limits } from '../../src/protocol/limits.ts';
import { type Account, Device, DeviceFailed } from './device.ts';
import { Member } from './member.ts';
import { parleyAway } from './parley-away.ts';
import { PushedFrames } from './pushed-frames.ts';
import { eachOf, type Founded, type Party, type PartyOptions, placeOf, type Speaker, type Tally } from './speaker.ts';

const inFlightMax = 64;
const keepAliveMs = 1_000;
const title = 'bench';

export const parley: Speaker = {
  away: parleyAway,
  connect: (endpoint, account) => Device.connect(endpoint, account),
  gather: (options) => Crowd.gather(options),
};

class Crowd implements Party {
  readonly #options: PartyOptions;
  readonly #devices: readonly Device[];
  readonly #timer: NodeJS.Timeout;

  private constructor(options: PartyOptions, devices: readonly Device[]) {
    this.#options = options;
    this.#devices = devices;
    this.#timer = setInterval(() => {
      for (const device of devices) device.stayAlive();
    }, keepAliveMs).unref();
  }

  static async gather(options: PartyOptions): Promise<Crowd> {
    const { endpoint, accounts, first, count } = options;
    const devices: Device[] = [];
    await eachOf(accounts.slice(first, first + count), inFlightMax, async (account, at) => {
      devices[at] = await Device.connect(account.endpoint ?? endpoint, account);
    });
    return new Crowd(options, devices);
  }

  async found(): Promise<readonly Founded[]> {
    const { chats, accounts, first } = this.#options;
    const founded: Founded[] = [];
    for (const [at, device] of this.#devices.entries()) {
      const { chat, firstOfChat } = placeOf(first + at, chats);
      if (first + at !== firstOfChat) continue;
      const others = accounts.slice(firstOfChat + 1, firstOfChat + chats.members);
      founded.push({ chat, ...(chats.direct ? direct(device, others[0] as Account) : await group(device, others)) });
    }
    return founded;
  }

  async join(founded: readonly Founded[], tally: Tally): Promise<readonly Member[]> {
    const { chats, accounts, first, bodyBytes } = this.#options;
    const byChat = new Map(founded.map((one) => [one.chat, { ...one, pushedFrames: new PushedFrames(bodyBytes) }]));
    return this.#devices.map((device, at) => {
      const index = first + at;
      const { chat, firstOfChat } = placeOf(index, chats);
      const { id, baseSeq, pushedFrames } = byChat.get(chat) as Founded & { readonly pushedFrames: PushedFrames };
      const peer = chats.direct ? accounts[index === firstOfChat ? index + 1 : firstOfChat]?.userId : undefined;
      const chatId = id as ReturnType<typeof directChatId>;
      const place = { chatId, baseSeq, peer, index, firstOfChat, chatMembers: chats.members, flowBase: at * chats.members };
      device.member = new Member(device, place, bodyBytes, tally, pushedFrames);
      return device.member;
    });
  }

  brokenWhy(): string | undefined {
    const gone = this.#devices.find((device) => device.endedWhy !== undefined);
    return gone && `a connection ended: ${gone.endedWhy}`;
  }

  leave(): void {
    clearInterval(this.#timer);
    for (const device of this.#devices) device.destroy();
  }
}

/** A direct chat stands as soon as somebody writes. */
function direct(a: Device, b: Account): { readonly id: string; readonly baseSeq: number } {
  return { id: directChatId(a.account.userId, b.userId), baseSeq: 0 };
}

/** The owner makes the group and adds the others, as many at a time as a frame takes. */
async function group(owner: Device, others: readonly Account[]): Promise<{ readonly id: string; readonly baseSeq: number }> {
  const userIds = others.map(({ userId }) => userId);
  const number = owner.nextNumber();
  const made = await owner.ask({ kind: 'createGroup', number, title, userIds: userIds.slice(0, limits.membersPerCommandMax) }, number);
  if (made.kind !== 'sent') throw new DeviceFailed(`${made.kind} instead of sent`);
  let { seq } = made;
  for (let at = limits.membersPerCommandMax, after = number; at < userIds.length; at += limits.membersPerCommandMax) {
    const next = owner.nextNumber();
    const added = await owner.ask({ kind: 'addMembers', chatId: made.chatId, number: next, after, userIds: userIds.slice(at, at + limits.membersPerCommandMax) }, next);
    if (added.kind !== 'sent') throw new DeviceFailed(`${added.kind} instead of sent`);
    seq = added.seq;
    after = next;
  }
  return { id: made.chatId, baseSeq: seq };
}
