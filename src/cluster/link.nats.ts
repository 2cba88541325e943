// The link on NATS: interest is the directory, a PONG the confirmation. What a node sent since the last one it sends again when it is back after a cut.
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Clock, Random, Timer } from '../structures/clock.ts';
import type { ChatId, UserId } from '../structures/ids.ts';
import type { ToAll, ToChatAudiences, ToNode, ToUser, ToWatchers } from './envelope.ts';
import { encodeEnvelope } from './envelope-codec.ts';
import { type Link, LinkDown, type LinkEvents, type LostWhy, type Receiver } from './link.ts';
import { giveUp } from './link-connect.nats.ts';
import { Incoming, type IncomingCounts } from './link-incoming.ts';
import { envelopeBytesMax, Outgoing, type OutgoingCounts, type OutgoingNeeds } from './link-outgoing.ts';

export interface NatsLinkNeeds {
  /** From connectToNats. The link ends it. */
  readonly connection: NatsConnection;
  readonly node: string;
  /** Another one in each process: from it others tell that this node's numbers begin anew. */
  readonly life: number;
  readonly prefix: string;
  readonly pendingBytesMax: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly receiver: Receiver;
  readonly events: LinkEvents;
  /** What an operator should know; the link goes on. Holds no content of messages. */
  onFault(fault: Error): void;
}

/**
 * The server is asked for a confirmation this often while there is something to confirm: what came before is not sent again. Each costs a write and a read, on either side, which
 * a node that has little to say would pay for each message; one that has much waiting asks sooner.
 */
const confirmMs = { usual: 100, pressed: 10 } as const;
/** Of what may wait: above it the link is pressed. */
const pressedShare = 0.25;
/** `lost` is told after up to this long. */
const lostSpreadMs = 2_000;
const closeMsMax = 5_000;

export class NatsLink implements Link {
  readonly mayLose = true;
  readonly node: string;
  readonly #needs: NatsLinkNeeds;
  readonly #outgoing: Outgoing;
  readonly #incoming: Incoming;
  readonly #users = new Map<UserId, Subscription>();
  readonly #chats = new Map<ChatId, Subscription>();
  readonly #watched = new Map<UserId, Subscription>();
  readonly #own: readonly Subscription[];
  /** How many messages each node was sent, by subject. */
  readonly #numbers = new Map<string, number>();
  readonly #subjects: Readonly<Record<'node' | 'user' | 'chat' | 'presence' | 'nodes', string>>;
  #reconnects = 0;
  #cuts = 0;
  #isUp = true;
  #isClosing = false;
  #isClosed = false;
  #turnEnds = false;
  #confirmation: Timer | undefined;
  #isPressed = false;
  #isConfirming = false;
  #lost: Timer | undefined;
  /** The members of a chat get the same push one after the other: it is encoded once. */
  #last: { readonly of: object; readonly except: string | null; readonly bytes: Uint8Array } | undefined;

  constructor(needs: NatsLinkNeeds) {
    this.#needs = needs;
    this.node = needs.node;
    const { connection, prefix, pendingBytesMax: bytesMax, receiver, events, onFault } = needs;
    this.#subjects = { node: `${prefix}.node.`, user: `${prefix}.user.`, chat: `${prefix}.chat.`, presence: `${prefix}.presence.`, nodes: `${prefix}.nodes` };
    this.#incoming = new Incoming({ receiver, events, onFault, tellLost: (why) => this.#tellLost(why) });
    this.#outgoing = new Outgoing({ bytesMax, publish: (subject, message) => this.#publish(subject, message), headOf: (subject) => this.#headOf(subject) });
    this.#outgoing.open();
    this.#own = [
      this.#subscribe(`${this.#subjects.node}${this.node}`, (message) => this.#incoming.fromNode(message)),
      this.#subscribe(this.#subjects.nodes, (message) => this.#incoming.fromAll(message)),
    ];
    void this.#watch();
    void connection.closed().then((error) => this.#ended(error ?? undefined));
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Since the start, for the metrics. */
  get counts(): { readonly out: OutgoingCounts; readonly in: IncomingCounts; readonly waitingBytes: number; readonly subscriptions: number; readonly reconnects: number } {
    const { counts: out, bytes: waitingBytes } = this.#outgoing;
    return { out, in: this.#incoming.counts, waitingBytes, subscriptions: this.#users.size + this.#chats.size + this.#watched.size, reconnects: this.#reconnects };
  }

  toNode(node: string, envelope: ToNode): void {
    if (node === this.node) return this.#needs.receiver.fromNode(envelope);
    this.#send(`${this.#subjects.node}${node}`, encodeEnvelope('node', envelope));
  }

  /** The server gives nothing back to who sent it: the sessions here get it now, the others by the subject. */
  toUser(userId: UserId, envelope: ToUser): void {
    this.#needs.receiver.forUser(userId, envelope);
    const of = envelope.kind === 'push' ? envelope.push : envelope.kind === 'notify' ? envelope.frame : envelope;
    const except = envelope.kind === 'notify' ? envelope.except : null;
    if (this.#last?.of !== of || this.#last.except !== except) this.#last = { of, except, bytes: encodeEnvelope('user', envelope) };
    this.#send(`${this.#subjects.user}${userId}`, this.#last.bytes);
  }

  toChat(chatId: ChatId, envelope: ToChatAudiences): void {
    this.#needs.receiver.forChat(chatId, envelope);
    this.#send(`${this.#subjects.chat}${chatId}`, encodeEnvelope('chat', envelope));
  }

  toWatchers(userId: UserId, envelope: ToWatchers): void {
    this.#needs.receiver.forWatchers(userId, envelope);
    this.#send(`${this.#subjects.presence}${userId}`, encodeEnvelope('presence', envelope));
  }

  toAll(envelope: ToAll): void {
    if (this.#isUp && !this.#isClosed) this.#publish(this.#subjects.nodes, encodeEnvelope('all', envelope));
  }

  subscribeUser(userId: UserId): void {
    this.#want(this.#users, userId, this.#subjects.user, (message) => this.#incoming.forUser(userId, message));
  }

  unsubscribeUser(userId: UserId): void {
    dropped(this.#users, userId);
  }

  subscribeChat(chatId: ChatId): void {
    this.#want(this.#chats, chatId, this.#subjects.chat, (message) => this.#incoming.forChat(chatId, message));
  }

  unsubscribeChat(chatId: ChatId): void {
    dropped(this.#chats, chatId);
  }

  subscribePresence(userId: UserId): void {
    this.#want(this.#watched, userId, this.#subjects.presence, (message) => this.#incoming.forWatchers(userId, message));
  }

  unsubscribePresence(userId: UserId): void {
    dropped(this.#watched, userId);
  }

  async flush(): Promise<void> {
    if (!this.#isUp || this.#isClosed) throw new LinkDown('NATS is out of reach.');
    this.#outgoing.endTurn();
    const mark = this.#outgoing.mark();
    const cuts = this.#cuts;
    try {
      await this.#needs.connection.flush();
    } catch (cause) {
      throw new LinkDown('NATS went out of reach.', { cause });
    }
    if (cuts !== this.#cuts) throw new LinkDown('NATS went out of reach.'); // another connection's PONG confirms nothing of this one's
    this.#confirmed(mark);
  }

  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const { connection, clock } = this.#needs;
    this.#lost?.cancel();
    if (this.#isUp) {
      let timer: Timer | undefined;
      const late = new Promise<void>((resolve) => {
        timer = clock.after(closeMsMax, resolve);
      });
      // What is heard while it ends may still be answered.
      const inTime = Promise.all(this.#own.map((subscription) => subscription.drain())).then(() => this.flush());
      await Promise.race([inTime.catch(() => undefined), late]); // cut off meanwhile: others notice by its silence
      timer?.cancel();
    }
    this.#isClosed = true;
    await connection.close();
  }

  #want<Id extends string>(wants: Map<Id, Subscription>, id: Id, subjects: string, take: (message: Uint8Array) => void): void {
    if (!this.#isClosing && !wants.has(id)) wants.set(id, this.#subscribe(`${subjects}${id}`, take));
  }

  #subscribe(subject: string, take: (message: Uint8Array) => void): Subscription {
    const { connection, onFault } = this.#needs;
    const callback = (error: Error | null, message: Msg): void => {
      if (error !== null) return onFault(error);
      try {
        take(message.data);
      } catch (fault) {
        onFault(fault as Error); // a fault of ours in one message must not end the reading of all
      }
    };
    return connection.subscribe(subject, { callback });
  }

  #send(subject: string, envelope: Uint8Array): void {
    if (this.#isClosed) return;
    const { clock, onFault } = this.#needs;
    if (!this.#outgoing.add(subject, envelope)) {
      if (envelope.length > envelopeBytesMax) onFault(new Error(`An envelope of ${envelope.length} bytes is too long to be sent.`));
      return this.#confirmSoon();
    }
    if (this.#turnEnds) return;
    this.#turnEnds = true;
    clock.soon(() => {
      this.#turnEnds = false;
      this.#outgoing.endTurn();
      this.#confirmSoon();
    });
  }

  #publish(subject: string, message: Uint8Array): void {
    const { connection } = this.#needs;
    // Without `info` it dials already, before we were told of the cut: what it took now would overtake what leaves again.
    if (connection.info !== undefined) connection.publish(subject, message);
  }

  /** Messages to a node begin with who sends them, numbered; those to users and chats are numbered by what they carry. */
  #headOf(subject: string): ReturnType<OutgoingNeeds['headOf']> {
    if (!subject.startsWith(this.#subjects.node)) return undefined;
    const number = (this.#numbers.get(subject) ?? 0) + 1;
    this.#numbers.set(subject, number);
    return { kind: 'from', node: this.node, life: this.#needs.life, number };
  }

  #confirmSoon(): void {
    const { clock, pendingBytesMax } = this.#needs;
    if (this.#isConfirming || !this.#isUp || this.#isClosed || !this.#outgoing.owes) return;
    const isPressed = this.#outgoing.bytes > pendingBytesMax * pressedShare;
    if (this.#confirmation !== undefined) {
      if (!isPressed || this.#isPressed) return;
      this.#confirmation.cancel();
    }
    this.#isPressed = isPressed;
    this.#confirmation = clock.after(isPressed ? confirmMs.pressed : confirmMs.usual, () => void this.#confirm());
  }

  async #confirm(): Promise<void> {
    this.#confirmation = undefined;
    this.#isConfirming = true;
    try {
      if (this.#isUp && !this.#isClosed) await this.flush();
    } catch {
      // cut off: everything unconfirmed leaves again when the way is free
    } finally {
      this.#isConfirming = false;
    }
    this.#confirmSoon();
  }

  #confirmed(mark: number): void {
    this.#outgoing.confirm(mark);
    if (this.#outgoing.takeNotice()) this.toAll({ kind: 'leftOut', node: this.node });
  }

  async #watch(): Promise<void> {
    const { connection, onFault } = this.#needs;
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') this.#down();
      else if (status.type === 'reconnect') this.#up();
      else if (status.type === 'staleConnection') giveUp(connection);
      else if (status.type === 'error') onFault(status.error);
    }
  }

  #down(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#cuts += 1;
    this.#outgoing.shut();
    if (!this.#isClosing) this.#needs.events.linked(false);
  }

  #up(): void {
    this.#reconnects += 1;
    this.#isUp = true;
    this.#outgoing.open();
    this.#confirmSoon();
    if (this.#isClosing) return;
    this.#needs.events.linked(true);
    this.#tellLost('reconnected');
  }

  #tellLost(why: LostWhy): void {
    if (this.#lost !== undefined || this.#isClosing) return;
    const { clock, random, events } = this.#needs;
    this.#lost = clock.after(random() * lostSpreadMs, () => {
      this.#lost = undefined;
      events.lost(why);
    });
  }

  #ended(error: Error | undefined): void {
    this.#isClosed = true;
    this.#down();
    if (!this.#isClosing) this.#needs.onFault(new LinkDown('The connection to NATS has ended.', { cause: error }));
  }
}

function dropped<Id extends string>(wants: Map<Id, Subscription>, id: Id): void {
  wants.get(id)?.unsubscribe();
  wants.delete(id);
}
