// The entry: log in, and there is a client that is connected and stays so.
//
//   const ann = await Parley.logIn({ url: 'http://127.0.0.1:8081', handle: 'ann', password: '…', storage: nodeStorage('./ann') });
//   ann.on('message', ({ text, chat }) => console.log(text, chat.chatId));
//   const chat = await ann.directChat('bob');
//   await chat.send('hello');
import type { Clock, Random } from '../structures/clock.ts';
import type { ChatId, DeviceId, UserId } from '../structures/ids.ts';
import { fetchAccounts } from './accounts.fetch.ts';
import { type Accounts, type Device, HttpRefused, idsPerLookupMax, ServerUnreachable, type Tokens, type User } from './accounts.ts';
import { Chat, type Content, type Message } from './chat.ts';
import type { ChatSummary } from './chat-list.ts';
import { type Client, createClient } from './client.ts';
import type { ClientEvents, ClientNeeds } from './client-events.ts';
import { systemClock, systemRandom } from './clock.system.ts';
import type { Listener } from './events.ts';
import { Closed, LoggedOut, NotConnected, Refused, refusedAs, TooMuchWaiting, Unanswered } from './faults.ts';
import type { HistoryPage, HistoryWish } from './history.ts';
import type { SentItem } from './outbox.ts';
import type { Policy } from './policy.ts';
import type { UserPresence, UserTyping } from './presence.ts';
import type { Tick } from './rosters.ts';
import { memoryStorage } from './storage.memory.ts';
import { type DeviceStorage, type Kept, type Login, type OutboxItem, type Roster, StorageInUse } from './storage.ts';
import { loginOf, TokenKeeper } from './tokens.ts';
import type { Dial } from './wire.ts';
import { webSocketDial } from './wire.websocket.ts';

export type {
  ChatId,
  ChatSummary,
  ClientEvents,
  ClientNeeds,
  Content,
  Device,
  DeviceId,
  DeviceStorage,
  Dial,
  HistoryPage,
  HistoryWish,
  Message,
  OutboxItem,
  Policy,
  Roster,
  SentItem,
  Tick,
  User,
  UserId,
  UserPresence,
  UserTyping,
};
export { Chat, type Client, Closed, createClient, HttpRefused, LoggedOut, memoryStorage, NotConnected, Refused, ServerUnreachable, StorageInUse, TooMuchWaiting, Unanswered };

export interface ParleyOptions {
  /** Where messages, cursors and what is unsent are kept: nodeStorage(folder), indexedDbStorage(name). Without it in memory, and gone with the program. */
  readonly storage?: DeviceStorage;
  /** What the user's list of devices shows. */
  readonly deviceName?: string;
  /** Name and version of the program, for the operator's eyes. */
  readonly program?: string;
  readonly policy?: Partial<Policy>;
  /** For tests. */
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface Credentials {
  /** Of the server's HTTP API; of several nodes, separated by commas, the first that answers is taken. */
  readonly url: string;
  readonly handle: string;
  readonly password: string;
}

/** This storage belongs to another account. */
export class OtherAccount extends Error {}

/** Nobody has logged in with this storage. */
export class NotLoggedIn extends Error {}

export class Parley {
  readonly handle: string;
  /** Of the server's HTTP API. */
  readonly url: string;
  readonly client: Client;
  private readonly accounts: Accounts;
  private readonly tokens: TokenKeeper;
  private readonly storage: DeviceStorage;
  private readonly users = new Map<UserId, User>();

  /** Makes an account and logs this device in. Rejects with HttpRefused (`handleTaken` …) or ServerUnreachable. */
  static async register(options: Credentials & ParleyOptions & { readonly name?: string }): Promise<Parley> {
    const { url, handle, password, name, deviceName = defaultDeviceName } = options;
    return await begin(options, (accounts, kept) => {
      if (kept.login !== null) throw new OtherAccount(`this storage belongs to ${kept.login.handle} at ${kept.login.url}`);
      return accounts.register({ handle, password, deviceName, ...(name !== undefined && { name }) });
    }).then((begun) => Parley.started(url, handle, options, begun));
  }

  /** Logs this device in; the same one as before, if its storage knows. Rejects with HttpRefused (`wrongPassword` …), ServerUnreachable or OtherAccount. */
  static async logIn(options: Credentials & ParleyOptions): Promise<Parley> {
    const { url, handle, password, deviceName = defaultDeviceName } = options;
    return await begin(options, async (accounts, { login }) => {
      const other = () => new OtherAccount(`this storage belongs to ${login?.handle} at ${login?.url}`);
      if (login !== null && (login.handle !== handle.toLowerCase() || login.url !== trimmed(url))) throw other();
      const tokens = await accounts.logIn({ handle, password, deviceName, ...(login !== null && { deviceId: login.deviceId }) });
      if (login !== null && tokens.userId !== login.userId) throw other();
      return tokens;
    }).then((begun) => Parley.started(url, handle, options, begun));
  }

  /** Goes on with the log-in that the storage keeps; needs no connection now. Rejects with NotLoggedIn when there is none. */
  static async open(options: ParleyOptions & { readonly storage: DeviceStorage }): Promise<Parley> {
    const { storage } = options;
    const kept = await storage.open();
    if (kept.login === null) {
      await storage.close();
      throw new NotLoggedIn('nobody has logged in with this storage');
    }
    return new Parley(kept.login, kept, storage, fetchAccounts(kept.login.url), options);
  }

  private static async started(url: string, handle: string, options: ParleyOptions, { accounts, storage, kept, tokens }: Begun): Promise<Parley> {
    const login = loginOf(tokens, { url: trimmed(url), handle: handle.toLowerCase() }, options.clock ?? systemClock());
    await storage.write([{ kind: 'login', login }], { sync: true });
    return new Parley(login, kept, storage, accounts, options);
  }

  private constructor(login: Login, kept: Kept, storage: DeviceStorage, accounts: Accounts, { clock = systemClock(), random = systemRandom, program, policy }: ParleyOptions) {
    this.handle = login.handle;
    this.url = login.url;
    this.accounts = accounts;
    this.storage = storage;
    this.tokens = new TokenKeeper(login, accounts, storage, clock);
    let socketUrl = '';
    let askAgain = false;
    const accessToken = async (fresh: boolean): Promise<string> => {
      const token = await this.tokens.accessToken(fresh);
      if (socketUrl === '' || fresh || askAgain) socketUrl = await accounts.socketUrl();
      askAgain = false;
      return token;
    };
    const { userId, deviceId } = login;
    this.client = createClient({
      userId,
      deviceId,
      clock,
      random,
      storage,
      kept,
      accessToken,
      dial: webSocketDial(
        () => socketUrl,
        () => {
          askAgain = login.url.includes(','); // of several nodes another one may answer, and say where its sockets are
        },
      ),
      ...(program !== undefined && { program }),
      ...(policy !== undefined && { policy }),
    });
    this.client.start();
  }

  get userId(): UserId {
    return this.client.userId;
  }

  get deviceId(): DeviceId {
    return this.client.deviceId;
  }

  get isConnected(): boolean {
    return this.client.isConnected;
  }

  /** Gives back what ends the subscription. */
  on<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): () => void {
    return this.client.on(name, listener);
  }

  /** The chat with that user. Rejects with Refused `noSuchUser`. */
  async directChat(handle: string): Promise<Chat> {
    return this.client.directChat((await this.user(handle)).userId);
  }

  chat(chatId: ChatId): Chat {
    return this.client.chat(chatId);
  }

  async createGroup(title: string, handles: readonly string[]): Promise<Chat> {
    const users = await Promise.all(handles.map((handle) => this.user(handle)));
    return await this.client.createGroup(
      title,
      users.map(({ userId }) => userId),
    );
  }

  async chats(options?: { readonly limit?: number }): Promise<readonly ChatSummary[]> {
    return await this.client.chats(options);
  }

  watch(userIds: readonly UserId[]): void {
    this.client.watch(userIds);
  }

  presenceOf(userId: UserId): UserPresence | undefined {
    return this.client.presenceOf(userId);
  }

  /** Rejects with Refused `noSuchUser`. */
  async user(handle: string): Promise<User> {
    const known = [...this.users.values()].find((user) => user.handle === handle.toLowerCase());
    if (known !== undefined) return known;
    const found = await this.accounts.userByHandle(await this.tokens.accessToken(false), handle);
    if (found === undefined) throw refusedAs('noSuchUser');
    this.remember(found);
    return found;
  }

  /** Handles and names of users, those that exist; asked for once. */
  async usersOf(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, User>> {
    const missing = [...new Set(userIds)].filter((userId) => !this.users.has(userId));
    for (let at = 0; at < missing.length; at += idsPerLookupMax) {
      const found = await this.accounts.usersByIds(await this.tokens.accessToken(false), missing.slice(at, at + idsPerLookupMax));
      for (const user of found) this.remember(user);
    }
    return this.users;
  }

  private remember(user: User): void {
    this.users.set(user.userId, user);
    for (const oldest of this.users.keys()) {
      if (this.users.size <= usersKeptMax) return;
      this.users.delete(oldest);
    }
  }

  async devices(): Promise<readonly Device[]> {
    return await this.accounts.devices(await this.tokens.accessToken(false));
  }

  async revokeDevice(deviceId: DeviceId): Promise<void> {
    await this.accounts.revoke(await this.tokens.accessToken(false), deviceId);
  }

  /** Logs this device out and forgets everything that it keeps, what is unsent too. */
  async logOut(): Promise<void> {
    const accessToken = await this.tokens.accessToken(false);
    await this.client.leave(() => this.accounts.logOut(accessToken));
    const unsent = this.client.pending().map(({ key }) => ({ kind: 'outboxDone' as const, key }));
    await this.client.stop();
    await this.storage.write([{ kind: 'newHistory', incarnation: '' }, { kind: 'login', login: null }, ...unsent], { sync: true });
    await this.storage.close();
  }

  /** What is unsent stays in the storage and goes out when it is opened again. */
  async close(): Promise<void> {
    await this.client.close();
  }
}

const defaultDeviceName = 'Parley SDK';
/** Users whose names are remembered; the ones looked up first are forgotten first. */
const usersKeptMax = 10_000;

function trimmed(url: string): string {
  return url.replace(/\/+$/, '');
}

interface Begun {
  readonly accounts: Accounts;
  readonly storage: DeviceStorage;
  readonly kept: Kept;
  readonly tokens: Tokens;
}

/** Opens the storage before asking for tokens, and closes it when there are none to be had. */
async function begin({ url, storage = memoryStorage() }: { readonly url: string } & ParleyOptions, tokensBy: (accounts: Accounts, kept: Kept) => Promise<Tokens>): Promise<Begun> {
  const accounts = fetchAccounts(url);
  const kept = await storage.open();
  try {
    return { accounts, storage, kept, tokens: await tokensBy(accounts, kept) };
  } catch (error) {
    await storage.close();
    throw error;
  }
}
