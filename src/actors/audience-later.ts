// What an audience's mailbox had no room for, or what it crashed on, and must not get lost: told again after a pause.
import type { AudienceCommand } from '../core/audience.ts';
import type { Clock } from '../structures/clock.ts';
import type { ChatId, UserId } from '../structures/ids.ts';
import type { Entities } from './runtime/actor.ts';

interface Later {
  readonly leaves: AudienceCommand[];
  /** Their sessions say again which sockets are to hear. */
  readonly userIds: Set<UserId>;
  /** The last one shows what is missing before it. */
  push: AudienceCommand | undefined;
}

const againMs = 250;

export class ToldAgain {
  readonly #entities: Entities;
  readonly #clock: Clock;
  readonly #later = new Map<ChatId, Later>();

  constructor(entities: Entities, clock: Clock) {
    this.#entities = entities;
    this.#clock = clock;
  }

  givenBack(command: AudienceCommand, chatId: ChatId): void {
    if (command.kind !== 'join' && command.kind !== 'leave' && command.kind !== 'push') return; // answers are asked for again
    const later = this.#later.get(chatId) ?? { leaves: [], userIds: new Set(), push: undefined };
    if (!this.#later.has(chatId)) this.#clock.after(againMs, () => this.#tell(chatId, later));
    this.#later.set(chatId, later);
    if (command.kind === 'push') later.push = command;
    else later.userIds.add(command.userId);
    if (command.kind === 'leave') later.leaves.push(command);
  }

  #tell(chatId: ChatId, { leaves, userIds, push }: Later): void {
    this.#later.delete(chatId);
    for (const leave of leaves) this.#entities.tellIfAwake('audience', chatId, leave);
    for (const userId of userIds) this.#entities.tellIfAwake('session', userId, { kind: 'rejoin', chatId });
    if (push !== undefined) this.#entities.tellIfAwake('audience', chatId, push);
  }
}
