// What a session has to do with presence: whom its devices watch, and that its user has come or gone.
import type { SessionEffect } from '../core/session.ts';
import type { UserId } from '../structures/ids.ts';
import type { SessionNeeds, SessionSelf } from './session.ts';

/** After attaching, interest takes a moment to spread; then from time to time. Only where the link may lose. */
const firstHealMs = 5_000;

export function watch({ userIds, former }: Extract<SessionEffect, { kind: 'watch' }>, userId: UserId, { entities, answers }: SessionNeeds): void {
  for (const other of former) if (!userIds.includes(other)) entities.tellIfAwake('presence', other, { kind: 'unwatch', by: userId });
  if (userIds.length === 0) return;
  answers.acquainted(userId, userIds).then(
    (known) => {
      for (const other of known) entities.tell('presence', other, { kind: 'watch', by: userId });
    },
    () => undefined, // presence may be lost
  );
}

export function online(isOnline: boolean, self: SessionSelf, { entities, presence, clock, router }: SessionNeeds): void {
  const userId = self.id;
  const atMs = clock.nowMs();
  entities.tellIfAwake('presence', userId, { kind: 'seen', node: router.node, online: isOnline, atMs });
  const tell = (): void => router.tellWatchers(userId, isOnline, atMs);
  presence.put({ userId, online: isOnline, lastSeenMs: atMs }).then(tell, tell); // written first: who begins to watch meanwhile finds it there, or hears it. May be lost
  if (isOnline && router.mayLose) self.after(firstHealMs, { kind: 'heal' });
}
