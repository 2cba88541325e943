// Members of a peer's chats: connected a few at a time, each with its place, let go together.
import { type Account, DeviceFailed } from '../generator/device.ts';
import type { Endpoint } from '../generator/socket.ts';
import { eachOf, type Founded, type Guest, type Party, type PartyOptions, placeOf, type Sender, type Speaker, type Tally } from '../generator/speaker.ts';
import { type Encode, Place } from './place.ts';

/** One connection of a peer's protocol, logged in. */
export interface PeerConnection extends Guest {
  /** Where messages that come are judged. */
  place: Place | undefined;
  write(bytes: Uint8Array): void;
  /** Takes part in what goes to this name: its own user, or a room. Resolves once the server says so. */
  join(name: string, isRoom: boolean): Promise<void>;
}

export interface PeerProtocol {
  connect(endpoint: Endpoint, account: Account): Promise<PeerConnection>;
  /** Makes messages from `sender` to `name`, a user or a room. */
  encoder(name: string, isRoom: boolean, sender: number, bodyBytes: number, from: Account): Encode;
}

const inFlightMax = 64;
const answerMsMax = 30_000;

export function speakerOf(protocol: PeerProtocol): Speaker {
  return {
    connect: (endpoint, account) => protocol.connect(endpoint, account),
    gather: async (options) => {
      const { endpoint, accounts, first, count } = options;
      const connections: PeerConnection[] = [];
      await eachOf(accounts.slice(first, first + count), inFlightMax, async (account, at) => {
        connections[at] = await protocol.connect(endpoint, account);
      });
      return new PeerParty(protocol, options, connections);
    },
  };
}

class PeerParty implements Party {
  readonly #protocol: PeerProtocol;
  readonly #options: PartyOptions;
  readonly #connections: readonly PeerConnection[];
  readonly #timer: NodeJS.Timeout;

  constructor(protocol: PeerProtocol, options: PartyOptions, connections: readonly PeerConnection[]) {
    this.#protocol = protocol;
    this.#options = options;
    this.#connections = connections;
    this.#timer = setInterval(() => {
      for (const connection of connections) connection.stayAlive();
    }, 1_000).unref();
  }

  async found(): Promise<readonly Founded[]> {
    const { chats, first } = this.#options;
    const firsts = this.#connections.map((connection, at) => ({ connection, index: first + at })).filter(({ index }) => index % chats.members === 0);
    return Promise.all(
      firsts.map(async ({ connection, index }) => {
        const { chat } = placeOf(index, chats);
        const id = `room${chat}`;
        if (!chats.direct) await connection.join(id, true); // some make a room by entering it
        return { chat, id, baseSeq: 0 };
      }),
    );
  }

  async join(founded: readonly Founded[], tally: Tally): Promise<readonly Sender[]> {
    const { chats, accounts, first, bodyBytes } = this.#options;
    const names = new Map(founded.map(({ chat, id }) => [chat, id]));
    const places: Place[] = [];
    await eachOf(this.#connections, inFlightMax, async (connection, at) => {
      const index = first + at;
      const { chat, firstOfChat } = placeOf(index, chats);
      const own = accounts[index] as Account;
      const peer = accounts[index === firstOfChat ? index + 1 : firstOfChat] as Account;
      const to = chats.direct ? peer.userId : (names.get(chat) as string);
      const encode = this.#protocol.encoder(to, !chats.direct, index, bodyBytes, own);
      const place = new Place(this.#options, at, tally, encode, (bytes) => connection.write(bytes));
      connection.place = place;
      places[at] = place;
      if (chats.direct) await connection.join(own.userId, false);
      else if (index !== firstOfChat) await connection.join(to, true);
    });
    return places;
  }

  brokenWhy(): string | undefined {
    const gone = this.#connections.find(({ endedWhy }) => endedWhy !== undefined);
    return gone && `a connection ended: ${gone.endedWhy}`;
  }

  leave(): void {
    clearInterval(this.#timer);
    for (const connection of this.#connections) connection.destroy();
  }
}

/** Answers that a connection waits for, by what they answer. */
export class Awaited {
  readonly #waiting = new Map<string, { readonly resolve: () => void; readonly reject: (error: Error) => void }>();
  #endedWhy: string | undefined;

  /** Rejects with DeviceFailed when nothing comes, or the connection ends. */
  wait(what: string): Promise<void> {
    if (this.#endedWhy !== undefined) return Promise.reject(new DeviceFailed(this.#endedWhy));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(what)?.reject(new DeviceFailed(`no ${what} within ${answerMsMax} ms`)), answerMsMax);
      this.#waiting.set(what, {
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
    });
  }

  has(what: string): boolean {
    return this.#waiting.has(what);
  }

  came(what: string): void {
    this.#settle(what)?.resolve();
  }

  ended(why: string): void {
    this.#endedWhy = why;
    for (const what of [...this.#waiting.keys()]) this.#settle(what)?.reject(new DeviceFailed(why));
  }

  #settle(what: string): { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined {
    const waiting = this.#waiting.get(what);
    this.#waiting.delete(what);
    return waiting;
  }
}
