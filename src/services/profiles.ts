// Who somebody is, as every logged-in user may know it.
import type { User, UserStore } from '../store/users.ts';
import type { UserId } from '../structures/ids.ts';
import { Lru } from '../structures/lru.ts';

export interface Profile {
  readonly userId: UserId;
  readonly handle: string;
  readonly name: string;
}

export interface Profiles {
  /** Upper case is folded; undefined where nobody has the handle. */
  byHandle(handle: string): Promise<Profile | undefined>;
  /** Those that exist, each once, in the order asked. */
  byIds(userIds: readonly UserId[]): Promise<readonly Profile[]>;
  existing(userIds: readonly UserId[]): Promise<ReadonlySet<UserId>>;
  /** Whether all of them exist. At once for those asked about lately: an account, once made, stays. */
  allExist(userIds: readonly UserId[]): boolean | Promise<boolean>;
}

/** Users remembered as existing, at about 100 bytes each. */
const knownMax = 100_000;

export function profiles(store: UserStore): Profiles {
  const known = new Lru<UserId, true>(knownMax);
  const exist = async (userIds: readonly UserId[]): Promise<boolean> => {
    const found = await store.existing(userIds);
    for (const userId of found) known.set(userId, true);
    return userIds.every((userId) => found.has(userId));
  };
  return {
    async byHandle(handle) {
      const user = await store.byHandle(handle.toLowerCase());
      return user && profileOf(user);
    },
    async byIds(userIds) {
      const users = await Promise.all([...new Set(userIds)].map((userId) => store.byId(userId)));
      return users.filter((user) => user !== undefined).map(profileOf);
    },
    existing: (userIds) => store.existing(userIds),
    allExist(userIds) {
      const [first] = userIds;
      if (userIds.length === 1 && first !== undefined && known.peek(first) !== undefined) return true; // nearly every message asks just this
      const unknown = userIds.filter((userId) => known.peek(userId) === undefined);
      return unknown.length === 0 || exist(unknown);
    },
  };
}

function profileOf({ userId, handle, name }: User): Profile {
  return { userId, handle, name };
}
