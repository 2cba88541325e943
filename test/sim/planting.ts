// How a bug is put into a world: around an actor's definition, a chat's rules, the log.
import type { ChatCommand, ChatEffect, ChatState } from '../../src/core/chat.ts';
import { decodeFromDevice, decodeToDevice } from '../../src/protocol/codec.ts';
import { StoreUnavailable } from '../../src/store/faults.ts';
import type { MessageStore } from '../../src/store/messages.ts';
import type { MemoryDisk } from '../../src/store/stores.memory.ts';
import type { Draws } from './random.ts';
import type { AnyDefinition } from './server.ts';
import type { Plant } from './world.ts';

type Step = (state: ChatState, command: ChatCommand, nowMs: number) => { readonly state: ChatState; readonly effects: readonly ChatEffect[] };

export function inDefinition(kind: string, wrap: (definition: AnyDefinition, random: Draws) => AnyDefinition): Plant {
  return { definition: (definition, random) => (definition.kind === kind ? wrap(definition, random) : definition) };
}

export function inChatSteps(wrap: (step: Step, random: Draws) => Step): Plant {
  return inDefinition('chat', (definition, random) => ({ ...definition, step: wrap(definition.step, random) }));
}

export function inMessages(wrap: (inner: MessageStore, disk: MemoryDisk, random: Draws) => Partial<MessageStore>): Plant {
  return { stores: (stores, disk, random) => ({ ...stores, messages: { ...stores.messages, ...wrap(stores.messages, disk, random) } }) };
}

export function unknownIsNo(): Plant {
  return {
    ...inMessages((inner, _disk, random) => ({
      append: async (append) => {
        await inner.append(append);
        if (random.chance(0.01)) throw new StoreUnavailable('no answer came');
      },
    })),
    ...inDefinition('chat', (definition) => ({ ...definition, giveBack: (command, why, id) => definition.giveBack(command, why === 'unavailable' ? 'internal' : why, id) })),
  };
}

/** Of each send that its device was told is refused, for its user is no member, copies come again later: as if they had been under way all the time. No bug, but a world in which one shows. */
export function refusedComesAgain(): Plant {
  return {
    dial: (dial, random) => {
      const sends = new Map<number, Uint8Array>();
      const refused: Uint8Array[] = [];
      return (events) => {
        const wire = dial({
          ...events,
          received(bytes) {
            const frame = decodeToDevice(bytes);
            const copy = frame.kind === 'refused' && frame.why === 'notAMember' ? sends.get(frame.request) : undefined;
            if (copy !== undefined) refused.push(copy);
            events.received(bytes);
          },
        });
        const send = (bytes: Uint8Array): void => {
          wire.send(bytes);
          const frame = decodeFromDevice(bytes);
          if (frame.kind === 'send') sends.set(frame.number, bytes);
          if (frame.kind !== 'hello' && refused.length > 0 && random.chance(0.2)) wire.send(random.pick(refused));
        };
        return { close: () => wire.close(), send };
      };
    },
  };
}
