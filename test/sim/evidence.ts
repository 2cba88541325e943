// What a checker has to judge from: what was recorded, and what stands on the disks.
import type { Entry } from '../../src/protocol/messages.ts';
import type { Kept } from '../../src/sdk/storage.ts';
import type { MemoryDisk } from '../../src/store/stores.memory.ts';
import type { ChatId, DeviceId, UserId } from '../../src/structures/ids.ts';
import type { Posted, Risen, Told } from './device.ts';
import type { Left, Recording } from './recording.ts';
import { type Stays, staysIn } from './truth.ts';

export interface DeviceEvidence {
  readonly name: string;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  /** How often it came back from an older copy. */
  readonly copies: number;
  readonly posted: readonly Posted[];
  readonly told: readonly Told[];
  readonly risen: readonly Risen[];
  readonly kept: Kept;
  readonly logs: ReadonlyMap<ChatId, readonly Entry[]>;
}

export interface Evidence {
  readonly recording: Recording;
  /** Of the cluster; 1: one process at a time. */
  readonly nodes: number;
  readonly wantsEveryHead: boolean;
  readonly disk: MemoryDisk;
  readonly devices: readonly DeviceEvidence[];
  readonly fullestMailbox: number;
  readonly mailboxMax: number;
  readonly stays: ReadonlyMap<ChatId, Stays>;
}

export type Checker = (evidence: Evidence) => string[];
type Complain = (text: string) => void;

export function checker(check: (evidence: Evidence, complain: Complain) => void): Checker {
  return (evidence) => {
    const complaints: string[] = [];
    check(evidence, (text) => complaints.push(text));
    return complaints;
  };
}

export function staysOf(disk: MemoryDisk): ReadonlyMap<ChatId, Stays> {
  return new Map([...disk.logs].map(([chatId, { entries }]) => [chatId, staysIn(entries)]));
}

/** The entries of which a frame tells. */
export function entriesIn(frame: Left['frame']): readonly Entry[] {
  return frame.kind === 'entry'
    ? [frame]
    : frame.kind === 'entries' || frame.kind === 'pushed'
      ? frame.entries
      : frame.kind === 'chats'
        ? frame.rows.flatMap(({ last }) => (last === null ? [] : [last]))
        : [];
}
