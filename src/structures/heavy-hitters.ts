// Who comes most often among very many, in bounded memory.

export class HeavyHitters<Key> {
  #counts = new Map<Key, number>();
  readonly #max: number;
  /** What one who is not kept may have come. */
  #floor = 0;

  /** Up to twice as many are counted; when there are more, only those that came most are kept. */
  constructor(max: number) {
    this.#max = max;
  }

  add(key: Key, amount: number): void {
    this.#counts.set(key, (this.#counts.get(key) ?? this.#floor) + amount);
    if (this.#counts.size <= 2 * this.#max) return;
    const sorted = [...this.#counts].sort(([, one], [, other]) => other - one);
    this.#floor = (sorted[this.#max] as [Key, number])[1];
    this.#counts = new Map(sorted.slice(0, this.#max));
  }

  /** Those that came most first. A count is never too small, and too large by what one who is not kept may have come. */
  top(count: number): readonly { readonly key: Key; readonly count: number }[] {
    return [...this.#counts]
      .map(([key, counted]) => ({ key, count: counted }))
      .sort((one, other) => other.count - one.count)
      .slice(0, count);
  }
}
