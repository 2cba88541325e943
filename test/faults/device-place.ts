// What a device of a fault test knows of one chat.
import type { Send } from '../../src/protocol/messages.ts';
import type { ChatId, UserId } from '../../src/structures/ids.ts';

export interface Place {
  readonly chatId: ChatId;
  /** Named with every send to a direct chat until one was acknowledged. */
  peer: UserId | null;
  /** Sends without an answer, oldest first. */
  readonly open: Send[];
  /** The number of the last send that was accepted or is open. */
  last: number;
  /** Has everything up to here. */
  cursor: number;
  /** Highest seq heard of. */
  heard: number;
  /** Seqs above the cursor that it has. */
  readonly ahead: Set<number>;
  pulling: boolean;
  /** A timer that will send all that is open again. */
  retry: NodeJS.Timeout | undefined;
  /** The highest number that is known to be in the log. */
  accepted: number;
  /** A number of which the server says that only the log can tell. */
  doubted: number | undefined;
}

/** `last`: the number of what this device has sent to it already. */
export function placeOf(chatId: ChatId, peer: UserId | null, last: number): Place {
  return { chatId, peer, open: [], last, cursor: 0, heard: 0, ahead: new Set(), pulling: false, retry: undefined, accepted: last, doubted: undefined };
}
