// A server on plain `ws`, as most programs on it are written: a map of users, a set of sockets a room, one send a receiver. Nothing is kept, nobody is proven to be who they say.
// Prints {"port": N} once it listens; ends on SIGTERM.
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { kinds, nameBytes } from './frames.ts';

const users = new Map<string, WebSocket>();
const rooms = new Map<string, Set<WebSocket>>();
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
const binary = { binary: true };

server.on('connection', (socket) => {
  let own = '';
  socket.on('message', (data) => {
    const bytes = data as Buffer;
    const name = bytes.toString('latin1', 1, 1 + nameBytes);
    switch (bytes[0]) {
      case kinds.hello:
        own = name;
        users.set(name, socket);
        return socket.send(Buffer.from('welcome'), binary);
      case kinds.join: {
        const room = rooms.get(name) ?? new Set();
        rooms.set(name, room.add(socket));
        return socket.send(Buffer.from('joined'), binary);
      }
      case kinds.toUser:
        return users.get(name)?.send(bytes.subarray(1 + nameBytes), binary);
      default:
        for (const member of rooms.get(name) ?? []) if (member !== socket) member.send(bytes.subarray(1 + nameBytes), binary);
    }
  });
  socket.on('close', () => {
    if (users.get(own) === socket) users.delete(own);
    for (const room of rooms.values()) room.delete(socket);
  });
  socket.on('error', () => undefined); // `close` follows
});
server.on('listening', () => process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`));
process.on('SIGTERM', () => process.exit(0));
