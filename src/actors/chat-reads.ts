// Answers to pulls: the log read within bounds that the chat's rules have set.
import type { Router } from '../cluster/router.ts';
import type { ChatPush } from '../core/audience.ts';
import type { ChatState } from '../core/chat.ts';
import * as groups from '../core/groups.ts';
import { sees } from '../core/members.ts';
import type { ReadLog } from '../core/pulls.ts';
import { later } from '../core/session.ts';
import { encodeEntryFrame, refused } from '../protocol/codec.ts';
import { limits } from '../protocol/limits.ts';
import { decodeMembersBody } from '../protocol/members.ts';
import { type Entry, entryKinds } from '../protocol/messages.ts';
import type { Inbox } from '../store/inbox.ts';
import type { MessageStore } from '../store/messages.ts';

export interface ReadNeeds {
  readonly messages: MessageStore;
  readonly inbox: Inbox;
  readonly router: Router;
}

/** Of an activation that found entries which a former one may not have followed up. */
export interface Owing {
  owed: ChatState | undefined;
}

export async function readLog(wish: ReadLog, owing: Owing, { messages, inbox, router }: ReadNeeds): Promise<void> {
  const { chatId, to, request, after, before, limit, from, head, stays } = wish;
  let read: readonly Entry[];
  try {
    if (owing.owed !== undefined) await payOff(owing, inbox);
    read = before - after > 1 ? await messages.read(chatId, { after, before, limit, bytesMax: limits.entriesBytesMax, from }) : [];
  } catch {
    if ('deviceId' in to) router.answer(to, refused(request, 'unavailable', later('unavailable')), true);
    return; // an audience asks again
  }
  if (!('deviceId' in to)) return router.tellAudience(to.node, chatId, { kind: 'repaired', pushes: read.map(pushOf) });
  const first = read[0]?.seq ?? before;
  const last = read.at(-1)?.seq ?? after;
  // Read to the end of the range unless the limit cut it: what was asked for newest-first is complete at its upper end.
  const through = from === 'last' || read.length === 0 || last >= before - 1 ? Math.max(before - 1, 0) : last;
  const entries = stays === undefined ? read : read.filter(({ seq }) => sees(stays, seq));
  router.answer(to, { kind: 'entries', request, chatId, from: from === 'last' ? Math.min(first, through + 1) : after + 1, through: Math.min(through, head), head, entries }, true);
}

/** Before anybody is told of those entries: the device that sent one may take this for its answer, and nobody would raise the inboxes of the others any more. */
async function payOff(owing: Owing, inbox: Inbox): Promise<void> {
  const { owed } = owing;
  if (owed === undefined) return;
  await inbox.raise(owed.members.present.map((userId) => groups.lineOf(owed, userId)));
  if (owing.owed === owed) owing.owed = undefined;
}

/** An entry as its push would have been. */
export function pushOf(entry: Entry): ChatPush {
  const { chatId, seq, entryKind, author, device, number } = entry;
  const out = entryKind === entryKinds.removed || entryKind === entryKinds.left ? decodeMembersBody(entry.body) : undefined;
  return {
    push: { chatId, seq, entryKind, author, origin: number > 0 ? device : null, large: true, member: true, bytes: encodeEntryFrame(entry) },
    went: out?.members.map(([userId]) => userId) ?? [],
  };
}
