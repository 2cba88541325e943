// A device for tests of the whole: it says hello, numbers its sends, and lets a test wait for the frame that it expects.
import { setTimeout as delay } from 'node:timers/promises';
import type { FromDevice, ToDevice, Unknown } from '../../src/protocol/codec.ts';
import type { Refused, Welcome } from '../../src/protocol/connection.ts';
import { directChatId } from '../../src/protocol/direct.ts';
import { numbersPerMs } from '../../src/protocol/limits.ts';
import { type Entry, entryKinds, type Sent } from '../../src/protocol/messages.ts';
import type { Entries } from '../../src/protocol/sync.ts';
import { protocolVersion } from '../../src/protocol/version.ts';
import type { ChatId, UserId } from '../../src/structures/ids.ts';
import type { Account } from './accounts.ts';
import { RawClient, type RawClientOptions } from './raw-client.ts';

export type Kind = ToDevice['kind'];
export type Of<K extends Kind> = Extract<ToDevice, { readonly kind: K }>;

const patienceMs = 20_000; // whether somebody is on another node is looked up every 15 seconds

export class Device {
  readonly account: Account;
  readonly client: RawClient;
  readonly welcome: Welcome;
  /** All that has come, in order. */
  readonly frames: (ToDevice | Unknown)[];
  readonly #taken = new Set<ToDevice | Unknown>();
  readonly #wakers: Set<() => void>;
  readonly #lastNumbers = new Map<ChatId, number>();
  #lastNumber = 0;
  #lastRequest = 1_000;

  private constructor(account: Account, client: RawClient, welcome: Welcome, frames: (ToDevice | Unknown)[], wakers: Set<() => void>) {
    this.account = account;
    this.client = client;
    this.welcome = welcome;
    this.frames = frames;
    this.#wakers = wakers;
  }

  /** Resolves when the server has welcomed it. */
  static async connect(socketUrl: string, account: Account, options: RawClientOptions = {}): Promise<Device> {
    const frames: (ToDevice | Unknown)[] = [];
    const wakers = new Set<() => void>();
    const client = await RawClient.connect(socketUrl, {
      ...options,
      onFrame(frame) {
        frames.push(frame);
        for (const wake of wakers) wake();
      },
    });
    client.tell(helloOf(account));
    const welcome = await until(wakers, client, () => frames[0] as Welcome | undefined, 'welcome');
    return new Device(account, client, welcome, frames, wakers);
  }

  get userId(): UserId {
    return this.account.userId;
  }

  /** A correlation id. */
  request(): number {
    return (this.#lastRequest += 1);
  }

  /** The next send number, as the protocol wants it. */
  number(): number {
    return (this.#lastNumber = Math.max(this.#lastNumber + 1, Date.now() * numbersPerMs));
  }

  /** The number of this device's last send in that chat, 0 for none. */
  after(chatId: ChatId): number {
    return this.#lastNumbers.get(chatId) ?? 0;
  }

  tell(frame: FromDevice): void {
    if ('number' in frame && 'chatId' in frame) this.#lastNumbers.set(frame.chatId, frame.number);
    this.client.tell(frame);
  }

  /** The first frame of that kind, that fits, and that this has not returned yet: of those that have come or will. */
  next<K extends Kind>(kind: K, where: (frame: Of<K>) => boolean = () => true): Promise<Of<K>> {
    const fits = (frame: ToDevice | Unknown): boolean => frame.kind === kind && where(frame as Of<K>);
    return until(this.#wakers, this.client, () => this.#take(fits) as Of<K> | undefined, kind, this.frames);
  }

  /** Those of that kind that have come. */
  all<K extends Kind>(kind: K): readonly Of<K>[] {
    return this.frames.filter((frame) => frame.kind === kind) as Of<K>[];
  }

  /** The answer to a request or send that this has told, be it a refusal. */
  answerTo(request: number): Promise<ToDevice> {
    return until(this.#wakers, this.client, () => this.#answer(request), `answer to ${request}`, this.frames);
  }

  /** Tells it and gives its answer. Where the server says `lagging` first, the answer may have been left out: it is asked again, once a pong shows that there is room. */
  ask(frame: FromDevice): Promise<ToDevice> {
    const request = 'number' in frame ? frame.number : 'request' in frame ? frame.request : -1;
    let lags = this.all('lagging').length;
    let ping = 0;
    this.tell(frame);
    const look = (): ToDevice | undefined => {
      const answer = this.#answer(request);
      if (answer !== undefined) return answer;
      const last = this.frames.at(-1);
      if (this.all('lagging').length > lags) {
        lags = this.all('lagging').length;
        this.tell({ kind: 'ping', request: (ping = this.request()) });
      } else if (ping > 0 && last?.kind === 'pong' && last.request === ping) {
        ping = 0;
        this.tell(frame);
      }
      return undefined;
    };
    return until(this.#wakers, this.client, look, `answer to ${frame.kind}`, this.frames);
  }

  /** The answer to it; throws where it is of another kind. */
  async askFor<K extends Kind>(kind: K, frame: FromDevice): Promise<Of<K>> {
    const answer = await this.ask(frame);
    if (answer.kind !== kind) throw new Error(`${frame.kind} was answered with ${JSON.stringify(answer)}`);
    return answer as Of<K>;
  }

  refusedTo(frame: FromDevice): Promise<Refused> {
    return this.askFor('refused', frame);
  }

  /** Sends a text to a chat and waits until it is durable. */
  say(chatId: ChatId, text: string, peer: UserId | null = null): Promise<Sent> {
    const body = new TextEncoder().encode(text);
    return this.askFor('sent', { kind: 'send', chatId, number: this.number(), after: this.after(chatId), contentType: 'text/plain', body, peer });
  }

  /** To the one other user of a direct chat, which the first one makes. */
  sayTo(peer: UserId, text: string): Promise<Sent> {
    return this.say(directChatId(this.userId, peer), text, peer);
  }

  async group(title: string, userIds: readonly UserId[]): Promise<ChatId> {
    const number = this.number();
    const { chatId } = await this.askFor('sent', { kind: 'createGroup', number, title, userIds });
    this.#lastNumbers.set(chatId, number);
    return chatId;
  }

  pull(chatId: ChatId, after: number, { upTo = 0, limit = 1_000 } = {}): Promise<Entries> {
    return this.askFor('entries', { kind: 'pull', request: this.request(), chatId, after, upTo, limit });
  }

  /** All that this user may see of a chat after `after`, by as many pulls as it takes. */
  async pullAll(chatId: ChatId, after = 0): Promise<readonly Entry[]> {
    const entries: Entry[] = [];
    for (let cursor = after; ; ) {
      const answer = await this.pull(chatId, cursor);
      entries.push(...answer.entries);
      if (answer.through >= answer.head || answer.through <= cursor) return entries;
      cursor = answer.through;
    }
  }

  history(chatId: ChatId, before: number, limit: number): Promise<Entries> {
    return this.askFor('entries', { kind: 'history', request: this.request(), chatId, before, limit });
  }

  /** Everything that this device has asked for before has reached its session, and all that the session had said by then is here. */
  async settled(): Promise<void> {
    await this.askFor('pong', { kind: 'ping', request: this.request() });
  }

  async close(): Promise<void> {
    if (this.client.isOpen) await this.client.close();
  }

  #answer(request: number): ToDevice | undefined {
    return this.#take((frame) => (frame.kind === 'sent' ? frame.number === request : frame.kind !== 'unknown' && 'request' in frame && frame.request === request)) as
      | ToDevice
      | undefined;
  }

  #take(fits: (frame: ToDevice | Unknown) => boolean): ToDevice | Unknown | undefined {
    const found = this.frames.find((frame) => !this.#taken.has(frame) && fits(frame));
    if (found !== undefined) this.#taken.add(found);
    return found;
  }
}

export function helloOf({ accessToken, deviceId }: Account): FromDevice {
  return { kind: 'hello', version: protocolVersion, token: accessToken, deviceId, client: 'parley-test' };
}

export function textOf({ body }: { readonly body: Uint8Array }): string {
  return new TextDecoder().decode(body);
}

/** The texts of the messages among the entries. */
export function textsOf(entries: readonly Entry[]): readonly string[] {
  return entries.filter(({ entryKind }) => entryKind === entryKinds.message).map(textOf);
}

async function until<Value>(wakers: Set<() => void>, client: RawClient, look: () => Value | undefined, what: string, frames: readonly unknown[] = []): Promise<Value> {
  const found = look();
  if (found !== undefined) return found;
  const over = new AbortController();
  try {
    return await new Promise<Value>((resolve, reject) => {
      const wake = (): void => {
        const now = look();
        if (now === undefined) return;
        wakers.delete(wake); // at once: what comes next is for somebody else to take
        resolve(now);
      };
      wakers.add(wake);
      const fail = (why: string): void => {
        wakers.delete(wake);
        reject(new Error(`no ${what}: ${why}; the last frames were ${shown(frames.slice(-5))}`));
      };
      void client.closed.then(({ code, reason }) => fail(`the connection was closed, ${code} ${reason}`));
      delay(patienceMs, undefined, { signal: over.signal }).then(
        () => fail(`none within ${patienceMs} ms`),
        () => undefined,
      );
    });
  } finally {
    over.abort();
  }
}

function shown(frames: readonly unknown[]): string {
  return JSON.stringify(frames, (_name, value: unknown) => (value instanceof Uint8Array ? `${value.byteLength} bytes` : value));
}
