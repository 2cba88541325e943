// What other nodes say to this one: decoded, judged by the numbers that each sender gives its messages, and handed on.

import type { Malformed } from '../protocol/reader.ts';
import type { ChatId, UserId } from '../structures/ids.ts';
import { type AddressKind, type Decoded, decodeMessage, isReadable } from './envelope-codec.ts';
import type { From } from './envelope-schema.ts';
import type { LinkEvents, LostWhy, Receiver } from './link.ts';

export interface IncomingNeeds {
  readonly receiver: Receiver;
  readonly events: Pick<LinkEvents, 'fromAll'>;
  tellLost(why: LostWhy): void;
  onFault(fault: Error): void;
}

export interface IncomingCounts {
  messages: number;
  bytes: number;
  envelopes: number;
  /** Messages of another version, messages that cannot be read to their end, and envelopes of unknown kinds. */
  unreadable: number;
  malformed: number;
  unknown: number;
  /** Messages of nodes that came a second time, and holes before some that came. */
  again: number;
  gaps: number;
}

/** What a node has said last. */
interface Stream {
  life: number;
  number: number;
  /** Rising from message to message. */
  heard: number;
}

/** Further nodes push out the one that was heard last the longest ago. */
const nodesMax = 4_096;

export class Incoming {
  readonly counts: IncomingCounts = { messages: 0, bytes: 0, envelopes: 0, unreadable: 0, malformed: 0, unknown: 0, again: 0, gaps: 0 };
  readonly #needs: IncomingNeeds;
  readonly #streams = new Map<string, Stream>();
  #heard = 0;

  constructor(needs: IncomingNeeds) {
    this.#needs = needs;
  }

  fromNode(message: Uint8Array): void {
    const decoded = this.#decoded('node', message);
    if (decoded === undefined) return;
    let isNew = true;
    for (const envelope of decoded.envelopes) {
      if (envelope.kind === 'from') {
        this.counts.envelopes -= 1; // its sender does not count it either
        isNew = this.#isNew(envelope);
      } else if (isNew) this.#needs.receiver.fromNode(envelope);
    }
    if (decoded.fault !== undefined) this.#broken('node', decoded.fault);
  }

  forUser(userId: UserId, message: Uint8Array): void {
    const decoded = this.#decoded('user', message);
    if (decoded === undefined) return;
    for (const envelope of decoded.envelopes) this.#needs.receiver.forUser(userId, envelope);
    if (decoded.fault !== undefined) this.#broken('user', decoded.fault);
  }

  forChat(chatId: ChatId, message: Uint8Array): void {
    const decoded = this.#decoded('chat', message);
    if (decoded === undefined) return;
    for (const envelope of decoded.envelopes) this.#needs.receiver.forChat(chatId, envelope);
    if (decoded.fault !== undefined) this.#broken('chat', decoded.fault);
  }

  forWatchers(userId: UserId, message: Uint8Array): void {
    const decoded = this.#decoded('presence', message);
    if (decoded === undefined) return;
    for (const envelope of decoded.envelopes) this.#needs.receiver.forWatchers(userId, envelope);
    if (decoded.fault !== undefined) this.#broken('presence', decoded.fault);
  }

  fromAll(message: Uint8Array): void {
    const decoded = this.#decoded('all', message);
    if (decoded === undefined) return;
    for (const envelope of decoded.envelopes) {
      if (envelope.kind === 'leftOut') this.#needs.tellLost('leftOut');
      this.#needs.events.fromAll(envelope);
    }
    if (decoded.fault !== undefined) this.#broken('all', decoded.fault);
  }

  /** Undefined for a message of a version that this build does not read. */
  #decoded<Kind extends AddressKind>(kind: Kind, message: Uint8Array): Decoded<Kind> | undefined {
    const { counts } = this;
    counts.messages += 1;
    counts.bytes += message.length;
    if (!isReadable(message)) {
      this.#unreadable(kind, message);
      return undefined;
    }
    const decoded = decodeMessage(kind, message);
    counts.envelopes += decoded.envelopes.length;
    counts.unknown += decoded.unknown;
    return decoded;
  }

  #unreadable(kind: AddressKind, message: Uint8Array): void {
    this.counts.unreadable += 1;
    if (this.counts.unreadable > 1) return;
    const version = message[0] ?? 'none';
    this.#needs.onFault(new Error(`A message for a ${kind} is of version ${version}, which this build does not read. Is a much newer or older Parley on the same NATS?`));
  }

  #broken(kind: AddressKind, cause: Malformed): void {
    this.counts.malformed += 1;
    this.#needs.onFault(new Error(`A message for a ${kind} cannot be read.`, { cause }));
    this.#needs.tellLost('unreadable');
  }

  /** Whether the message is not one that came before. A hole before it is told. */
  #isNew({ node, life, number }: From): boolean {
    const stream = this.#streams.get(node);
    this.#heard += 1;
    if (stream?.life === life && number <= stream.number) {
      this.counts.again += 1;
      return false;
    }
    const before = stream?.life === life ? stream.number : undefined;
    if (stream === undefined) this.#begin(node, { life, number, heard: this.#heard });
    else {
      stream.life = life;
      stream.number = number;
      stream.heard = this.#heard;
    }
    // A node that was not heard of yet may have spoken to a former process of this id, or before this one listened.
    if (before === undefined || number === before + 1) return true;
    this.counts.gaps += 1;
    this.#needs.tellLost('gap');
    return true;
  }

  #begin(node: string, stream: Stream): void {
    this.#streams.set(node, stream);
    if (this.#streams.size <= nodesMax) return;
    let [oldest, heard] = ['', Number.POSITIVE_INFINITY];
    for (const [other, { heard: last }] of this.#streams) if (last < heard) [oldest, heard] = [other, last];
    this.#streams.delete(oldest);
  }
}
