// What may be lost: who is there, who types, which chat is open.
import type { FromDevice } from '../protocol/codec.ts';
import { limits } from '../protocol/limits.ts';
import type { PresenceFrame, TypingBy } from '../protocol/presence.ts';
import type { Clock, Timer } from '../structures/clock.ts';
import type { ChatId, UserId } from '../structures/ids.ts';
import { refusedAs } from './faults.ts';
import type { Policy } from './policy.ts';

export interface UserPresence {
  readonly userId: UserId;
  readonly online: boolean;
  /** 0: never, as far as the server knows. */
  readonly lastSeenMs: number;
}

export interface UserTyping {
  readonly chatId: ChatId;
  readonly userId: UserId;
  readonly on: boolean;
}

export interface PresenceNeeds {
  readonly clock: Clock;
  readonly policy: Policy;
  readonly send: (frame: FromDevice) => boolean;
  readonly presence: (presence: UserPresence) => void;
  readonly typing: (typing: UserTyping) => void;
}

export class Presence {
  private readonly needs: PresenceNeeds;
  private watched: readonly UserId[] = [];
  private open: ChatId | null = null;
  private readonly seen = new Map<UserId, UserPresence>();
  /** Who types where, until the timer runs out. */
  private readonly typists = new Map<string, { readonly typing: UserTyping; readonly timer: Timer }>();
  private own: { readonly chatId: ChatId; toldAtMs: number; stop: Timer } | undefined;

  constructor(needs: PresenceNeeds) {
    this.needs = needs;
  }

  start(): void {
    if (this.watched.length > 0) this.needs.send({ kind: 'watch', userIds: this.watched });
    if (this.open !== null) this.needs.send({ kind: 'focus', chatId: this.open });
  }

  /** Without a connection nobody is known to be there. */
  stop(): void {
    this.own?.stop.cancel();
    this.own = undefined;
    for (const key of [...this.typists.keys()]) this.ended(key);
    for (const presence of [...this.seen.values()]) if (presence.online) this.put({ ...presence, online: false });
  }

  /** Replaces the former list. Throws Refused `invalid` for more than `watchMax`. */
  watch(userIds: readonly UserId[]): void {
    if (userIds.length > limits.watchMax) throw refusedAs('invalid');
    this.watched = [...userIds];
    for (const userId of this.seen.keys()) if (!userIds.includes(userId)) this.seen.delete(userId);
    this.needs.send({ kind: 'watch', userIds: this.watched });
  }

  of(userId: UserId): UserPresence | undefined {
    return this.seen.get(userId);
  }

  focus(chatId: ChatId | null): void {
    this.open = chatId;
    this.needs.send({ kind: 'focus', chatId });
  }

  /** To be called at every key: told to the others every few seconds, and taken back when no key comes for a while. */
  typing(chatId: ChatId, on: boolean): void {
    const { clock, policy, send } = this.needs;
    const nowMs = clock.nowMs();
    const former = this.own;
    former?.stop.cancel();
    if (former !== undefined && (former.chatId !== chatId || !on)) {
      send({ kind: 'typing', chatId: former.chatId, on: false });
      this.own = undefined;
    }
    if (!on) return;
    const toldAtMs = this.own?.toldAtMs ?? Number.NEGATIVE_INFINITY;
    const due = nowMs - toldAtMs >= policy.typingEveryMs;
    if (due) send({ kind: 'typing', chatId, on: true });
    this.own = { chatId, toldAtMs: due ? nowMs : toldAtMs, stop: clock.after(policy.typingStopsMs, () => this.typing(chatId, false)) };
  }

  /** A message went out: whoever gets it knows that typing is over. */
  wrote(chatId: ChatId): void {
    if (this.own?.chatId !== chatId) return;
    this.own.stop.cancel();
    this.own = undefined;
  }

  typistsIn(chatId: ChatId): readonly UserId[] {
    return [...this.typists.values()].filter(({ typing }) => typing.chatId === chatId).map(({ typing }) => typing.userId);
  }

  typingBy({ chatId, userId, on, ttlMs }: TypingBy): void {
    const key = `${chatId} ${userId}`;
    if (!on) return this.ended(key);
    const former = this.typists.get(key);
    former?.timer.cancel();
    const typing = { chatId, userId, on: true };
    this.typists.set(key, { typing, timer: this.needs.clock.after(ttlMs, () => this.ended(key)) });
    if (former === undefined) this.needs.typing(typing);
  }

  /** A message of that user came: it types no more. */
  heardFrom(chatId: ChatId, userId: UserId): void {
    this.ended(`${chatId} ${userId}`);
  }

  presence({ userId, online, lastSeenMs }: PresenceFrame): void {
    if (this.watched.includes(userId)) this.put({ userId, online, lastSeenMs });
  }

  private ended(key: string): void {
    const one = this.typists.get(key);
    if (one === undefined) return;
    one.timer.cancel();
    this.typists.delete(key);
    this.needs.typing({ ...one.typing, on: false });
  }

  private put(presence: UserPresence): void {
    this.seen.set(presence.userId, presence);
    this.needs.presence(presence);
  }
}
