// First in, first out, in a ring that doubles when it is full and is small again when it is empty.

const slotsMin = 8;
/** A ring above this size is let go once it is empty, so that a burst is not paid for ever after. */
const slotsKept = 64;

export class Queue<Item> {
  #slots: (Item | undefined)[] = new Array<Item | undefined>(slotsMin).fill(undefined);
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: Item): void {
    if (this.#length === this.#slots.length) this.#grow();
    this.#slots[(this.#first + this.#length) & (this.#slots.length - 1)] = item;
    this.#length += 1;
  }

  /** The oldest, left where it is; undefined when there is none. */
  peek(): Item | undefined {
    return this.#slots[this.#first];
  }

  /** The oldest, taken out; undefined when there is none. */
  shift(): Item | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#slots[this.#first];
    this.#slots[this.#first] = undefined;
    this.#length -= 1;
    if (this.#length > 0) this.#first = (this.#first + 1) & (this.#slots.length - 1);
    else this.#empty();
    return item;
  }

  #empty(): void {
    this.#first = 0;
    if (this.#slots.length > slotsKept) this.#slots = new Array<Item | undefined>(slotsMin).fill(undefined);
  }

  #grow(): void {
    const size = this.#slots.length;
    const larger = new Array<Item | undefined>(size * 2).fill(undefined);
    for (let at = 0; at < size; at += 1) larger[at] = this.#slots[(this.#first + at) & (size - 1)];
    this.#slots = larger;
    this.#first = 0;
  }
}
