// Accounts on CQL: a row a user and one a handle, each written by condition alone. A handle counts where both agree.
import type { UserId } from '../structures/ids.ts';
import type { CqlSession, Row } from './session.cql.ts';
import type { User, UserStore } from './users.ts';

const idsAtOnce = 100;

export function cqlUsers(session: CqlSession): UserStore {
  const { keyspace } = session;
  const columns = 'user_id, handle, name, password_hash, created_at';
  const insertInto = (table: string, { userId, handle, name, passwordHash, createdAtMs }: User) =>
    session.decide([{ query: `INSERT INTO ${keyspace}.${table} (${columns}) VALUES (?, ?, ?, ?, ?) IF NOT EXISTS`, params: [userId, handle, name, passwordHash, createdAtMs] }]);
  const from = async (table: string, column: string, key: string, serial: boolean) => {
    const row = await session.one(`SELECT ${columns} FROM ${keyspace}.${table} WHERE ${column} = ?`, [key], { serial });
    return row && userIn(row);
  };
  const userOf = (userId: UserId, serial = false) => from('users', 'user_id', userId, serial);
  const holderOf = (handle: string, serial = false) => from('handles', 'handle', handle, serial);

  /** Of a handle that is held: the account, made whole where whoever made it died half-way; undefined where the id is another handle's. */
  const accountOf = async (holder: User): Promise<User | undefined> => {
    const known = await userOf(holder.userId);
    const user = known ?? ((await insertInto('users', holder)) ? holder : await userOf(holder.userId, true));
    return user?.handle === holder.handle ? user : undefined;
  };

  return {
    byId: (userId) => userOf(userId),

    async create(user) {
      for (;;) {
        const isNew = await insertInto('handles', user);
        const holder = isNew ? user : await holderOf(user.handle, true);
        if (holder === undefined) continue; // it has just been given back
        const account = await accountOf(holder);
        if (account !== undefined) return holder.userId === user.userId;
        // The id is another account's: the handle is given back.
        await session.decide([{ query: `DELETE FROM ${keyspace}.handles WHERE handle = ? IF user_id = ?`, params: [holder.handle, holder.userId] }]);
        if (holder.userId === user.userId) return false;
      }
    },

    async byHandle(handle) {
      const holder = await holderOf(handle);
      return holder && accountOf(holder);
    },

    async existing(userIds) {
      const there = new Set<UserId>();
      for (let at = 0; at < userIds.length; at += idsAtOnce) {
        const rows = await session.read(`SELECT user_id FROM ${keyspace}.users WHERE user_id IN ?`, [userIds.slice(at, at + idsAtOnce)]);
        for (const row of rows) there.add(row['user_id'] as UserId);
      }
      return there;
    },
  };
}

function userIn(row: Row): User {
  return {
    userId: row['user_id'] as UserId,
    handle: row['handle'],
    name: row['name'],
    passwordHash: row['password_hash'],
    createdAtMs: (row['created_at'] as Date).getTime(),
  };
}
