// What an activation of a chat owes where the one before it broke off: entries that it stored may never have been pushed.
import type { Router } from '../cluster/router.ts';
import type { ChatState } from '../core/chat.ts';
import * as groups from '../core/groups.ts';
import { isMember } from '../core/members.ts';
import { watermarkOf } from '../core/receipts.ts';
import type { MessageStore } from '../store/messages.ts';
import type { ChatId } from '../structures/ids.ts';
import { pushOf } from './chat-reads.ts';

export interface RestartNeeds {
  readonly messages: MessageStore;
  readonly router: Router;
}

/** Chats of this node that have appended and have not been put away since: if one is loaded again, it has crashed or was superseded in between. */
export class Restarts {
  readonly #appended = new Set<ChatId>();

  appends(chatId: ChatId): void {
    this.#appended.add(chatId);
  }

  putAway(chatId: ChatId): void {
    this.#appended.delete(chatId);
  }

  /** Lets everybody who is or was in look where the chat stands. What they have heard already tells them nothing new. */
  woken(state: ChatState, needs: RestartNeeds): void {
    if (state.seq === 0 || !this.#appended.has(state.chatId)) return;
    tellHeads(state, needs);
    if (state.grownAtMs > 0) void repeatLast(state, needs);
  }
}

/** Of a large chat only those who are out are told by name: the others hear its audiences. */
function tellHeads(state: ChatState, { router }: RestartNeeds): void {
  const { chatId, receipts, members, grownAtMs } = state;
  for (const userId of members.byUser.keys()) {
    if (grownAtMs > 0 && isMember(members, userId)) continue;
    const { head } = groups.lineOf(state, userId);
    const row = { chatId, head, read: watermarkOf(receipts, userId).read, receiptsVersion: receipts.version };
    router.notifyUser(userId, { kind: 'moved', request: 0, rows: [row], last: true }, null);
  }
}

/** Audiences see a gap before it, if there is one, and ask for what is missing. */
async function repeatLast({ chatId, seq }: ChatState, { messages, router }: RestartNeeds): Promise<void> {
  try {
    const [last] = await messages.read(chatId, { after: seq - 1, before: seq + 1, limit: 1, bytesMax: Number.MAX_SAFE_INTEGER, from: 'first' });
    if (last !== undefined) router.pushToAudiences(chatId, pushOf(last));
  } catch {
    // the next entry shows the gap as well
  }
}
