// Who somebody is, as every logged-in user may know it.
import type { User, UserStore } from '../store/users.ts';
import type { UserId } from '../structures/ids.ts';

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
}

export function profiles(store: UserStore): Profiles {
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
  };
}

function profileOf({ userId, handle, name }: User): Profile {
  return { userId, handle, name };
}
