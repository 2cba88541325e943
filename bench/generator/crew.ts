// One generator: the members that are its own, and their traffic. In this process, or in one of several (fleet.ts).
import type { Account } from './device.ts';
import { type Arrivals, seededRandom } from './schedule.ts';
import type { Endpoint } from './socket.ts';
import type { Chats, Founded, Party } from './speaker.ts';
import { type ProtocolName, speakerOf } from './speakers.ts';
import { type Standing, Traffic, type Window, type WindowMarks, type WindowResult } from './traffic.ts';

/** What is to be driven, as plain data. */
export interface CrewOptions {
  readonly protocol: ProtocolName;
  readonly endpoint: Endpoint;
  /** One a member of any chat. */
  readonly accounts: readonly Account[];
  readonly chats: Chats;
  readonly bodyBytes: number;
  readonly seed: number;
  readonly arrivals: Arrivals;
  readonly restMsMax: number;
}

export interface Share {
  readonly first: number;
  readonly count: number;
}

export class Crew {
  readonly #party: Party;
  readonly #traffic: Traffic;

  private constructor(party: Party, traffic: Traffic) {
    this.#party = party;
    this.#traffic = traffic;
  }

  /** Connects the members of the share. Rejects with DeviceFailed. */
  static async gather(options: CrewOptions, { first, count }: Share, isWhole?: (standing: Standing) => boolean): Promise<Crew> {
    const { protocol, endpoint, accounts, chats, bodyBytes, seed, arrivals, restMsMax } = options;
    const speaker = await speakerOf(protocol);
    const party = await speaker.gather({ endpoint, accounts, chats, first, count, bodyBytes });
    const random = seededRandom(seed + first);
    return new Crew(party, new Traffic({ flows: count * chats.members, random, arrivals, restMsMax, ...(isWhole && { isWhole }) }));
  }

  found(): Promise<readonly Founded[]> {
    return this.#party.found();
  }

  async join(founded: readonly Founded[]): Promise<void> {
    for (const sender of await this.#party.join(founded, this.#traffic)) this.#traffic.join(sender);
  }

  window(window: Window, marks: WindowMarks): Promise<WindowResult> {
    return this.#traffic.window(window, marks);
  }

  look(): ReturnType<Traffic['look']> {
    return this.#traffic.look();
  }

  giveUp(): void {
    this.#traffic.giveUp();
  }

  brokenWhy(): string | undefined {
    return this.#party.brokenWhy();
  }

  leave(): void {
    this.#party.leave();
  }
}
