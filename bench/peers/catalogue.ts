// All peers, in the order of the table.
import { ejabberd, ejabberdWithArchive } from './ejabberd/server.ts';
import { mosquitto } from './mosquitto/server.ts';
import { nats } from './nats/server.ts';
import type { Peer } from './peer.ts';
import { socketio } from './socketio/server.ts';
import { ws } from './ws/server.ts';

export const peers: readonly Peer[] = [ws, socketio, nats, mosquitto, ejabberd, ejabberdWithArchive];
