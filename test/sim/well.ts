// One world as a test: every promise holds in it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onceFailed, type Seeded } from './seeds.ts';
import { complaintsIn, simulate, type Verdict } from './simulate.ts';

/** Worlds in one test: enough to keep the report short. */
const blockSize = 10;

/** Tests for all of them, and for those of `onceFailed` that are like them. */
export function testWorlds(worlds: readonly Seeded[], isLike: (nodes: number) => boolean, judged: (verdict: Verdict) => void = () => undefined): void {
  for (let at = 0; at < worlds.length; at += blockSize) {
    const block = worlds.slice(at, at + blockSize);
    test(`every promise is kept in the worlds ${block[0]?.seed} to ${block.at(-1)?.seed}`, async () => {
      for (const world of block) judged(await isWell(world));
    });
  }
  const more = onceFailed.filter(({ seed, nodes }) => isLike(nodes) && !worlds.some((one) => one.seed === seed && one.nodes === nodes));
  for (const { seed, nodes, bug } of more) {
    test(`every promise is kept in world ${seed}${nodes > 1 ? ` of ${nodes} nodes` : ''}, where once ${bug}`, async () => void (await isWell({ seed, nodes })));
  }
}

async function isWell({ seed, nodes }: Seeded): Promise<Verdict> {
  const verdict = await simulate({ seed, nodes });
  assert.ok(verdict.complaints.length === 0, complaintsIn(verdict));
  return verdict;
}
