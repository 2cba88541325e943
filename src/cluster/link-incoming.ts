// What other nodes say to this one: decoded, judged by the numbers that each sender gives its messages, and handed on.
import type { ChatId, UserId } from '../structures/ids.ts';
import { type AddressKind, decodeMessage, type Envelopes, isReadable } from './envelope-codec.ts';
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

/** Further nodes push out the one that was heard last the longest ago. */
const nodesMax = 4_096;

export class Incoming {
  readonly counts: IncomingCounts = { messages: 0, bytes: 0, envelopes: 0, unreadable: 0, malformed: 0, unknown: 0, again: 0, gaps: 0 };
  readonly #needs: IncomingNeeds;
  readonly #streams = new Map<string, { readonly life: number; readonly number: number }>();

  constructor(needs: IncomingNeeds) {
    this.#needs = needs;
  }

  fromNode(message: Uint8Array): void {
    const { receiver } = this.#needs;
    let isNew = true;
    this.#take('node', message, (envelope) => {
      if (envelope.kind === 'from') {
        this.counts.envelopes -= 1; // its sender does not count it either
        isNew = this.#isNew(envelope);
      } else if (isNew) receiver.fromNode(envelope);
    });
  }

  forUser(userId: UserId, message: Uint8Array): void {
    const { receiver } = this.#needs;
    this.#take('user', message, (envelope) => receiver.forUser(userId, envelope));
  }

  forChat(chatId: ChatId, message: Uint8Array): void {
    const { receiver } = this.#needs;
    this.#take('chat', message, (envelope) => receiver.forChat(chatId, envelope));
  }

  forWatchers(userId: UserId, message: Uint8Array): void {
    const { receiver } = this.#needs;
    this.#take('presence', message, (envelope) => receiver.forWatchers(userId, envelope));
  }

  fromAll(message: Uint8Array): void {
    this.#take('all', message, (envelope) => {
      if (envelope.kind === 'leftOut') this.#needs.tellLost('leftOut');
      this.#needs.events.fromAll(envelope);
    });
  }

  #take<Kind extends AddressKind>(kind: Kind, message: Uint8Array, give: (envelope: Envelopes[Kind]) => void): void {
    const { counts } = this;
    counts.messages += 1;
    counts.bytes += message.length;
    if (!isReadable(message)) {
      counts.unreadable += 1;
      if (counts.unreadable === 1)
        this.#needs.onFault(
          new Error(`A message for a ${kind} is of version ${message[0] ?? 'none'}, which this build does not read. Is a much newer or older Parley on the same NATS?`),
        );
      return;
    }
    const { envelopes, unknown, fault } = decodeMessage(kind, message);
    counts.envelopes += envelopes.length;
    counts.unknown += unknown;
    for (const envelope of envelopes) give(envelope);
    if (fault === undefined) return;
    counts.malformed += 1;
    this.#needs.onFault(new Error(`A message for a ${kind} cannot be read.`, { cause: fault }));
    this.#needs.tellLost('unreadable');
  }

  /** Whether the message is not one that came before. A hole before it is told. */
  #isNew({ node, life, number }: From): boolean {
    const known = this.#streams.get(node);
    if (known?.life === life && number <= known.number) {
      this.counts.again += 1;
      return false;
    }
    this.#streams.delete(node);
    this.#streams.set(node, { life, number });
    const [oldest] = this.#streams.size > nodesMax ? this.#streams.keys() : [];
    if (oldest !== undefined) this.#streams.delete(oldest);
    // A node that was not heard of yet may have spoken to a former process of this id, or before this one listened.
    if (known?.life !== life || number === known.number + 1) return true;
    this.counts.gaps += 1;
    this.#needs.tellLost('gap');
    return true;
  }
}
