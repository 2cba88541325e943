// What the plain `ws` server of this folder speaks: binary frames of a kind, a name of fixed length, and a body.
import { bodyHeadBytes, writeBodyHead } from '../../generator/body.ts';
import type { Account } from '../../generator/device.ts';
import { clientFrame, clientHeaderBytes } from '../../generator/framing.ts';
import { type Endpoint, FramedSocket, type SocketOwner } from '../../generator/socket.ts';
import { Awaited, type PeerConnection, type PeerProtocol, speakerOf } from '../peer-party.ts';
import type { Place } from '../place.ts';
import { kinds, nameBytes } from './frames.ts';

class WsConnection implements PeerConnection, SocketOwner {
  place: Place | undefined;
  endedWhy: string | undefined;
  readonly #account: Account;
  readonly #socket: FramedSocket;
  readonly #awaited = new Awaited();

  private constructor(endpoint: Endpoint, account: Account) {
    this.#account = account;
    this.#socket = new FramedSocket(endpoint, this);
  }

  static async connect(endpoint: Endpoint, account: Account): Promise<WsConnection> {
    const connection = new WsConnection(endpoint, account);
    await connection.#awaited.wait('welcome');
    return connection;
  }

  opened(): void {
    this.#socket.write(clientFrame(named(kinds.hello, this.#account.userId, Buffer.from(this.#account.accessToken))));
  }

  async join(name: string, isRoom: boolean): Promise<void> {
    if (!isRoom) return; // who says hello is reached
    this.#socket.write(clientFrame(named(kinds.join, name, Buffer.alloc(0))));
    await this.#awaited.wait('joined');
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  frame(bytes: Buffer, view: DataView, start: number, end: number): void {
    if (end - start >= bodyHeadBytes) this.place?.binary(view, start);
    else this.#awaited.came(bytes.toString('latin1', start, end));
  }

  stayAlive(): void {}

  destroy(): void {
    this.#socket.reset();
  }

  ended(why: string): void {
    this.endedWhy = why;
    this.#awaited.ended(why);
  }
}

function named(kind: number, name: string, rest: Buffer): Buffer {
  return Buffer.concat([Buffer.from([kind]), Buffer.from(name.padEnd(nameBytes)), rest]);
}

const protocol: PeerProtocol = {
  connect: (endpoint, account) => WsConnection.connect(endpoint, account),
  encoder(name, isRoom, sender, bodyBytes) {
    const payload = named(isRoom ? kinds.toRoom : kinds.toUser, name, Buffer.alloc(bodyBytes, 'parley '));
    const template = clientFrame(payload);
    const bodyAt = clientHeaderBytes(payload.byteLength) + 1 + nameBytes;
    return (counter, dueMs) => {
      const bytes = Buffer.allocUnsafe(template.byteLength);
      bytes.set(template);
      writeBodyHead(bytes, bodyAt, sender, counter, dueMs);
      return bytes;
    };
  },
};

export const plainWs = speakerOf(protocol);
