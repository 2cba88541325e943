// Accounts in the embedded store: a row a user, and one a handle.
import type { UserId } from '../structures/ids.ts';
import type { Committer } from './committer.level.ts';
import type { Home } from './home.level.ts';
import { handleKey, userKey } from './keys.level.ts';
import type { User, UserStore } from './users.ts';

export function levelUsers(home: Home, committer: Committer): UserStore {
  const byId = async (userId: UserId): Promise<User | undefined> => {
    const row = await home.read((database) => database.get(userKey(userId)));
    return row && JSON.parse(row.toString());
  };
  return {
    byId,

    async create(user) {
      const group = committer.gather();
      const [handle, own] = [handleKey(user.handle), userKey(user.userId)];
      const isFree = committer.look(handle) === undefined && committer.look(own) === undefined;
      if (isFree) {
        committer.keep(group, handle, Buffer.from(user.userId));
        committer.keep(group, own, Buffer.from(JSON.stringify(user)));
      }
      await group.applied; // also when it is taken: whoever took it may have written it in this very moment
      return isFree;
    },

    async byHandle(handle) {
      const userId = await home.read((database) => database.get(handleKey(handle)));
      return userId && byId(userId.toString() as UserId);
    },

    async existing(userIds) {
      const there = await home.read((database) => database.hasMany(userIds.map(userKey)));
      return new Set(userIds.filter((_, at) => there[at]));
    },
  };
}
