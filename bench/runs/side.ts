// One server under traffic: its crowd placed in chats, and windows of load with the clocks of both processes read around them.
import { directChatId } from '../../src/protocol/direct.ts';
import { limits } from '../../src/protocol/limits.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import type { Device } from '../generator/device.ts';
import { Member } from '../generator/member.ts';
import { type Arrivals, seededRandom } from '../generator/schedule.ts';
import { Traffic, type Window, type WindowMarks, type WindowResult } from '../generator/traffic.ts';
import type { Target } from '../targets/target.ts';
import { type Usage, usageOf } from '../targets/usage.ts';
import { Crowd } from './crowd.ts';

export interface SideOptions {
  readonly chats: { readonly count: number; readonly members: number; readonly direct: boolean };
  readonly bodyBytes: number;
  readonly seed: number;
  readonly arrivals: Arrivals;
  readonly restMsMax: number;
}

/** One window and what it cost. */
export interface Stretch {
  readonly result: WindowResult;
  readonly server: { readonly before: Usage; readonly after: Usage } | undefined;
  readonly generator: { readonly before: Usage; readonly after: Usage };
  /** Over the whole window, warm-up and drain included; null where the server does not tell. */
  readonly fdatasyncs: number | null;
}

/** The server did something that makes further load pointless. */
export class SideBroken extends Error {}

const settleRate = 50;
const settleMs = 1_000;
const title = 'bench';

export class Side {
  readonly target: Target;
  readonly #crowd: Crowd;
  readonly #traffic: Traffic;

  private constructor(target: Target, crowd: Crowd, traffic: Traffic) {
    this.target = target;
    this.#crowd = crowd;
    this.#traffic = traffic;
  }

  /** Connects everybody, makes the chats and sees that messages arrive. Throws DeviceFailed, SideBroken. */
  static async bringUp(target: Target, options: SideOptions): Promise<Side> {
    const { chats, bodyBytes, seed, arrivals, restMsMax } = options;
    const crowd = await Crowd.connect(target, chats.count * chats.members);
    const traffic = new Traffic({ flows: chats.count * chats.members * chats.members, random: seededRandom(seed), arrivals, restMsMax });
    for (let chat = 0; chat < chats.count; chat += 1) {
      const firstOfChat = chat * chats.members;
      const devices = crowd.devices.slice(firstOfChat, firstOfChat + chats.members);
      const made = chats.direct ? direct(devices) : await group(devices);
      for (const [at, device] of devices.entries()) {
        const index = firstOfChat + at;
        const peer = chats.direct ? (devices[1 - at] as Device).account.userId : undefined;
        device.member = new Member(device, { ...made, peer, index, firstOfChat, chatMembers: chats.members, flowBase: index * chats.members }, bodyBytes, traffic);
        traffic.join(device.member);
      }
    }
    const side = new Side(target, crowd, traffic);
    const { result } = await side.measure({ rate: settleRate, warmMs: 0, measuredMs: settleMs, p99MsMax: Number.POSITIVE_INFINITY });
    if (result.lost > 0) throw new SideBroken(`the chats did not come up: ${result.lost} of ${result.received + result.lost} deliveries never came`);
    return side;
  }

  /** `marks`: who else reads clocks as the measured part begins and ends. Throws SideBroken. */
  async measure(window: Window, marks?: WindowMarks): Promise<Stretch> {
    const { pid } = this.target;
    const syncsBefore = await this.target.fdatasyncs();
    let before = readBoth(pid);
    let after = before;
    const result = await this.#traffic.window(window, {
      begin: () => {
        before = readBoth(pid);
        marks?.begin();
      },
      end: () => {
        after = readBoth(pid);
        marks?.end();
      },
    });
    const syncsAfter = await this.target.fdatasyncs();
    const brokenWhy = this.#crowd.brokenWhy() ?? result.broken;
    if (brokenWhy !== undefined) throw new SideBroken(`${this.target.name}: ${brokenWhy}`);
    return {
      result,
      server: before.server && after.server && { before: before.server, after: after.server },
      generator: { before: before.generator, after: after.generator },
      fdatasyncs: syncsBefore === null || syncsAfter === null ? null : syncsAfter - syncsBefore,
    };
  }

  leave(): void {
    this.#crowd.leave();
  }
}

function readBoth(serverPid: number | undefined): { readonly server: Usage | undefined; readonly generator: Usage } {
  return { server: serverPid === undefined ? undefined : usageOf(serverPid), generator: usageOf(process.pid) };
}

/** A direct chat stands as soon as somebody writes. */
function direct([a, b]: readonly Device[]): { readonly chatId: ChatId; readonly baseSeq: number } {
  return { chatId: directChatId((a as Device).account.userId, (b as Device).account.userId), baseSeq: 0 };
}

/** The first device makes the group and adds the others, as many at a time as a frame takes. */
async function group(devices: readonly Device[]): Promise<{ readonly chatId: ChatId; readonly baseSeq: number }> {
  const [owner, ...others] = devices as readonly [Device, ...Device[]];
  const userIds = others.map(({ account }) => account.userId);
  const number = owner.nextNumber();
  const made = await owner.ask({ kind: 'createGroup', number, title, userIds: userIds.slice(0, limits.membersPerCommandMax) }, number);
  if (made.kind !== 'sent') throw new SideBroken(`${made.kind} instead of sent`);
  let { seq } = made;
  for (let at = limits.membersPerCommandMax, after = number; at < userIds.length; at += limits.membersPerCommandMax) {
    const next = owner.nextNumber();
    const added = await owner.ask({ kind: 'addMembers', chatId: made.chatId, number: next, after, userIds: userIds.slice(at, at + limits.membersPerCommandMax) }, next);
    if (added.kind !== 'sent') throw new SideBroken(`${added.kind} instead of sent`);
    seq = added.seq;
    after = next;
  }
  return { chatId: made.chatId, baseSeq: seq };
}
