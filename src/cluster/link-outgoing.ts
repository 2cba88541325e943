// What this node has to say to others: batched per address and turn of the event loop, kept until the server has confirmed it, bounded.
import { Queue } from '../structures/queue.ts';
import { joined, messageBytesMax } from './envelope-codec.ts';
import type { From } from './envelope-schema.ts';

export interface OutgoingNeeds {
  /** What may wait for its turn or for the server's confirmation. Beyond it new envelopes are left out, until half of it is free. */
  readonly bytesMax: number;
  publish(subject: string, message: Uint8Array): void;
  /** What stands before the envelopes of a message to that subject. */
  headOf(subject: string): From | undefined;
}

/** A batch leaves before the end of the turn once it is this long. */
const batchBytesMax = 128 * 1024;
/** An envelope, with room for the head. */
export const envelopeBytesMax = messageBytesMax - 256;
/** What a message costs beside its bytes, in the reckoning of what waits. */
const messageCost = 128;

interface Message {
  readonly subject: string;
  readonly bytes: Uint8Array;
}
interface Batch {
  readonly parts: Uint8Array[];
  bytes: number;
}

export interface OutgoingCounts {
  messages: number;
  bytes: number;
  envelopes: number;
  /** Envelopes for which there was no room. */
  leftOut: number;
  /** Messages that left a second time after a cut. */
  again: number;
}

export class Outgoing {
  readonly counts: OutgoingCounts = { messages: 0, bytes: 0, envelopes: 0, leftOut: 0, again: 0 };
  readonly #needs: OutgoingNeeds;
  #turn = new Map<string, Batch>();
  readonly #kept = new Queue<Message>();
  /** Of all that was ever kept, how many have been confirmed. */
  #confirmed = 0;
  #bytes = 0;
  #isOpen = false;
  #isOverfull = false;
  #owesNotice = false;

  constructor(needs: OutgoingNeeds) {
    this.#needs = needs;
  }

  /** What waits, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a confirmation is wanted, or a notice has to follow one. */
  get owes(): boolean {
    return this.#kept.length > 0 || this.#owesNotice;
  }

  /** `envelope`: a whole message of one. False: there was no room, and it is left out. */
  add(subject: string, envelope: Uint8Array): boolean {
    const cost = envelope.length + messageCost;
    if (this.#isOverfull || this.#bytes + cost > this.#needs.bytesMax || envelope.length > envelopeBytesMax) {
      if (envelope.length <= envelopeBytesMax) this.#isOverfull = true;
      this.#owesNotice = true;
      this.counts.leftOut += 1;
      return false;
    }
    this.counts.envelopes += 1;
    this.#bytes += cost;
    let batch = this.#turn.get(subject);
    if (batch !== undefined && batch.bytes + envelope.length > envelopeBytesMax) {
      this.#turn.delete(subject);
      this.#finish(subject, batch);
      batch = undefined;
    }
    if (batch === undefined) {
      this.#turn.set(subject, { parts: [envelope], bytes: envelope.length });
      return true;
    }
    batch.parts.push(envelope);
    batch.bytes += envelope.length;
    if (batch.bytes < batchBytesMax) return true;
    this.#turn.delete(subject);
    this.#finish(subject, batch);
    return true;
  }

  /** Makes one message of what each address got in this turn. */
  endTurn(): void {
    const turn = this.#turn;
    if (turn.size === 0) return;
    this.#turn = new Map(); // a cleared one would keep what stood in it, see src/transport/together.ts
    for (const [subject, batch] of turn) this.#finish(subject, batch);
  }

  /** The way is free: everything unconfirmed leaves, perhaps again, in its order. */
  open(): void {
    this.#isOpen = true;
    for (let left = this.#kept.length; left > 0; left -= 1) {
      const message = this.#kept.shift() as Message;
      this.#kept.push(message);
      this.counts.again += 1;
      this.#needs.publish(message.subject, message.bytes);
    }
  }

  /** The way is cut: what comes is kept until it is free again. */
  shut(): void {
    this.#isOpen = false;
  }

  /** How many have been kept by now; for `confirm`. */
  mark(): number {
    return this.#confirmed + this.#kept.length;
  }

  /** The server has everything up to that mark. */
  confirm(mark: number): void {
    while (this.#confirmed < mark) {
      const message = this.#kept.shift();
      if (message === undefined) break;
      this.#confirmed += 1;
      this.#bytes -= message.bytes.length + messageCost;
    }
    if (this.#bytes <= this.#needs.bytesMax / 2) this.#isOverfull = false;
  }

  /** Whether others have to be told that something was left out: once, when there is room again. */
  takeNotice(): boolean {
    if (!this.#owesNotice || this.#isOverfull) return false;
    this.#owesNotice = false;
    return true;
  }

  #finish(subject: string, { parts, bytes }: Batch): void {
    const head = this.#needs.headOf(subject);
    const message = { subject, bytes: joined(parts, head) };
    this.#bytes += message.bytes.length + messageCost - bytes - parts.length * messageCost;
    this.#kept.push(message);
    this.counts.messages += 1;
    this.counts.bytes += message.bytes.length;
    if (this.#isOpen) this.#needs.publish(subject, message.bytes);
  }
}
