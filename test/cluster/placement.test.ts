// Which node owns a chat: evenly, and with as few moves as there can be.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { placementOf, shardCount, shardOf, shardsMoved, shardsOf } from '../../src/cluster/placement.ts';
import { type ChatId, idFrom } from '../../src/structures/ids.ts';

/** Names as people give them. */
const families: readonly ((n: number) => string)[] = [(n) => `n${n}`, (n) => `parley-${n}`, (n) => `ip-10-0-${n >> 3}-${n & 7}`, (n) => `${'abcdefghijklmnop'[n % 16]}${n * 7919}`];
const named = (name: (n: number) => string, count: number): string[] => Array.from({ length: count }, (_, n) => name(n + 1));

function chat(n: number, prefix: 'p' | 'g' = 'g'): ChatId {
  const bits = new Uint8Array(15);
  new DataView(bits.buffer).setUint32(11, n);
  return idFrom<'chat'>(prefix, bits);
}

test('one node that joins n - 1 others takes at most 1.2/n of the shards, and no other shard moves', () => {
  for (const name of families) {
    for (let count = 2; count <= 32; count += 1) {
      const before = placementOf(named(name, count - 1));
      const after = placementOf(named(name, count));
      const newcomer = name(count);
      assert.ok(shardsMoved(before, after) <= (1.2 / count) * shardCount, `${shardsMoved(before, after)} shards moved when ${newcomer} came`);
      for (let shard = 0; shard < shardCount; shard += 1) {
        const owner = after.ownerOfShard(shard);
        assert.ok(owner === newcomer || owner === before.ownerOfShard(shard));
      }
    }
  }
});

/** Whoever joins gets each shard with a chance of 1/n. By how much its share may exceed that: 1.2, and with many nodes, where 4,096 shards are few, five standard deviations. */
const chance = (count: number): number => Math.max(1.2, 1 + 5 * Math.sqrt((count - 1) / shardCount));

test('so it is with names of any kind, as nearly as chance lets it be', () => {
  let over = 0;
  let joins = 0;
  const name = fc.stringMatching(/^[a-z0-9._-]{1,24}$/);
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 2, maxLength: 32 }), ([newcomer = '', ...others]) => {
      const count = others.length + 1;
      const [before, after] = [placementOf(others), placementOf([newcomer, ...others])];
      const share = (shardsMoved(before, after) / shardCount) * count;
      joins += 1;
      if (share > 1.2) over += 1;
      assert.ok(share <= chance(count), `${share} / ${count} of all shards moved`);
      for (let shard = 0; shard < shardCount; shard += 1) {
        const owner = after.ownerOfShard(shard);
        assert.ok(owner === newcomer || owner === before.ownerOfShard(shard));
      }
    }),
    { numRuns: 500 },
  );
  assert.ok(over <= joins / 50, `${over} of ${joins} joins moved more than 1.2/n`);
});

test('shards of a node that goes spread over all that stay', () => {
  const all = named((n) => `n${n}`, 6);
  const before = placementOf(all);
  const after = placementOf(all.filter((node) => node !== 'n3'));
  const heirs = new Map<string, number>();
  for (let shard = 0; shard < shardCount; shard += 1) {
    if (before.ownerOfShard(shard) === 'n3') heirs.set(after.ownerOfShard(shard), (heirs.get(after.ownerOfShard(shard)) ?? 0) + 1);
    else assert.equal(after.ownerOfShard(shard), before.ownerOfShard(shard));
  }
  assert.equal(heirs.size, 5);
  for (const [node, shards] of heirs) assert.ok(shards > shardCount / 6 / 5 / 1.5, `${node} inherits ${shards}`);
});

test('every node has about as many shards as every other', () => {
  for (const name of families) {
    for (const count of [2, 3, 8, 16]) {
      const placement = placementOf(named(name, count));
      const shares = new Map<string, number>();
      for (let shard = 0; shard < shardCount; shard += 1) shares.set(placement.ownerOfShard(shard), (shares.get(placement.ownerOfShard(shard)) ?? 0) + 1);
      assert.equal(shares.size, count);
      for (const [node, share] of shares) assert.ok(Math.abs(share - shardCount / count) < (0.25 * shardCount) / count, `${node} of ${count} has ${share}`);
    }
  }
});

test('chats spread evenly over the shards, even when their ids differ by little', () => {
  const shares = new Uint32Array(shardCount);
  const chats = 64 * shardCount;
  for (let n = 0; n < chats; n += 1) shares[shardOf(chat(n, n % 2 === 0 ? 'g' : 'p'))] = (shares[shardOf(chat(n, n % 2 === 0 ? 'g' : 'p'))] as number) + 1;
  assert.ok(Math.max(...shares) < 64 + 6 * 8 && Math.min(...shares) > 64 - 6 * 8, `${Math.min(...shares)} to ${Math.max(...shares)} of 64`); // six standard deviations
});

test('the order in which a node knows the others says nothing, and a name twice counts once', () => {
  const one = placementOf(['a', 'b', 'c']);
  const other = placementOf(['c', 'a', 'b', 'a']);
  assert.equal(shardsMoved(one, other), 0);
});

test('a node that is alone owns everything', () => {
  assert.equal(placementOf(['only']).ownerOf(chat(1)), 'only');
});

test('where chats live is the same for nodes of every version', () => {
  const placement = placementOf(named((n) => `n${n}`, 5));
  assert.deepEqual(
    [1, 2, 3, 1_000, 123_456].map((n) => [shardOf(chat(n)), placement.ownerOf(chat(n))]),
    [
      [703, 'n1'],
      [3_615, 'n5'],
      [714, 'n4'],
      [1_688, 'n1'],
      [2_740, 'n3'],
    ],
  );
});

test('who owns how many shards adds up, and a node that is alone owns all', () => {
  const counts = shardsOf(placementOf(['n1', 'n2', 'n3']));
  assert.equal(
    Object.values(counts).reduce((sum, count) => sum + count, 0),
    shardCount,
  );
  assert.ok(Object.values(counts).every((count) => count > 0.9 * (shardCount / 3)));
  assert.deepEqual(shardsOf(placementOf(['n1'])), { n1: shardCount });
});
