// Bugs that the simulator must find, put into a world from outside: each is a wrapper around a store, an actor, the link or a device. None of them is in src.
import type { ChatCommand, ChatEffect, ChatState } from '../../src/core/chat.ts';
import { foldFromBytes, foldToBytes } from '../../src/core/fold.ts';
import type { Members } from '../../src/core/members.ts';
import { noResends, type Resends } from '../../src/core/resends.ts';
import { decodeFromDevice } from '../../src/protocol/codec.ts';
import type { Inbox } from '../../src/store/inbox.ts';
import type { Append, MessageStore } from '../../src/store/messages.ts';
import type { MemoryDisk } from '../../src/store/stores.memory.ts';
import type { ChatId, DeviceId, UserId } from '../../src/structures/ids.ts';
import type { CheckerName } from './checkers.ts';
import { noFaults } from './faults.ts';
import { inChatSteps, inDefinition, inMessages, refusedComesAgain, unknownIsNo } from './planting.ts';
import type { Plant } from './world.ts';

export interface PlantedBug {
  readonly name: string;
  /** Any of these finds it. */
  readonly foundBy: readonly (CheckerName | 'healed')[];
  /** The seed to try first: one that showed it when this was written. */
  readonly likely: number;
  /** A new one for each world: wrappers may remember things. */
  plant(): Plant;
}

export const plants: readonly PlantedBug[] = [
  {
    name: 'an append is acknowledged before it is durable',
    foundBy: ['acknowledgedIsDurable'],
    likely: 1,
    plant: () => inMessages((inner) => ({ append: async (append) => void inner.append(append).catch(() => undefined) })),
  },
  {
    name: 'what follows an append leaves before it',
    foundBy: ['acknowledgedIsDurable'],
    likely: 1,
    plant: effectsFirst,
  },
  {
    name: 'the fence is off: an append does not look at the tip',
    foundBy: ['acknowledgedIsDurable', 'everyReaderSeesTheSame'],
    likely: 3,
    plant: () => inMessages((inner, disk) => ({ append: (append) => unfenced(inner, disk, append) })),
  },
  {
    name: 'the table of resends is off',
    foundBy: ['onceAndInDeviceOrder'],
    likely: 1,
    plant: () =>
      inChatSteps(
        (step) => (state, command, nowMs) =>
          step('number' in command ? { ...state, resends: forgetting(state.resends, command.from.deviceId, command.number) } : state, command, nowMs),
      ),
  },
  {
    name: 'devices do not heal gaps',
    foundBy: ['devicesConverge'],
    likely: 1,
    plant: () => ({
      dial: (dial) => (events) => {
        const wire = dial(events);
        return { close: () => wire.close(), send: (bytes) => void (isGapPull(bytes) || wire.send(bytes)) };
      },
    }),
  },
  {
    name: 'a handler runs twice',
    foundBy: ['onceAndInDeviceOrder'],
    likely: 1,
    plant: () =>
      inChatSteps((step, random) => (state, command, nowMs) => {
        const once = step(state, command, nowMs);
        if (command.kind !== 'post' || once.state === state || !random.chance(0.02)) return once;
        const twice = step(once.state, { ...command, number: command.number + 1, after: command.number }, nowMs);
        return { state: twice.state, effects: [...once.effects, ...twice.effects] };
      }),
  },
  {
    name: 'inboxes are not raised',
    foundBy: ['devicesConverge', 'inboxesAreNotBehind'],
    likely: 1,
    plant: () => ({ stores: (stores) => ({ ...stores, inbox: { ...stores.inbox, raise: async () => undefined } }) }),
  },
  {
    name: 'what an awake chat knows of itself is believed where another process writes as well',
    foundBy: ['devicesConverge', 'healed'],
    likely: 185,
    plant: () => ({
      stores: (stores) => {
        const rows: Inbox['rows'] = async (userId, known) => (await stores.inbox.rows(userId)).map((row) => ({ ...row, head: known?.(row.chatId)?.lastSeq ?? row.head }));
        return { ...stores, inbox: { ...stores.inbox, rows } };
      },
    }),
  },
  {
    name: 'a watermark can fall',
    foundBy: ['watermarksOnlyRise'],
    likely: 1,
    plant: () =>
      inChatSteps((step) => (state, command, nowMs) => {
        if (command.kind !== 'mark') return step(state, command, nowMs);
        const byUser = new Map(state.receipts.byUser);
        byUser.delete(command.from.userId);
        return step({ ...state, receipts: { ...state.receipts, byUser } }, command, nowMs);
      }),
  },
  {
    name: 'entries are pushed to whoever was removed, too',
    foundBy: ['membersOnly'],
    likely: 1,
    plant: pushesToRemoved,
  },
  {
    name: 'whoever is removed from a large chat stays subscribed',
    foundBy: ['membersOnly'],
    likely: 1,
    plant: () => inDefinition('audience', (definition) => ({ ...definition, perform: (effect, self) => effect.kind !== 'unsubscribe' && definition.perform(effect, self) })),
  },
  {
    name: 'a send is taken without its predecessor',
    foundBy: ['onceAndInDeviceOrder'],
    likely: 1,
    plant: () => inChatSteps((step) => (state, command, nowMs) => step(state, 'after' in command && 'number' in command ? { ...command, after: 0 } : command, nowMs)),
  },
  {
    name: 'an unknown outcome is taken for a no, and told as one',
    foundBy: ['nothingWrittenIsLost'],
    likely: 1,
    plant: unknownIsNo,
  },
  {
    name: 'an unknown outcome is taken for a yes',
    foundBy: ['acknowledgedIsDurable'],
    likely: 1,
    plant: () => inMessages((inner, _disk, random) => ({ append: async (append) => void (random.chance(0.01) || (await inner.append(append))) })),
  },
  {
    name: 'a device moves its cursor without the entries',
    foundBy: ['devicesConverge'],
    likely: 1,
    plant: () => ({
      storage: (storage, random) => ({
        ...storage,
        write: (changes, options) => storage.write(random.chance(0.01) ? changes.filter(({ kind }) => kind !== 'entry') : changes, options),
      }),
    }),
  },
  {
    name: 'a fold forgets the rings',
    foundBy: ['onceAndInDeviceOrder'],
    likely: 1,
    plant: () => ({
      ...inMessages((inner) => ({
        open: async (chatId) => {
          const log = await inner.open(chatId);
          const folded = log.fold === undefined ? undefined : foldFromBytes(chatId, log.fold.bytes);
          return log.fold === undefined || folded === undefined ? log : { ...log, fold: { seq: log.fold.seq, bytes: foldToBytes({ ...folded, resends: noResends }) } };
        },
      })),
      // Devices that come back from older copies send again what stands before the fold.
      faults: { restoreEveryMs: 8_000, serverCrashEveryMs: 12_000, clockJumpEveryMs: 0 },
    }),
  },
  {
    name: 'an answer to a pull says that it goes further than it does',
    foundBy: ['pullsAreComplete'],
    likely: 2,
    plant: () => ({
      link: (link) => ({
        ...link,
        toNode: (node, envelope) => {
          const short = envelope.kind === 'answer' && envelope.frame.kind === 'entries' && envelope.frame.entries.length > 20;
          link.toNode(node, short && envelope.frame.kind === 'entries' ? { ...envelope, frame: { ...envelope.frame, entries: envelope.frame.entries.slice(0, -1) } } : envelope);
        },
      }),
    }),
  },
  {
    name: 'a former owner denies what it has not heard of',
    foundBy: ['devicesConverge'],
    likely: 24,
    plant: () =>
      inChatSteps((step) => (state, command, nowMs) => {
        const { state: next, effects } = step(state, command, nowMs);
        return { state: next, effects: command.kind === 'pull' ? effects.filter(({ kind }) => kind !== 'check') : effects };
      }),
  },
  {
    name: 'an activation that follows a broken one tells nobody',
    foundBy: ['devicesConverge'],
    likely: 1,
    plant: () => ({
      // Where nothing else makes a device look.
      mayLose: false,
      faults: { ...noFaults, commitThrowRate: 0.02 },
      link: (link) => ({ ...link, toUser: (userId, envelope) => void ((envelope.kind === 'notify' && envelope.frame.kind === 'moved') || link.toUser(userId, envelope)) }),
    }),
  },
  {
    name: 'what somebody wrote before they were let in again is taken',
    foundBy: ['nothingWrittenIsLost'],
    likely: 6,
    plant: () => ({
      ...inChatSteps((step) => (state, command, nowMs) => step(command.kind === 'post' ? { ...state, members: neverBack(state.members) } : state, command, nowMs)),
      ...refusedComesAgain(),
    }),
  },
  {
    name: 'mailboxes take all that comes',
    foundBy: ['mailboxesAreBounded'],
    likely: 1,
    plant: () => ({ definition: (definition) => ({ ...definition, mailboxMax: Number.MAX_SAFE_INTEGER }) }),
  },
];

/** Each batch's other effects are performed when its commit begins. */
function effectsFirst(): Plant {
  const waiting = new Map<ChatId, Set<ChatEffect>>();
  const done = new WeakSet<ChatEffect>();
  return inDefinition('chat', (definition) => ({
    ...definition,
    step(state: ChatState, command: ChatCommand, nowMs: number) {
      const next = definition.step(state, command, nowMs);
      const own = waiting.get(state.chatId) ?? new Set();
      waiting.set(state.chatId, own);
      for (const effect of next.effects) if (!definition.isDurable(effect)) own.add(effect);
      return next;
    },
    commit(durable, state, self) {
      for (const effect of waiting.get(self.id as ChatId) ?? []) {
        done.add(effect);
        definition.perform(effect, self);
      }
      waiting.delete(self.id as ChatId);
      return definition.commit(durable, state, self);
    },
    perform(effect, self) {
      waiting.get(self.id as ChatId)?.delete(effect);
      if (!done.has(effect)) definition.perform(effect, self);
    },
  }));
}

/** Written where the author thinks the log ends. */
async function unfenced(inner: MessageStore, disk: MemoryDisk, { chatId, entries, tip, fold }: Append): Promise<void> {
  await inner.stands(chatId, tip); // takes its time, and never comes back from a crash
  const log = disk.logs.get(chatId) ?? { tip: 0, entries: [], tips: [], fold: undefined };
  for (const entry of entries) {
    log.entries[entry.seq - 1] = entry;
    log.tips[entry.seq - 1] = tip;
  }
  log.tip = tip;
  if (fold !== undefined) log.fold = { seq: log.entries.length, bytes: fold };
  disk.logs.set(chatId, log);
}

/** As if that number had never been used. */
function forgetting(resends: Resends, deviceId: DeviceId, number: number): Resends {
  const recent = resends.recent.map((ring) => (ring.deviceId === deviceId && ring.highest >= number ? { ...ring, highest: number - 1, floor: 0, pairs: [] } : ring));
  return { ...resends, recent };
}

/** As if nobody had been let in a second time. */
function neverBack(members: Members): Members {
  return { ...members, byUser: new Map([...members.byUser].map(([userId, member]) => [userId, { ...member, rejoinedAtMs: 0 }])) };
}

function pushesToRemoved(): Plant {
  const removed = new Map<ChatId, Set<UserId>>();
  return inDefinition('chat', (definition) => ({
    ...definition,
    perform(effect: ChatEffect, self) {
      if (effect.kind !== 'push') return definition.perform(effect, self);
      const own = removed.get(effect.entry.chatId) ?? new Set();
      removed.set(effect.entry.chatId, own);
      definition.perform({ ...effect, to: [...effect.to, ...own] }, self);
      for (const userId of effect.also) if (!effect.to.includes(userId)) own.add(userId);
    },
  }));
}

/** A pull of a chat of which the device has something already. */
function isGapPull(bytes: Uint8Array): boolean {
  const frame = decodeFromDevice(bytes);
  return frame.kind === 'pull' && frame.after > 0;
}
