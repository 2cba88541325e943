// Handles of users, for people to read.
import type { Parley, UserId } from '../sdk/parley.ts';
import { plain } from './format.ts';

export class Names {
  private readonly parley: Pick<Parley, 'usersOf' | 'userId'>;
  private readonly handles = new Map<UserId, string>();

  constructor(parley: Pick<Parley, 'usersOf' | 'userId'>) {
    this.parley = parley;
  }

  /** Looked up once each; who cannot be looked up now is shown by the end of its id. */
  async of(...userIds: readonly UserId[]): Promise<string[]> {
    const missing = userIds.filter((userId) => !this.handles.has(userId));
    if (missing.length > 0) {
      const users = await this.parley.usersOf(missing).catch(() => undefined);
      for (const userId of missing) {
        const user = users?.get(userId);
        if (user !== undefined) this.handles.set(userId, plain(user.handle));
      }
    }
    return userIds.map((userId) => this.known(userId));
  }

  known(userId: UserId): string {
    return userId === this.parley.userId ? 'you' : (this.handles.get(userId) ?? `…${userId.slice(-5)}`);
  }
}
