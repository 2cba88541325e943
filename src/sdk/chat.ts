// One chat as a program holds it.
import { limits } from '../protocol/limits.ts';
import type { Role } from '../protocol/members.ts';
import type { Entry } from '../protocol/messages.ts';
import { type ChatId, isDirect, type UserId } from '../structures/ids.ts';
import { refusedAs } from './faults.ts';
import type { HistoryPage, HistoryWish } from './history.ts';
import type { SentItem } from './outbox.ts';
import type { Tick } from './rosters.ts';
import type { ChatPlace, OutboxCommand, OutboxItem, Roster } from './storage.ts';

/** What a chat handle needs of its client. */
export interface ChatPowers {
  readonly userId: UserId;
  placeOf(chatId: ChatId): ChatPlace;
  unreadOf(chatId: ChatId): number;
  tickOf(chatId: ChatId, seq: number): Tick;
  pendingIn(chatId: ChatId): readonly OutboxItem[];
  typistsIn(chatId: ChatId): readonly UserId[];
  bodyBytesMax(): number;
  enqueue(chatId: ChatId | null, command: OutboxCommand): Promise<SentItem>;
  read(chatId: ChatId, seq: number): Promise<void>;
  history(chatId: ChatId, wish: HistoryWish): Promise<HistoryPage>;
  members(chatId: ChatId): Promise<Roster>;
  typing(chatId: ChatId, on: boolean): void;
  focus(chatId: ChatId | null): void;
}

/** Text, or bytes of a type that the others know. */
export type Content = string | { readonly contentType: string; readonly body: Uint8Array };

/** A message in the log, ready to be shown. */
export interface Message {
  readonly chat: Chat;
  readonly seq: number;
  readonly author: UserId;
  readonly mine: boolean;
  readonly atMs: number;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** Empty for what is no text. */
  readonly text: string;
}

export const textType = 'text/plain';

export class Chat {
  readonly chatId: ChatId;
  readonly kind: 'direct' | 'group';
  private readonly powers: ChatPowers;
  private readonly peerGiven: UserId | null;

  constructor(chatId: ChatId, peer: UserId | null, powers: ChatPowers) {
    this.chatId = chatId;
    this.kind = isDirect(chatId) ? 'direct' : 'group';
    this.powers = powers;
    this.peerGiven = peer;
  }

  /** Empty for a direct chat, or while unknown. */
  get title(): string {
    return this.powers.placeOf(this.chatId).title;
  }

  /** The other user of a direct chat, once known. */
  get peer(): UserId | null {
    return this.peerGiven ?? this.powers.placeOf(this.chatId).peer;
  }

  /** False after leaving or being removed. */
  get member(): boolean {
    return this.powers.placeOf(this.chatId).member;
  }

  /** The last entry that this device has. */
  get seq(): number {
    return this.powers.placeOf(this.chatId).seq;
  }

  get unread(): number {
    return this.powers.unreadOf(this.chatId);
  }

  /** What was written here and has not reached the log yet, oldest first. */
  get pending(): readonly OutboxItem[] {
    return this.powers.pendingIn(this.chatId);
  }

  get typists(): readonly UserId[] {
    return this.powers.typistsIn(this.chatId);
  }

  /**
   * Written to the outbox at once, and sent now or when there is a connection, in order, also after a restart. Resolves when the message is durable on the server;
   * rejects with Refused when it never will be. Nobody has to wait for it: `sent` and `refused` are events too. What the outbox does not take in the first place
   * (Refused `bodyTooBig`, TooMuchWaiting, Closed) is told by the promise alone.
   */
  send(content: Content): Promise<SentItem> {
    const { contentType, body } = typeof content === 'string' ? { contentType: textType, body: new TextEncoder().encode(content) } : content;
    if (body.byteLength > this.powers.bodyBytesMax()) return Promise.reject(refusedAs('bodyTooBig'));
    if (contentType.length < 1 || contentType.length > limits.contentTypeMax) return Promise.reject(refusedAs('invalid'));
    return this.powers.enqueue(this.chatId, { kind: 'send', contentType, body: body.slice(), peer: this.kind === 'direct' ? this.peer : null });
  }

  /** The user has seen everything up to `seq` (without it: all that is here). */
  async read(seq: number = this.seq): Promise<void> {
    await this.powers.read(this.chatId, seq);
  }

  /** From this device first, then from the server. Ascending. */
  async history(wish: HistoryWish = {}): Promise<HistoryPage> {
    return await this.powers.history(this.chatId, wish);
  }

  /** Who is in, and how far each has got. */
  async members(): Promise<Roster> {
    return await this.powers.members(this.chatId);
  }

  /** How far an own message has got: `sent`, `delivered` to all others, `read` by all. */
  tick(seq: number): Tick {
    return this.powers.tickOf(this.chatId, seq);
  }

  /** Call it at every key. */
  typing(on = true): void {
    this.powers.typing(this.chatId, on);
  }

  /** This chat is the one on the screen. */
  focus(on = true): void {
    this.powers.focus(on ? this.chatId : null);
  }

  add(...userIds: UserId[]): Promise<SentItem> {
    return this.powers.enqueue(this.chatId, { kind: 'addMembers', userIds });
  }

  remove(userId: UserId): Promise<SentItem> {
    return this.powers.enqueue(this.chatId, { kind: 'removeMember', userId });
  }

  leave(): Promise<SentItem> {
    return this.powers.enqueue(this.chatId, { kind: 'leaveChat' });
  }

  setRole(userId: UserId, role: Role): Promise<SentItem> {
    return this.powers.enqueue(this.chatId, { kind: 'setRole', userId, role });
  }

  /** An entry of this chat as a message. */
  messageOf({ seq, author, atMs, contentType, body }: Entry): Message {
    return { chat: this, seq, author, mine: author === this.powers.userId, atMs, contentType, body, text: contentType === textType ? new TextDecoder().decode(body) : '' };
  }
}
