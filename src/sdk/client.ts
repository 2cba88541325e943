// The client of one device, given its clock, its wires and its storage: what Parley wraps, and what a simulator drives.
import { directChatId } from '../protocol/direct.ts';
import { limits } from '../protocol/limits.ts';
import type { ChatId, DeviceId, UserId } from '../structures/ids.ts';
import { Chat, type ChatPowers } from './chat.ts';
import { type ChatSummary, listChats } from './chat-list.ts';
import type { ClientEvents, ClientNeeds } from './client-events.ts';
import { Engine } from './engine.ts';
import type { Listener } from './events.ts';
import { unreadOf } from './place.ts';
import type { UserPresence } from './presence.ts';
import type { DeviceStorage, OutboxItem } from './storage.ts';

/** Does nothing until it is started. */
export function createClient(needs: ClientNeeds): Client {
  return new Client(needs);
}

export class Client {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  private readonly storage: DeviceStorage;
  private readonly engine: Engine;
  private readonly powers: ChatPowers;

  constructor(needs: ClientNeeds) {
    this.userId = needs.userId;
    this.deviceId = needs.deviceId;
    this.storage = needs.storage;
    this.engine = new Engine(needs, (chatId) => this.chat(chatId));
    this.powers = powersOf(this.engine);
  }

  /** Gives back what ends the subscription. */
  on<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): () => void {
    return this.engine.emitter.on(name, listener);
  }

  get isConnected(): boolean {
    return this.engine.connection.isUp;
  }

  /** Connects, and stays connected. Called again while it waits: tries at once (the network is back, say). */
  start(): void {
    this.engine.connection.start();
  }

  /** Writes what is under way and lets go of the storage. What is unsent goes out when it is opened again. */
  async close(): Promise<void> {
    await this.stop();
    await this.storage.close();
  }

  /** Ends for good, but leaves the storage open. */
  async stop(): Promise<void> {
    const { connection, receipts, journal } = this.engine;
    connection.stop();
    await receipts.flush();
    this.engine.halt();
    await journal.settled();
  }

  /** `ask` has the server log this device out; see Engine. */
  leave(ask: () => Promise<void>): Promise<void> {
    return this.engine.leave(ask);
  }

  /** As if the process died: no farewell, and nothing more is written or told. For simulators. */
  drop(): void {
    const { emitter, journal, connection, clock } = this.engine;
    emitter.mute();
    journal.abandon();
    clock.halt();
    connection.stop();
  }

  chat(chatId: ChatId): Chat {
    return new Chat(chatId, null, this.powers);
  }

  /** Needs no question to the server: the id comes from the pair, and the first message makes the chat. */
  directChat(peer: UserId): Chat {
    return new Chat(directChatId(this.userId, peer), peer, this.powers);
  }

  /** Resolves once the group exists. Also without a connection now: then it is made later. */
  async createGroup(title: string, userIds: readonly UserId[]): Promise<Chat> {
    const { chatId } = await this.powers.enqueue(null, { kind: 'createGroup', title, userIds });
    return this.chat(chatId);
  }

  /** Newest activity first. */
  async chats({ limit = 1_000 }: { readonly limit?: number } = {}): Promise<readonly ChatSummary[]> {
    const { journal, log, questions } = this.engine;
    const { storage } = this;
    return await listChats({ storage, journal, log, isUp: () => this.isConnected, ask: (frame) => questions.ask(frame, 'chats') }, limit);
  }

  /** Whose presence is wanted; replaces the former list. Only users that share a chat with this one are told of. */
  watch(userIds: readonly UserId[]): void {
    this.engine.presence.watch(userIds);
  }

  presenceOf(userId: UserId): UserPresence | undefined {
    return this.engine.presence.of(userId);
  }

  /** Everything that has not reached its log yet, of all chats. */
  pending(): readonly OutboxItem[] {
    return this.engine.sends.outbox.all().map(({ item }) => item);
  }
}

function powersOf(engine: Engine): ChatPowers {
  const { me, log, receipts, presence, sends, history, questions, connection } = engine;
  return {
    userId: me.userId,
    placeOf: (chatId) => log.place(chatId).now,
    unreadOf: (chatId) => unreadOf(log.place(chatId).now),
    tickOf: (chatId, seq) => receipts.tickOf(chatId, seq),
    pendingIn: (chatId) => sends.outbox.of(chatId).map(({ item }) => item),
    typistsIn: (chatId) => presence.typistsIn(chatId),
    bodyBytesMax: () => engine.welcome?.bodyBytesMax ?? limits.bodyBytesMax,
    enqueue(chatId, command) {
      if (chatId !== null && command.kind === 'send') presence.wrote(chatId);
      try {
        return sends.enqueue(chatId, command).sent;
      } catch (error) {
        return Promise.reject(error);
      }
    },
    read: (chatId, seq) => receipts.read(chatId, seq),
    history: (chatId, wish) => history.page(chatId, wish),
    async members(chatId) {
      const known = receipts.rosterOf(chatId);
      const { seq, heard } = log.place(chatId).now;
      if (known !== undefined && (!connection.isUp || (!receipts.isStale(chatId) && heard <= seq))) return known;
      return receipts.adopt(await questions.ask({ kind: 'getMembers', chatId }, 'members'));
    },
    typing: (chatId, on) => presence.typing(chatId, on),
    focus: (chatId) => presence.focus(chatId),
  };
}
