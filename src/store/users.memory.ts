// Accounts on the simulator's disk.
import type { MemoryAccess } from './disk.memory.ts';
import type { UserStore } from './users.ts';

export function memoryUsers(access: MemoryAccess): UserStore {
  const { users, handles } = access.disk;
  return {
    create: (user) =>
      access.write('users.create', () => {
        if (handles.has(user.handle) || users.has(user.userId)) return false;
        handles.set(user.handle, user.userId);
        users.set(user.userId, user);
        return true;
      }),
    byHandle: (handle) =>
      access.read('users.byHandle', () => {
        const userId = handles.get(handle);
        return userId === undefined ? undefined : users.get(userId);
      }),
    byId: (userId) => access.read('users.byId', () => users.get(userId)),
    existing: (userIds) => access.read('users.existing', () => new Set(userIds.filter((userId) => users.has(userId)))),
  };
}
