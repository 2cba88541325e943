// A server on Socket.IO as its documentation has it: a room for each user, rooms for chats, an event for a message. In memory, nothing is kept.
// Its argument is the folder whose node_modules has Socket.IO. Prints {"port": N} once it listens; ends on SIGTERM.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

interface Socket {
  readonly handshake: { readonly auth: { readonly user?: unknown } };
  join(room: string): void;
  to(room: string): { emit(event: string, body: string): void };
  on(event: 'm', heard: (to: string, body: string) => void): void;
  on(event: 'join', heard: (room: string, done: () => void) => void): void;
}
interface Library {
  readonly Server: new (
    server: ReturnType<typeof createServer>,
    options: object,
  ) => {
    on(event: 'connection', heard: (socket: Socket) => void): void;
  };
}

const { Server } = createRequire(join(process.argv[2] as string, 'package.json'))('socket.io') as Library;
const server = createServer();
const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });
io.on('connection', (socket) => {
  socket.join(String(socket.handshake.auth.user));
  socket.on('m', (to, body) => socket.to(to).emit('m', body));
  socket.on('join', (room, done) => {
    socket.join(room);
    done();
  });
});
server.listen(0, '127.0.0.1', 4_096, () => process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`));
process.on('SIGTERM', () => process.exit(0));
