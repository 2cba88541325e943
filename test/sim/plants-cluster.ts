// Bugs that only many nodes on one store can have, or that show there otherwise. As in plants.ts none of them is in src.
import type { SessionCommand, SessionState } from '../../src/core/session.ts';
import { Superseded } from '../../src/store/faults.ts';
import { noFaults } from './faults.ts';
import { inDefinition, inMessages, unknownIsNo } from './planting.ts';
import type { PlantedBug } from './plants.ts';
import type { Plant } from './world.ts';

const nodes = 3;

export const clusterPlants: readonly PlantedBug[] = [
  {
    name: 'among nodes, an unknown outcome is taken for a no, and told as one',
    foundBy: ['nothingWrittenIsLost'],
    likely: 1,
    plant: () => among(unknownIsNo()),
  },
  {
    name: 'inboxes stay behind entries that are acknowledged',
    foundBy: ['inboxesAreNotBehind'],
    likely: 1,
    plant: () =>
      among({
        stores: (stores, _disk, random) => ({ ...stores, inbox: { ...stores.inbox, raise: async (changes) => void (random.chance(0.02) || (await stores.inbox.raise(changes))) } }),
      }),
  },
  {
    name: 'a node forwards what was forwarded to it, as long as it takes another for the owner',
    foundBy: ['commandsAreForwardedOnce'],
    likely: 3,
    plant: () => among({ link: (link) => ({ ...link, toNode: (node, envelope) => link.toNode(node, envelope.kind === 'toChat' ? { ...envelope, forwarded: false } : envelope) }) }),
  },
  {
    name: 'among nodes, an audience goes on delivering to whoever was removed',
    foundBy: ['membersOnly'],
    likely: 1,
    plant: () => among(inDefinition('audience', (definition) => ({ ...definition, perform: (effect, self) => effect.kind !== 'unsubscribe' && definition.perform(effect, self) }))),
  },
  {
    name: 'a former owner acknowledges what the fence has refused',
    foundBy: ['acknowledgedIsDurable'],
    likely: 1,
    plant: () =>
      among(
        inMessages((inner) => ({
          append: (append) =>
            inner.append(append).catch((error: unknown) => {
              if (!(error instanceof Superseded)) throw error;
            }),
        })),
      ),
  },
  {
    name: 'sessions never look whether they have missed something',
    foundBy: ['devicesConverge', 'healed'],
    likely: 1,
    plant: () => ({
      ...among(
        inDefinition('session', (definition) => ({
          ...definition,
          step: (state: SessionState, command: SessionCommand, nowMs: number) => (command.kind === 'heal' ? { state, effects: [] } : definition.step(state, command, nowMs)),
        })),
      ),
      // Whoever connects again looks as well.
      faults: { ...noFaults, linkLossRate: 0.05 },
    }),
  },
  {
    name: 'an owner of former times refuses for good without a look at the store',
    foundBy: ['nothingWrittenIsLost', 'devicesConverge', 'onceAndInDeviceOrder'],
    likely: 5,
    plant: () =>
      among(
        inDefinition('chat', (definition) => ({
          ...definition,
          commit: (durable, state, self) => {
            const others = durable.filter((effect) => effect.kind !== 'check');
            return others.length === 0 ? undefined : definition.commit(others, state, self);
          },
        })),
      ),
  },
];

function among(plant: Plant): Plant {
  return { nodes, ...plant };
}
