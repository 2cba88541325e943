// The logs on the simulator's disk.
import type { Entry } from '../protocol/messages.ts';
import type { ChatId } from '../structures/ids.ts';
import { checkAppend, withinBytes } from './appends.ts';
import type { MemoryAccess, MemoryDisk, MemoryLog } from './disk.memory.ts';
import { Superseded } from './faults.ts';
import type { Append, MessageStore, OpenLog, Range, Tip } from './messages.ts';

export function memoryMessages(access: MemoryAccess): MessageStore {
  const logs = access.disk.logs;
  /** The last append of each chat that this process has under way: the next one waits for it, so that they arrive in order. */
  const underWay = new Map<ChatId, Promise<unknown>>();

  return {
    async open(chatId: ChatId): Promise<OpenLog> {
      await underWay.get(chatId);
      return access.read('messages.open', () => {
        const log = logs.get(chatId);
        return { tip: log?.tip ?? 0, lastSeq: log?.entries.length ?? 0, fold: log?.fold };
      });
    },

    append(append: Append): Promise<void> {
      const before = underWay.get(append.chatId);
      const work = before === undefined ? access.append(append, () => extend(access.disk, append)) : before.then(() => access.append(append, () => extend(access.disk, append)));
      const settled = work.then(
        () => {},
        () => {},
      );
      underWay.set(append.chatId, settled);
      void settled.then(() => {
        if (underWay.get(append.chatId) === settled) underWay.delete(append.chatId);
      });
      return work;
    },

    stands: (chatId: ChatId, tip: Tip) => access.read('messages.stands', () => (logs.get(chatId)?.tip ?? 0) === tip),

    read: (chatId: ChatId, range: Range) => access.read('messages.read', () => slice(logs.get(chatId)?.entries ?? [], range)),
  };
}

/** The conditional write: the same one again changes nothing. */
function extend(disk: MemoryDisk, append: Append): void {
  const { chatId, entries, builtOn, tip, fold } = append;
  const log: MemoryLog = disk.logs.get(chatId) ?? { tip: 0, entries: [], tips: [], fold: undefined };
  if (log.tips[(entries[0]?.seq ?? 0) - 1] === tip) return;
  if (log.tip !== builtOn) throw new Superseded(`somebody else has written to chat ${chatId}`);
  checkAppend(append, log.entries.length);
  log.entries.push(...entries);
  for (let at = 0; at < entries.length; at += 1) log.tips.push(tip);
  log.tip = tip;
  if (fold !== undefined) log.fold = { seq: log.entries.length, bytes: fold };
  disk.logs.set(chatId, log);
}

function slice(entries: readonly Entry[], { after, before, limit, bytesMax, from }: Range): readonly Entry[] {
  const first = Math.max(0, after);
  const end = Math.min(entries.length, before - 1);
  if (end <= first || limit <= 0) return [];
  if (from === 'first') return withinBytes(entries.slice(first, Math.min(end, first + limit)), bytesMax);
  return withinBytes(entries.slice(Math.max(first, end - limit), end).reverse(), bytesMax).toReversed();
}
