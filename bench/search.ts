// Finds the highest rate that holds: doubling until one does not, then narrowing in between. Bounded in tries and in time.

export interface SearchLimits {
  readonly startRate: number;
  readonly rateMax: number;
  /** Stop narrowing when the rate that fails is at most this many times the one that holds. */
  readonly ratioMin: number;
  /** No further tries after this long. */
  readonly budgetMs: number;
}

export interface Found {
  /** The highest rate seen to hold; 0 if none did. */
  readonly held: number;
  /** The lowest rate above it seen to fail; undefined if none did. */
  readonly failed: number | undefined;
  readonly tries: number;
}

/** `holds` tries one rate. After a failure the majority of three tries counts: on a shared machine one bad second proves nothing, and one good one little. */
export async function highestRate(holds: (rate: number, narrowing: boolean) => Promise<boolean>, limits: SearchLimits, nowMs: () => number): Promise<Found> {
  const untilMs = nowMs() + limits.budgetMs;
  let held = 0;
  let failed: number | undefined;
  let tries = 0;
  const judge = async (rate: number): Promise<void> => {
    const narrowing = failed !== undefined;
    tries += 1;
    let good = await holds(rate, narrowing);
    for (let again = 0; again < 2 && (again === 0 ? !good : good) && nowMs() < untilMs; again += 1) {
      tries += 1;
      good = await holds(rate, narrowing);
    }
    if (good) held = rate;
    else failed = rate;
  };
  for (let rate = limits.startRate; failed === undefined && rate <= limits.rateMax && nowMs() < untilMs; rate *= 2) await judge(rate);
  while (failed !== undefined && failed / Math.max(held, 1) > limits.ratioMin && failed > 1 && nowMs() < untilMs) {
    await judge(held === 0 ? failed / 4 : Math.sqrt(held * failed));
  }
  return { held, failed, tries };
}
