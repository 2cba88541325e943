// The id of a direct chat: a hash of its two users, so that both compute it, and nobody else can take it.
import { sha256 } from '@noble/hashes/sha2.js';
import { type ChatId, idFrom, type UserId } from '../structures/ids.ts';

/** The same whichever of the two is `a`: the first 120 bits of SHA-256 over the sorted ids, joined with a NUL. */
export function directChatId(a: UserId, b: UserId): ChatId {
  const pair = a < b ? `${a}\0${b}` : `${b}\0${a}`;
  return idFrom<'chat'>('p', sha256(new TextEncoder().encode(pair)));
}
