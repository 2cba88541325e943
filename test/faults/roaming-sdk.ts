// A client that is the SDK itself: it connects to another node whenever one is lost, and everything that it sees goes into the history.
import { decodeToDevice } from '../../src/protocol/codec.ts';
import type { Entry } from '../../src/protocol/messages.ts';
import { type Client, createClient } from '../../src/sdk/client.ts';
import { systemClock, systemRandom } from '../../src/sdk/clock.system.ts';
import { LoggedOut, Refused } from '../../src/sdk/faults.ts';
import type { Policy } from '../../src/sdk/policy.ts';
import { memoryDisk } from '../../src/sdk/storage.memory.ts';
import type { DeviceStorage } from '../../src/sdk/storage.ts';
import type { Dial, Wire } from '../../src/sdk/wire.ts';
import { webSocketDial } from '../../src/sdk/wire.websocket.ts';
import type { ChatId, DeviceId, UserId } from '../../src/structures/ids.ts';
import { digestOf, type History, roams } from './history.ts';
import { Sights } from './sights.ts';
import type { LogIn, Whereabouts } from './whereabouts.ts';

/** A run does not wait as long as a device may. */
const policy: Partial<Policy> = { reconnectMaxMs: 2_000, welcomeTimeoutMs: 4_000, sendTimeoutMs: 4_000, requestTimeoutMs: 6_000, retryMaxMs: 3_000 };
const pendingMax = 4;

export class RoamingSdk {
  readonly kind = 'sdk';
  readonly name: string;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  /** The node that it is connected to, or was last. */
  node = '';
  readonly client: Client;
  readonly #storage: DeviceStorage;
  readonly #history: History;
  #count = 0;
  #wire: Wire | undefined;
  #isRoaming = false;

  private constructor(name: string, { tokens }: LogIn, client: Client, storage: DeviceStorage, history: History) {
    this.name = name;
    this.userId = tokens.userId;
    this.deviceId = tokens.deviceId;
    this.client = client;
    this.#storage = storage;
    this.#history = history;
  }

  static async start(name: string, logIn: LogIn, whereabouts: Whereabouts, history: History): Promise<RoamingSdk> {
    const storage = memoryDisk({ entriesPerChatMax: Number.POSITIVE_INFINITY }).storage();
    const kept = await storage.open();
    const sights = new Sights(name, history);
    const dial: Dial = (events) => {
      const { name: node, socketUrl } = whereabouts.any(self.node);
      self.node = node;
      self.#wire = webSocketDial(() => socketUrl)({
        ...events,
        received(bytes) {
          sights.see(decodeToDevice(bytes));
          events.received(bytes);
        },
      });
      return self.#wire;
    };
    const accessToken = (fresh: boolean): Promise<string> =>
      logIn.accessToken(fresh).catch((error: unknown) => {
        if (error instanceof LoggedOut) history.tell({ who: name, what: 'wrong', says: `logged out: ${error.message}` });
        throw error;
      });
    const { userId, deviceId } = logIn.tokens;
    const client = createClient({ userId, deviceId, clock: systemClock(), random: systemRandom, dial, storage, kept, accessToken, policy, program: 'parley-faults' });
    const self: RoamingSdk = new RoamingSdk(name, logIn, client, storage, history);
    self.#listen();
    client.start();
    return self;
  }

  get isSettled(): boolean {
    return this.client.isConnected && this.client.pending().length === 0;
  }

  isIn(chatId: ChatId): boolean {
    return this.client.chat(chatId).member;
  }

  /** False where so much waits that nothing more is written. */
  post(chatId: ChatId, peer: UserId | null): boolean {
    const chat = peer === null ? this.client.chat(chatId) : this.client.directChat(peer);
    if (chat.pending.length >= pendingMax) return false;
    const text = `${this.name}/${(this.#count += 1)}`;
    this.#history.tell({ who: this.name, what: 'posted', chatId, text });
    chat.send(text).then(
      ({ seq }) => this.#history.tell({ who: this.name, what: 'sent', chatId, text, seq }),
      (error: unknown) => this.#history.tell({ who: this.name, what: 'refused', chatId, text, why: error instanceof Refused ? error.why : String(error) }),
    );
    return true;
  }

  /** Resolves when it is done, or refused for good. */
  async change(chatId: ChatId, change: 'added' | 'removed', userId: UserId): Promise<boolean> {
    const chat = this.client.chat(chatId);
    try {
      const { seq } = await (change === 'added' ? chat.add(userId) : chat.remove(userId));
      this.#history.tell({ who: this.name, what: 'changed', chatId, seq, change, userId });
      return true;
    } catch (error) {
      if (error instanceof Refused) return false;
      throw error;
    }
  }

  /** As if its network had changed: it connects to another node. */
  roam(): void {
    this.#isRoaming = this.client.isConnected;
    this.#wire?.close();
  }

  async read(chatId: ChatId): Promise<void> {
    await this.client.chat(chatId).read();
  }

  async kept(chatIds: Iterable<ChatId>): Promise<ReadonlyMap<ChatId, readonly Entry[]>> {
    const kept = new Map<ChatId, readonly Entry[]>();
    for (const chatId of chatIds) kept.set(chatId, await this.#storage.entries(chatId, { after: 0, before: Number.MAX_SAFE_INTEGER, limit: 1e9, from: 'first' }));
    return kept;
  }

  async stop(): Promise<void> {
    await this.client.stop();
  }

  #listen(): void {
    const { client, name: who } = this;
    const history = this.#history;
    client.on('entry', (entry) => history.tell({ who, what: 'entry', chatId: entry.chatId, seq: entry.seq, digest: digestOf(entry), by: 'told' }));
    client.on('receipt', ({ chatId, userId, delivered, read }) => history.tell({ who, what: 'receipt', chatId, userId, delivered, read, merged: true }));
    client.on('connected', () => history.tell({ who, what: 'connected', node: this.node }));
    client.on('disconnected', ({ why }) => {
      history.tell({ who, what: 'lost', node: this.node, why: this.#isRoaming ? roams : why });
      this.#isRoaming = false;
    });
    client.on('reset', () => history.tell({ who, what: 'wrong', says: 'the store has another history' }));
    client.on('stopped', (why) => why !== 'closed' && history.tell({ who, what: 'wrong', says: `stopped for good: ${why}` }));
    client.on('failed', ({ error }) => history.tell({ who, what: 'wrong', says: `its storage failed: ${String(error)}` }));
  }
}
