// Socket.IO on its WebSocket transport (Engine.IO 4): events as text frames, bodies as strings.
import type { Account } from '../../generator/device.ts';
import { clientFrame, opcodes } from '../../generator/framing.ts';
import { type Endpoint, FramedSocket, type SocketOwner } from '../../generator/socket.ts';
import { Awaited, type PeerConnection, type PeerProtocol, speakerOf } from '../peer-party.ts';
import type { Place } from '../place.ts';
import { readTextHead, writeTextHead } from '../text-head.ts';

const message = '42["m","';
const [open, ping, connectedText, eventText] = ['0', '2', '40', '43'];

class SocketioConnection implements PeerConnection, SocketOwner {
  place: Place | undefined;
  endedWhy: string | undefined;
  readonly #account: Account;
  readonly #socket: FramedSocket;
  readonly #awaited = new Awaited();
  readonly #take = (sender: number, counter: number, dueMs: number): void => this.place?.take(sender, counter, dueMs);

  private constructor(endpoint: Endpoint, account: Account) {
    this.#account = account;
    this.#socket = new FramedSocket(endpoint, this);
  }

  static async connect(endpoint: Endpoint, account: Account): Promise<SocketioConnection> {
    const connection = new SocketioConnection(endpoint, account);
    await connection.#awaited.wait('connected');
    return connection;
  }

  opened(): void {} // the server begins

  async join(name: string, isRoom: boolean): Promise<void> {
    if (!isRoom) return; // who has connected is in a room of its name
    this.#say(`420["join","${name}"]`);
    await this.#awaited.wait('joined');
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  text(bytes: Buffer, _view: DataView, start: number, end: number): void {
    if (this.place !== undefined && readTextHead(bytes, start + message.length, end, this.#take)) return;
    const text = bytes.toString('latin1', start, end);
    if (text.startsWith(connectedText)) this.#awaited.came('connected');
    else if (text.startsWith(eventText)) this.#awaited.came('joined');
    else if (text[0] === open) this.#say(`40${JSON.stringify({ user: this.#account.userId, token: this.#account.accessToken })}`);
    else if (text === ping) this.#say('3');
    else if (text.startsWith('44')) this.#socket.destroy();
  }

  frame(): void {} // no binary ones

  stayAlive(): void {}

  destroy(): void {
    this.#socket.reset();
  }

  ended(why: string): void {
    this.endedWhy = why;
    this.#awaited.ended(why);
  }

  #say(text: string): void {
    this.#socket.write(clientFrame(Buffer.from(text), opcodes.text));
  }
}

const protocol: PeerProtocol = {
  connect: (endpoint, account) => SocketioConnection.connect(endpoint, account),
  encoder(name, _isRoom, sender, bodyBytes) {
    const end = '"]';
    const template = clientFrame(Buffer.from(`${message}${name}","${'x'.repeat(bodyBytes)}${end}`), opcodes.text);
    const bodyAt = template.byteLength - end.length - bodyBytes;
    return (counter, dueMs) => {
      const bytes = Buffer.allocUnsafe(template.byteLength);
      bytes.set(template);
      writeTextHead(bytes, bodyAt, sender, counter, dueMs);
      return bytes;
    };
  },
};

export const socketio = speakerOf(protocol);
