// Placement: which node should own a chat. Rendezvous hashing: every node ranks the members by hash(shard, node), and the first is the owner.
// All nodes must reckon alike, of whatever version: another hash would move every chat (test/cluster/placement.test.ts knows some results by heart).
import assert from 'node:assert/strict';
import type { ChatId } from '../structures/ids.ts';

export const shardCount = 4_096;

export interface Placement {
  /** In the order of their ids. */
  readonly nodes: readonly string[];
  ownerOf(chatId: ChatId): string;
  ownerOfShard(shard: number): string;
}

export function shardOf(chatId: ChatId): number {
  return hashOf(chatId) % shardCount;
}

/** The owners among these nodes, of which there must be one at least. */
export function placementOf(nodes: readonly string[]): Placement {
  assert(nodes.length > 0, 'nobody is there to own a chat');
  const sorted = [...new Set(nodes)].sort();
  const first = sorted[0] as string;
  if (sorted.length === 1) return { nodes: sorted, ownerOf: () => first, ownerOfShard: () => first };
  const owners = ownersOf(sorted);
  const ownerOfShard = (shard: number): string => sorted[owners[shard] as number] as string;
  return { nodes: sorted, ownerOf: (chatId) => ownerOfShard(shardOf(chatId)), ownerOfShard };
}

/** How many shards each of the nodes owns. */
export function shardsOf({ nodes, ownerOfShard }: Placement): Readonly<Record<string, number>> {
  const counts = new Map<string, number>(nodes.map((node) => [node, 0]));
  for (let shard = 0; shard < shardCount; shard += 1) counts.set(ownerOfShard(shard), (counts.get(ownerOfShard(shard)) ?? 0) + 1);
  return Object.fromEntries(counts);
}

/** How many shards have another owner. */
export function shardsMoved(before: Placement, after: Placement): number {
  let moved = 0;
  for (let shard = 0; shard < shardCount; shard += 1) if (before.ownerOfShard(shard) !== after.ownerOfShard(shard)) moved += 1;
  return moved;
}

/** By shard, the index of the node that ranks first. Of two with the same rank it is the first by id. */
function ownersOf(nodes: readonly string[]): Uint16Array {
  const owners = new Uint16Array(shardCount);
  const hashes = nodes.map(hashOf);
  for (let shard = 0; shard < shardCount; shard += 1) {
    const spread = mixed(shard + 0x9e37_79b9);
    let best = -1;
    for (let at = 0; at < hashes.length; at += 1) {
      const rank = mixed(spread ^ (hashes[at] as number));
      if (rank <= best) continue;
      best = rank;
      owners[shard] = at;
    }
  }
  return owners;
}

/** 32 bits of a text of ASCII: FNV-1a, which alone spreads its last letters badly, and then the finalizer of MurmurHash3. */
function hashOf(text: string): number {
  let sum = 0x811c_9dc5;
  for (let at = 0; at < text.length; at += 1) sum = Math.imul(sum ^ text.charCodeAt(at), 0x0100_0193);
  return mixed(sum);
}

function mixed(bits: number): number {
  let sum = bits;
  sum = Math.imul(sum ^ (sum >>> 16), 0x85eb_ca6b);
  sum = Math.imul(sum ^ (sum >>> 13), 0xc2b2_ae35);
  return (sum ^ (sum >>> 16)) >>> 0;
}
