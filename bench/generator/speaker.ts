// What the load needs of a protocol: connections that stand, chats of many members, messages whose bodies begin with a head (body.ts). Parley's is in parley.ts, those of the peers in bench/peers.
import type { Account } from './device.ts';
import type { SendTally } from './send-window.ts';
import type { Endpoint } from './socket.ts';

/** What a member tells the traffic. */
export interface Tally extends SendTally {
  /** Message `counter` of `flow`, pushed; read at `atMs`. */
  pushed(flow: number, counter: number, dueMs: number, atMs: number): void;
  /** The same from an answer to a pull; repeats are harmless. */
  pulled(flow: number, counter: number, dueMs: number, atMs: number): void;
}

/** How many chats, of how many members each; `direct` ones have two. */
export interface Chats {
  readonly count: number;
  readonly members: number;
  readonly direct: boolean;
}

/** All chats, and which of their members are of this generator. The members of all chats are numbered through, those of one chat stand together. */
export interface PartyOptions {
  readonly endpoint: Endpoint;
  /** One a member, by number. */
  readonly accounts: readonly Account[];
  readonly chats: Chats;
  /** Members `first` … `first + count - 1` are ours. */
  readonly first: number;
  readonly count: number;
  readonly bodyBytes: number;
}

/** A chat that stands, as whoever founded it tells the others. Plain data. */
export interface Founded {
  readonly chat: number;
  readonly id: string;
  /** The chat's last seq before the load; 0 where there is no such thing. */
  readonly baseSeq: number;
}

/** One member of a chat, that sends. */
export interface Sender {
  /** Of its chat, itself among them. */
  readonly chatMembers: number;
  /** Sends a message that was due at `dueMs`, at once or when there is room. */
  send(dueMs: number): void;
  /** Forgets what was due and has not been written, and says how many. */
  giveUpWaiting(): number;
  /** Tells the server how far it has received, where the protocol has that. */
  acknowledge(): void;
}

/** The members of one generator, connected. */
export interface Party {
  /** Makes those chats whose first member is here. All generators have connected before. */
  found(): Promise<readonly Founded[]>;
  /** Takes the places in all chats. Flow `f` of the tally: local member × members of a chat + place of the sender in it. */
  join(founded: readonly Founded[], tally: Tally): Promise<readonly Sender[]>;
  /** Why the party is no longer whole; undefined while it is. */
  brokenWhy(): string | undefined;
  leave(): void;
}

/** An authenticated connection that does nothing. */
export interface Guest {
  /** Undefined while it stands. */
  readonly endedWhy: string | undefined;
  /** Called about every second: says something where the protocol wants to hear it. */
  stayAlive(): void;
  /** At once, without a closing handshake. */
  destroy(): void;
}

/** Messages for who is away, where a protocol keeps them. */
export interface Away {
  /** Whatever the receiver must have done before it went. */
  prepare(endpoint: Endpoint, to: Account): Promise<void>;
  /** Resolves when the server has taken all. Their bodies have the counters 0, 1, 2 … */
  store(endpoint: Endpoint, from: Account, to: Account, messages: number, bodyBytes: number): Promise<void>;
  /** From the connect until all are here, or nothing more comes; the counters in the order in which they came. */
  comeBack(endpoint: Endpoint, account: Account, messages: number): Promise<readonly number[]>;
}

/** Rejects with DeviceFailed where the server does not do its part. */
export interface Speaker {
  readonly away?: Away;
  connect(endpoint: Endpoint, account: Account): Promise<Guest>;
  gather(options: PartyOptions): Promise<Party>;
}

/** The chat of a member, and where in it the member stands. */
export function placeOf(index: number, { members }: Chats): { readonly chat: number; readonly firstOfChat: number } {
  const chat = Math.floor(index / members);
  return { chat, firstOfChat: chat * members };
}

/** Runs `job` for each item, at most `inFlight` at a time. The first failure ends it. */
export async function eachOf<Item>(items: readonly Item[], inFlight: number, job: (item: Item, at: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      await job(items[at] as Item, at);
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, items.length) }, worker));
}
