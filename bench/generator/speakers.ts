// Which protocols the load speaks. Those of the peers are loaded when they are wanted.
import { parley } from './parley.ts';
import type { Speaker } from './speaker.ts';

const speakers = {
  parley: async () => parley,
  ws: async () => (await import('../peers/ws/speaker.ts')).plainWs,
  socketio: async () => (await import('../peers/socketio/speaker.ts')).socketio,
  nats: async () => (await import('../peers/nats/speaker.ts')).nats,
  mqtt: async () => (await import('../peers/mosquitto/speaker.ts')).mqtt,
  xmpp: async () => (await import('../peers/ejabberd/speaker.ts')).xmpp,
} as const satisfies Record<string, () => Promise<Speaker>>;

export type ProtocolName = keyof typeof speakers;

export function speakerOf(name: ProtocolName): Promise<Speaker> {
  return speakers[name]();
}
