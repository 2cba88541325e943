// One activation of a chat, whose commands are committed one by one; effects that leave it are of no interest.
import { chatActor } from '../../src/actors/chat.ts';
import type { ChatCommand, ChatEffect, ChatState } from '../../src/core/chat.ts';
import type { Stores } from '../../src/store/stores.ts';
import type { UserId } from '../../src/structures/ids.ts';
import { ann, deviceOf, room } from '../store/samples.ts';

const from = (userId: UserId) => ({ userId, deviceId: deviceOf(1), node: 'here', connection: 1 }) as never;
const content = { contentType: 'text/plain', body: new Uint8Array([1]), countable: true };

export interface AwakeChat {
  readonly loaded: ChatState;
  run(command: ChatCommand): Promise<readonly ChatEffect[]>;
}

export async function awakeChat(stores: Stores): Promise<AwakeChat> {
  const nothing = { answer: () => undefined, pushToUser: () => undefined, notifyUser: () => undefined, pushToAudiences: () => undefined };
  const actor = chatActor({
    ...stores,
    router: nothing as never,
    random: Math.random,
    counts: { appends: 0, entries: 0 },
    observeBatch: () => undefined,
    refused: () => undefined,
  });
  const { state: loaded, context } = await actor.load(room);
  let state = loaded;
  const self = { id: room, uid: 1, context, after: () => undefined };
  const run = async (command: ChatCommand): Promise<readonly ChatEffect[]> => {
    const next = actor.step(state, command, 1_800_000_000_000);
    const durable = next.effects.filter((effect) => actor.isDurable(effect));
    await actor.commit(durable, next.state, self);
    actor.committed?.(next.state, self);
    state = next.state;
    return next.effects;
  };
  return { loaded, run };
}

export const create = (userIds: readonly UserId[]): ChatCommand => ({ kind: 'create', from: from(ann), number: 1_024, after: 0, title: 'room', userIds }) as never;
export const post = (number: number, after: number): ChatCommand => ({ kind: 'post', from: from(ann), number, after, ...content }) as never;
export const add = (number: number, after: number, userIds: readonly UserId[]): ChatCommand =>
  ({ kind: 'change', from: from(ann), number, after, change: { kind: 'added', userIds } }) as never;
