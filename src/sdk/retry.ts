// How long to wait before the same is asked again.
import type { Random } from '../structures/clock.ts';
import type { Policy } from './policy.ts';

/** The server's hint or our own least wait, doubled at each repetition, plus up to as much again at random: who was refused together does not come back together. */
export function retryDelayMs({ retryMinMs, retryMaxMs }: Policy, random: Random, tries: number, retryAfterMs: number | null): number {
  const least = Math.max(1, retryAfterMs ?? retryMinMs);
  const base = Math.min(Math.max(retryMaxMs, least), least * 2 ** Math.min(tries - 1, 16));
  return base * (1 + random());
}
