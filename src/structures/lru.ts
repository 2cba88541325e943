// A bounded map: the value that was used least recently goes first.

export class Lru<Key, Value> {
  readonly #max: number;
  readonly #mayGo: (value: Value) => boolean;
  readonly #values = new Map<Key, Value>(); // a Map keeps the order of insertion: the oldest is first

  /** A value for which `mayGo` is false stays, even if the bound is passed for as long. */
  constructor(max: number, mayGo: (value: Value) => boolean = () => true) {
    this.#max = max;
    this.#mayGo = mayGo;
  }

  get size(): number {
    return this.#values.size;
  }

  /** Makes it the most recently used. */
  get(key: Key): Value | undefined {
    const value = this.#values.get(key);
    // Far from the bound nothing will have to go soon, and the order need not be kept up.
    if (value === undefined || this.#values.size * 2 < this.#max) return value;
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  /** Leaves the order as it is. */
  peek(key: Key): Value | undefined {
    return this.#values.get(key);
  }

  set(key: Key, value: Value): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > this.#max) this.#evict();
  }

  delete(key: Key): void {
    this.#values.delete(key);
  }

  clear(): void {
    this.#values.clear();
  }

  /** Looks at a few of the oldest; those that may not go become the newest, so that the next call looks at others. */
  #evict(): void {
    let looks = 8;
    for (const [key, value] of this.#values) {
      if (this.#values.size <= this.#max || looks === 0) return;
      looks -= 1;
      this.#values.delete(key);
      if (!this.#mayGo(value)) this.#values.set(key, value);
    }
  }
}
