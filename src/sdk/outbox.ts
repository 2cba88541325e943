// The outbox in memory: one queue per chat, in the order in which things were written, and what is known of each item.
import type { FromDevice } from '../protocol/codec.ts';
import { limits } from '../protocol/limits.ts';
import type { Timer } from '../structures/clock.ts';
import type { ChatId } from '../structures/ids.ts';
import type { Refused } from './faults.ts';
import type { OutboxItem } from './storage.ts';

/** What `send` and its like resolve with: the entry is durable on the server. */
export interface SentItem {
  readonly key: number;
  readonly number: number;
  readonly chatId: ChatId;
  readonly seq: number;
  /** The server's clock. */
  readonly atMs: number;
}

/**
 * - storing: not yet durable here, so not yet to be sent
 * - waiting: to be sent when its turn comes
 * - flying: sent, no answer yet
 * - settling: it is being looked for in the log
 * - doubted: refused for good, while another copy of it may still be under way to a chat that has changed its mind
 * - renumber: never stored under this number; gets a new one
 * - accepted: the server has it; its entry has not reached this device's log yet
 */
type State = 'storing' | 'waiting' | 'flying' | 'settling' | 'doubted' | 'renumber' | 'accepted';

export interface Open {
  item: OutboxItem;
  state: State;
  readonly queue: Queue;
  /** Whether the server may hold it: it was sent, and no answer has said no since. An unsure one keeps its number. */
  unsure: boolean;
  /** Copies on this connection that have not been answered. */
  flights: number;
  /** The same with those that were given up: answers that may still come. */
  owed: number;
  /** While `doubted`: what the server said, and until when other answers are waited for. */
  doubt: { readonly refused: Refused; readonly over: Timer } | undefined;
  /** Rises with every copy of any item. */
  attempt: number;
  sentAtMs: number;
  /** The program has heard. */
  told: boolean;
  readonly resolve: (sent: SentItem) => void;
  readonly reject: (error: Error) => void;
}

export interface Queue {
  /** Null for a group to be made, which queues alone. */
  readonly chatId: ChatId | null;
  readonly items: Open[];
  /** Runs while the queue rests after a refusal that asks for it. */
  resting: Timer | undefined;
  /** Refusals in a row. */
  tries: number;
  /** Runs while something flies. */
  watching: Timer | undefined;
}

export class Outbox {
  private readonly chats = new Map<ChatId, Queue>();
  private readonly groups = new Set<Queue>();
  private readonly byNumber = new Map<number, Open>();
  private highestKey = 0;

  get size(): number {
    return this.byNumber.size;
  }

  all(): Open[] {
    return [...this.byNumber.values()];
  }

  queues(): Queue[] {
    return [...this.chats.values(), ...this.groups];
  }

  find(number: number): Open | undefined {
    return this.byNumber.get(number);
  }

  of(chatId: ChatId): readonly Open[] {
    return this.chats.get(chatId)?.items ?? [];
  }

  /** Those that the server has, in the chat's log or (a group) as its beginning. */
  acceptedIn(chatId: ChatId): readonly Open[] {
    const groups = [...this.groups].flatMap(({ items }) => items.filter(({ item }) => item.chatId === chatId));
    return [...this.of(chatId), ...groups].filter(({ state }) => state === 'accepted');
  }

  /** The key for an item that is to stand behind all others. */
  nextKey(number: number): number {
    return Math.max(number, this.highestKey + 1);
  }

  add(item: OutboxItem, state: State, unsure: boolean, resolve: Open['resolve'], reject: Open['reject']): Open {
    const queue = this.queueFor(item);
    const one: Open = { item, state, queue, unsure, flights: 0, owed: 0, doubt: undefined, attempt: 0, sentAtMs: 0, told: false, resolve, reject };
    queue.items.push(one);
    this.byNumber.set(item.number, one);
    this.highestKey = Math.max(this.highestKey, item.key);
    return one;
  }

  /** What was left by a former run. No more than the first few of a chat can have been sent: those keep their numbers until the server has answered. */
  restore(items: readonly OutboxItem[]): void {
    for (const item of items) {
      const unanswered = this.queueFor(item).items.filter(({ state }) => state !== 'accepted').length;
      const one = this.add(
        item,
        item.sentSeq === null ? 'waiting' : 'accepted',
        unanswered < limits.openSendsPerChatMax,
        () => undefined,
        () => undefined,
      );
      one.told = one.state === 'accepted';
    }
  }

  replace(one: Open, item: OutboxItem): void {
    if (this.byNumber.get(one.item.number) !== one) throw new Error('only what is in the outbox can be replaced');
    this.byNumber.delete(one.item.number);
    one.item = item;
    this.byNumber.set(item.number, one);
  }

  /** False where it was gone already. */
  remove(one: Open): boolean {
    if (this.byNumber.get(one.item.number) !== one) return false;
    this.byNumber.delete(one.item.number);
    one.queue.items.splice(one.queue.items.indexOf(one), 1);
    if (one.queue.items.length > 0) return true;
    one.queue.watching?.cancel();
    one.queue.resting?.cancel();
    if (one.queue.chatId === null) this.groups.delete(one.queue);
    else this.chats.delete(one.queue.chatId);
    return true;
  }

  private queueFor({ chatId, command }: OutboxItem): Queue {
    const known = chatId === null || command.kind === 'createGroup' ? undefined : this.chats.get(chatId);
    if (known !== undefined) return known;
    const queue: Queue = { chatId: command.kind === 'createGroup' ? null : chatId, items: [], resting: undefined, tries: 0, watching: undefined };
    if (queue.chatId === null) this.groups.add(queue);
    else this.chats.set(queue.chatId, queue);
    return queue;
  }
}

/** The frame that takes an item to the server. `first`: nothing of the chat is known here, so it may not exist yet. */
export function frameOf({ number, chatId, command }: OutboxItem, after: number, first: boolean): FromDevice {
  if (command.kind === 'createGroup') return { ...command, number };
  if (chatId === null) throw new Error('only a group to be made has no chat');
  if (command.kind === 'send') return { ...command, peer: first ? command.peer : null, chatId, number, after };
  return { ...command, chatId, number, after };
}
