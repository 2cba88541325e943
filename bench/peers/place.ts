// One member of a chat on a peer whose messages have no answer: what is written is sent, and what comes is judged by the head of its body.
import { counterAt, dueMsAt, isBodyHead, senderAt } from '../generator/body.ts';
import { type PartyOptions, placeOf, type Sender, type Tally } from '../generator/speaker.ts';
import { readAtMs } from '../generator/wire.ts';

/** Makes a whole message of the chat: `counter` of this member, due at `dueMs`. */
export type Encode = (counter: number, dueMs: number) => Uint8Array;

export class Place implements Sender {
  readonly chatMembers: number;
  readonly index: number;
  readonly #firstOfChat: number;
  readonly #flowBase: number;
  readonly #tally: Tally;
  readonly #encode: Encode;
  readonly #write: (bytes: Uint8Array) => void;
  #count = 0;

  /** The member is the `at`th of this generator. */
  constructor({ first, chats }: PartyOptions, at: number, tally: Tally, encode: Encode, write: (bytes: Uint8Array) => void) {
    this.index = first + at;
    this.chatMembers = chats.members;
    this.#firstOfChat = placeOf(this.index, chats).firstOfChat;
    this.#flowBase = at * chats.members;
    this.#tally = tally;
    this.#encode = encode;
    this.#write = write;
  }

  send(dueMs: number): void {
    this.#write(this.#encode(this.#count, dueMs));
    this.#count += 1;
    this.#tally.accepted();
  }

  giveUpWaiting(): number {
    return 0; // nothing waits
  }

  acknowledge(): void {} // the protocol has none

  /** Takes a message whose binary body begins at `at`; what is none of ours is left alone. */
  binary(view: DataView, at: number): void {
    if (isBodyHead(view, at)) this.take(senderAt(view, at), counterAt(view, at), dueMsAt(view, at));
  }

  take(sender: number, counter: number, dueMs: number): void {
    if (sender === this.index) return; // rooms that send everything to everybody
    const from = sender - this.#firstOfChat;
    if (from < 0 || from >= this.chatMembers) return this.#tally.broken('a message of another chat was delivered');
    this.#tally.pushed(this.#flowBase + from, counter, dueMs, readAtMs);
  }
}
