// The embedded store: all stores in one LevelDB database behind one journal, to which their writes are committed together.

import type { EventLoop } from '../structures/event-loop.ts';
import { backupTo } from './backup.level.ts';
import { levelChats } from './chats.level.ts';
import { Committer, type Counts } from './committer.level.ts';
import { levelDevices } from './devices.level.ts';
import { Heads } from './heads.level.ts';
import { Home, type HomeOptions } from './home.level.ts';
import { levelInbox } from './inbox.level.ts';
import { InboxLists } from './inbox-lists.level.ts';
import { levelMessages } from './messages.level.ts';
import { memoryPresence } from './presence.memory.ts';
import { Reads } from './reads.level.ts';
import { levelReceipts } from './receipts.level.ts';
import { Spacing } from './spacing.level.ts';
import type { Stores } from './stores.ts';
import { levelTokens } from './tokens.level.ts';
import { levelUsers } from './users.level.ts';

export type { Counts } from './committer.level.ts';
export type { Report } from './home.level.ts';

export interface LevelOptions extends HomeOptions {
  /** The busier it is, the further apart are commits. */
  readonly loop?: EventLoop;
  /** After each commit: how long it took, how many rows it held. */
  readonly onCommit?: (ms: number, operations: number) => void;
  /** Of each of the files of the journal, of which there are two. */
  readonly journalBytes?: number;
  /** Chats whose heads are held, at about 400 bytes each. */
  readonly headsMax?: number;
}

export interface LevelStores extends Stores {
  /** A whole copy in `to`, an empty or new directory, while writes go on. What was acknowledged before the call is in it. */
  backup(to: string): Promise<void>;
  /** Since the opening; read, never written, by others. */
  readonly counts: Readonly<Counts>;
}

/** Throws StoreRefused, with what to do about it, where the directory is in use or its data is newer than this program. */
export async function openLevelStores(options: LevelOptions): Promise<LevelStores> {
  const { clock, loop, onReport, onCommit, headsMax = 50_000, journalBytes = 16 * 1024 * 1024 } = options;
  const home = await Home.open(options);
  const spacing = new Spacing(loop && { nowMs: loop.nowMs, busyShare: loop.busyShare() });
  const onFailure = (): void => {
    heads.forget();
    lists.forget();
  };
  const committer = await Committer.open({ home, clock, spacing, onReport, journalBytes, onCommit, onFailure }).catch((error: unknown) => abandon(home, error));
  await home.migrate().catch((error: unknown) => abandon(home, error, committer));
  const heads = new Heads(home, (chatId) => committer.recent.tailsOf(chatId), headsMax);
  const lists = new InboxLists();
  const reads = new Reads(home, (run) => clock.soon(run));
  return {
    messages: levelMessages(home, committer, heads, reads),
    chats: levelChats(home, committer),
    inbox: levelInbox({ committer, heads, reads, lists }),
    receipts: levelReceipts(home, committer),
    users: levelUsers(home, committer),
    devices: levelDevices(home, committer, reads),
    tokens: levelTokens(home, committer),
    presence: memoryPresence(),
    incarnation: home.incarnation,
    counts: committer.counts,
    trouble: () => committer.trouble(),
    backup: (to) => backupTo(committer, home.packs, to),
    async close() {
      await committer.close();
      await home.close();
    },
  };
}

async function abandon(home: Home, error: unknown, committer?: Committer): Promise<never> {
  await committer?.close();
  await home.close();
  throw error;
}
