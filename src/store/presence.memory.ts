// Last seen, in the memory of this process: lost with it. The least recently seen are forgotten first.
import type { UserId } from '../structures/ids.ts';
import type { LastSeen, PresenceStore } from './presence.ts';

export function memoryPresence({ usersMax = 200_000 }: { readonly usersMax?: number } = {}): PresenceStore {
  const byUser = new Map<UserId, LastSeen>(); // a Map keeps the order of insertion: the oldest is first
  return {
    put(seen) {
      byUser.delete(seen.userId);
      byUser.set(seen.userId, seen);
      if (byUser.size > usersMax) for (const oldest of byUser.keys()) return Promise.resolve(void byUser.delete(oldest));
      return Promise.resolve();
    },
    get: (userId) => Promise.resolve(byUser.get(userId)),
  };
}
