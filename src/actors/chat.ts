// The actor of one chat: wakes from its log, commits what its rules append, and hands on what they decide.
import type { Router } from '../cluster/router.ts';
import type { ChatCommand, ChatEffect, ChatState, InboxLine } from '../core/chat.ts';
import { step } from '../core/chat.ts';
import { apply, emptyChat, type Folded, foldFromBytes, foldToBytes } from '../core/fold.ts';
import * as groups from '../core/groups.ts';
import * as members from '../core/members.ts';
import { receiptsOf } from '../core/receipts.ts';
import { later } from '../core/session.ts';
import { refused } from '../protocol/codec.ts';
import { limits } from '../protocol/limits.ts';
import type { Entry } from '../protocol/messages.ts';
import type { ChatStore, Snapshot } from '../store/chats.ts';
import { Superseded } from '../store/faults.ts';
import type { Inbox } from '../store/inbox.ts';
import type { MessageStore, OpenLog, Tip } from '../store/messages.ts';
import type { ReceiptStore } from '../store/receipts.ts';
import type { Random } from '../structures/clock.ts';
import type { ChatId } from '../structures/ids.ts';
import { Frames, push, tellReceipt, tellTyping } from './chat-fan-out.ts';
import { readLog } from './chat-reads.ts';
import { Restarts, remind } from './chat-restarts.ts';
import type { ActorDefinition, GivenBack, Loaded, Self } from './runtime/actor.ts';

export interface ChatNeeds {
  readonly messages: MessageStore;
  readonly chats: ChatStore;
  readonly inbox: Inbox;
  readonly receipts: ReceiptStore;
  readonly router: Router;
  readonly random: Random;
  readonly counts: { appends: number; entries: number };
  observeBatch(entries: number): void;
  /** A refusal that leaves, for the metrics. */
  refused(why: string): void;
}

export interface ChatContext {
  tip: Tip;
  /** What this activation found in the log; entries up to here were made by a former one, which may have died before all that follows an append was done. */
  readonly loadedSeq: number;
  followed: boolean;
  /** What was found in the log, until it is certain that inboxes know of it where they lie beside the logs. */
  owed: ChatState | undefined;
  /** With the append that reaches this seq the next fold is to be kept. */
  foldDueSeq: number;
  /** What becomes true once the commit that is under way succeeds. */
  readonly next: { tip: Tip; entries: number; foldDueSeq: number; snapshot: Uint8Array | undefined };
  readonly frames: Frames;
}

export type ChatActor = ActorDefinition<ChatId, ChatState, ChatCommand, ChatEffect, ChatContext>;
type ChatSelf = Self<ChatId, ChatContext>;

/** A fold rides with every 32nd entry while it is small; a larger one is kept beside the log, more rarely. */
const foldEvery = 32;
const foldBytesMax = 2 * 1024;
const snapshotEvery = 512;

export function chatActor(needs: ChatNeeds): ChatActor {
  const restarts = new Restarts();
  return {
    kind: 'chat',
    mailboxMax: 4_000, // beyond it the caller is refused with `busy`: the open sends of 250 devices
    mailboxBytesMax: 8 * 1024 * 1024,
    batchMax: 512, // each makes two entries at most, and a store need not take more than 1,024 in one append
    batchBytesMax: 512 * 1024, // an append stays under 1 MB
    passivateAfterMs: 5 * 60_000,
    sizeOf: (command) => (command.kind === 'post' ? 256 + command.body.byteLength : 256),
    load: async (id) => {
      const loaded = await load(id, needs);
      restarts.woken(loaded.state, needs);
      return loaded;
    },
    step,
    isDurable: ({ kind }) => kind === 'append' || kind === 'check' || kind === 'raise' || kind === 'follow',
    commit(durable, state, self) {
      restarts.appends(self.id);
      return commit(durable, state, self, needs);
    },
    committed: (state, self) => committed(state, self, needs),
    perform: (effect, self) => perform(effect, self, needs),
    giveBack: (command, why) => giveBack(command, why, needs),
    readsOnly: ({ kind }) => kind === 'pull' || kind === 'history' || kind === 'getMembers' || kind === 'enroll' || kind === 'repair',
    passivate: (_state, { id }) => restarts.putAway(id),
    isOver: (state) => state.seq === 0, // nobody has written here: nothing to hold
  };
}

async function load(chatId: ChatId, { messages, chats, receipts, inbox }: ChatNeeds): Promise<Loaded<ChatState, ChatContext>> {
  const log = await messages.open(chatId);
  const context: ChatContext = {
    tip: log.tip,
    loadedSeq: log.lastSeq,
    followed: false,
    owed: undefined,
    foldDueSeq: foldEvery,
    next: { tip: log.tip, entries: 0, foldDueSeq: foldEvery, snapshot: undefined },
    frames: new Frames(),
  };
  if (log.lastSeq === 0) return { state: { ...emptyChat(chatId), receipts: receiptsOf([]) }, context };
  const rows = receipts.list(chatId);
  rows.catch(() => undefined); // heard below, unless something else fails first: then nobody listens, and that must not end the process
  const kept = await newestFold(chatId, log, chats);
  let folded: Folded = (kept !== undefined && foldFromBytes(chatId, kept.bytes)) || emptyChat(chatId);
  context.foldDueSeq = folded.seq + (kept === log.fold ? foldEvery : snapshotEvery);
  while (folded.seq < log.lastSeq) {
    const entries = await messages.read(chatId, { after: folded.seq, before: log.lastSeq + 1, limit: limits.pullEntriesMax, bytesMax: limits.entriesBytesMax, from: 'first' });
    if (entries[0]?.seq !== folded.seq + 1) throw new Error(`the log of ${chatId} has a gap after ${folded.seq}`);
    for (const entry of entries) folded = apply(folded, entry);
  }
  const state = { ...folded, receipts: receiptsOf(await rows, members.joinedSeqs(folded.members)) };
  if (inbox.wantsEveryHead && state.grownAtMs === 0) context.owed = state;
  return { state, context };
}

/** The one beside the log is read only where none rides with the appends, or no longer: the fold has outgrown them. */
async function newestFold(chatId: ChatId, { fold, lastSeq }: OpenLog, chats: ChatStore): Promise<Snapshot | undefined> {
  if (fold !== undefined && lastSeq - fold.seq < snapshotEvery) return fold;
  const snapshot = await chats.snapshot(chatId);
  return fold === undefined || (snapshot !== undefined && snapshot.seq > fold.seq) ? snapshot : fold;
}

function commit(durable: readonly ChatEffect[], state: ChatState, self: ChatSelf, needs: ChatNeeds): Promise<void> {
  const only = durable[0];
  if (durable.length === 1 && only?.kind === 'append' && !needs.inbox.wantsEveryHead) return append([only.entry], state, self, needs);
  const entries: Entry[] = [];
  let others: ChatEffect[] | undefined;
  for (const effect of durable) {
    if (effect.kind === 'append') entries.push(effect.entry);
    else (others ??= []).push(effect);
  }
  const alone = others === undefined && !(needs.inbox.wantsEveryHead && entries.length > 0);
  return alone ? append(entries, state, self, needs) : commitAll(entries, others ?? [], state, self, needs);
}

async function commitAll(entries: readonly Entry[], others: readonly ChatEffect[], state: ChatState, self: ChatSelf, needs: ChatNeeds): Promise<void> {
  const { messages, inbox, receipts } = needs;
  self.context.next.entries = 0;
  const follows = others.flatMap((effect) => (effect.kind === 'follow' ? [effect] : []));
  const marks = new Map(others.flatMap((effect) => (effect.kind === 'raise' ? [[effect.userId, effect] as const] : [])));
  const announced = follows.flatMap(({ announce }) => announce);
  if (announced.length > 0) await inbox.announce(self.id, announced);
  if (entries.length > 0) await append(entries, state, self, needs);
  else if (others.some(({ kind }) => kind === 'check') && !(await messages.stands(self.id, self.context.tip))) throw new Superseded(self.id);
  const lines = linesAfter(entries, follows, state, needs);
  try {
    // In one go, so that the embedded store makes them durable together.
    const raised = marks.size === 0 ? undefined : receipts.raise(self.id, [...marks.values()], state.receipts.version);
    await Promise.all([raised, lines.length > 0 ? inbox.raise(lines) : undefined]);
  } catch (cause) {
    if (entries.length === 0) throw cause;
    // The entries stand, so the state before them must not come back: it is read again, and the commands, now resends, follow up before they are answered.
    throw new Superseded(self.id, { cause });
  }
}

/** What inboxes are to know after the append and not before: ahead of it they would confirm what another owner may have made void. */
function linesAfter(entries: readonly Entry[], follows: readonly { readonly lines: readonly InboxLine[] }[], state: ChatState, { inbox }: ChatNeeds): readonly InboxLine[] {
  const lines = follows.flatMap((effect) => effect.lines);
  // Of a large chat every inbox knows that the log itself is to be asked.
  if (!inbox.wantsEveryHead || entries.length === 0 || state.grownAtMs > 0) return lines;
  // As of the end of the batch: who came in by one of its entries was followed by others of them.
  return [...new Set([...lines.map(({ userId }) => userId), ...state.members.present])].map((userId) => groups.lineOf(state, userId));
}

function append(entries: readonly Entry[], state: ChatState, self: ChatSelf, needs: ChatNeeds): Promise<void> {
  const { context, id: chatId } = self;
  const { next } = context;
  const due = state.seq < context.foldDueSeq ? undefined : foldToBytes(state);
  const fold = due !== undefined && due.byteLength <= foldBytesMax ? due : undefined;
  next.tip = drawTip(needs.random);
  next.entries = entries.length;
  next.snapshot = fold === undefined ? due : undefined;
  next.foldDueSeq = due === undefined ? context.foldDueSeq : state.seq + (fold === undefined ? snapshotEvery : foldEvery);
  // The store's own promise, which the kernel has many wait for at once.
  return needs.messages.append({ chatId, entries, builtOn: context.tip, tip: next.tip, fold, frames: context.frames.of(entries) });
}

function committed(state: ChatState, self: ChatSelf, needs: ChatNeeds): void {
  const { context } = self;
  const { next } = context;
  if (next.entries === 0) return;
  context.tip = next.tip;
  context.owed = undefined;
  context.foldDueSeq = next.foldDueSeq;
  needs.counts.appends += 1;
  needs.counts.entries += next.entries;
  needs.observeBatch(next.entries);
  next.entries = 0;
  if (next.snapshot !== undefined) void keepSnapshot(next.snapshot, state.seq, self, needs);
}

/** Only a shorter way to wake: the append stands without it, and a later one is kept in its turn. */
async function keepSnapshot(bytes: Uint8Array, seq: number, { id }: ChatSelf, { chats }: ChatNeeds): Promise<void> {
  try {
    await chats.keepSnapshot(id, { seq, bytes });
  } catch {
    // the log has it all
  }
}

function drawTip(random: Random): Tip {
  return 1 + Math.floor(random() * (Number.MAX_SAFE_INTEGER - 1));
}

function perform(effect: ChatEffect, self: ChatSelf, needs: ChatNeeds): void {
  const { router } = needs;
  switch (effect.kind) {
    case 'sent':
      return router.answer(effect.to, { kind: 'sent', number: effect.number, chatId: effect.chatId, seq: effect.seq, atMs: effect.atMs }, true);
    case 'push':
      return push(effect, self.context.frames, router);
    case 'refused':
      needs.refused(effect.why);
      return router.answer(effect.to, refused(effect.request, effect.why, { ...later(effect.why), ...(effect.highest !== undefined && { highest: effect.highest }) }), true);
    case 'resent':
      return void resent(effect, self, needs);
    case 'readLog':
      return void readLog(effect, self.context, needs);
    case 'tell':
      return router.answer(effect.to, effect.frame, true);
    case 'receipt':
      return tellReceipt(self.id, effect, router);
    case 'typing':
      return tellTyping(self.id, effect, router);
    case 'remind':
      return remind(effect.state, effect.userId, needs);
    case 'enrolled':
      return router.tellAudience(effect.node, self.id, effect);
    case 'append':
    case 'check':
    case 'raise':
    case 'follow':
      throw new Error(`${effect.kind} is committed, not performed`);
  }
}

/** A former activation may have stored the entry and died before inboxes and watermarks had it: they are raised again before the answer. */
async function resent({ to, number, seq, state }: Extract<ChatEffect, { kind: 'resent' }>, self: ChatSelf, needs: ChatNeeds): Promise<void> {
  const { messages, inbox, receipts, router } = needs;
  const { context, id: chatId } = self;
  try {
    if (seq <= context.loadedSeq && !context.followed) {
      const marks = members.joinedSeqs(state.members).map(([userId, joined]) => ({ userId, delivered: joined, read: joined }));
      await Promise.all([inbox.raise([...state.members.byUser.keys()].map((userId) => groups.lineOf(state, userId))), receipts.raise(chatId, marks, state.receipts.version)]);
      context.followed = true;
    }
    const [entry] = await messages.read(chatId, { after: seq - 1, before: seq + 1, limit: 1, bytesMax: limits.entriesBytesMax, from: 'first' });
    if (entry === undefined) throw new Error(`entry ${seq} of ${chatId} is gone`);
    router.answer(to, { kind: 'sent', number, chatId, seq, atMs: entry.atMs }, true);
  } catch {
    // The entry stands whatever happens; the device asks again.
    router.answer(to, refused(number, 'unavailable', later('unavailable')), true);
  }
}

function giveBack(command: ChatCommand, why: GivenBack, needs: ChatNeeds): void {
  switch (command.kind) {
    case 'post':
    case 'create':
    case 'change':
      needs.refused(why);
      return needs.router.answer(command.from, refused(command.number, why, later(why)), true);
    case 'pull':
    case 'history':
    case 'getMembers':
      needs.refused(why);
      return needs.router.answer(command.from, refused(command.request, why, later(why)), true);
    case 'enroll':
    case 'repair': // an audience asks again by itself
    case 'mark': // the next watermark includes this one
    case 'typing':
    case 'confirm': // the next resume asks again
      return;
  }
}
