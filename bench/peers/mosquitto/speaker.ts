// MQTT 3.1.1, QoS 0: users and rooms are topics.
import { bodyHeadBytes, writeBodyHead } from '../../generator/body.ts';
import type { Account } from '../../generator/device.ts';
import type { Endpoint } from '../../generator/socket.ts';
import { Wire, type WireOwner } from '../../generator/wire.ts';
import { Awaited, type PeerConnection, type PeerProtocol, speakerOf } from '../peer-party.ts';
import type { Place } from '../place.ts';
import { Remainder } from '../remainder.ts';

const kinds = { connect: 0x10, connack: 2, publish: 0x30, subscribe: 0x82, suback: 9 } as const;
const flags = { cleanSession: 0x02, password: 0x40, user: 0x80 } as const;
const user = 'bench';

class MqttConnection implements PeerConnection, WireOwner {
  place: Place | undefined;
  endedWhy: string | undefined;
  readonly #account: Account;
  readonly #wire: Wire;
  readonly #awaited = new Awaited();
  readonly #remainder = new Remainder((bytes, view, end) => this.#parse(bytes, view, end));

  private constructor(endpoint: Endpoint, account: Account) {
    this.#account = account;
    this.#wire = new Wire(endpoint, this);
  }

  static async connect(endpoint: Endpoint, account: Account): Promise<MqttConnection> {
    const connection = new MqttConnection(endpoint, account);
    await connection.#awaited.wait('CONNACK');
    return connection;
  }

  connected(): void {
    const { deviceId, accessToken } = this.#account;
    const keepAliveSeconds = 0; // never
    const head = Buffer.concat([text('MQTT'), Buffer.from([4, flags.cleanSession | flags.password | flags.user, 0, keepAliveSeconds])]);
    this.#wire.writeNow(packet(kinds.connect, Buffer.concat([head, text(deviceId), text(user), text(accessToken)])));
  }

  async join(name: string): Promise<void> {
    const packetId = Buffer.from([0, 1]);
    this.#wire.writeNow(packet(kinds.subscribe, Buffer.concat([packetId, text(name), Buffer.from([0])])));
    await this.#awaited.wait('SUBACK');
  }

  write(bytes: Uint8Array): void {
    this.#wire.write(bytes);
  }

  read(bytes: Buffer, view: DataView, count: number): void {
    this.#remainder.read(bytes, view, count);
  }

  stayAlive(): void {}

  destroy(): void {
    this.#wire.reset();
  }

  ended(why: string): void {
    this.endedWhy = why;
    this.#awaited.ended(why);
  }

  #parse(bytes: Buffer, view: DataView, end: number): number {
    let at = 0;
    while (at + 2 <= end) {
      let size = 0;
      let next = at + 1;
      for (let shift = 0; ; shift += 7) {
        if (next >= end) return at;
        const byte = bytes[next++] as number;
        size |= (byte & 127) << shift;
        if (byte < 128) break;
      }
      if (next + size > end) return at;
      this.#packet(bytes, view, bytes[at] as number, next, next + size);
      at = next + size;
    }
    return at;
  }

  #packet(bytes: Buffer, view: DataView, first: number, from: number, to: number): void {
    const kind = first >> 4;
    if (kind === 3) {
      const body = from + 2 + view.getUint16(from);
      if (to - body >= bodyHeadBytes) this.place?.binary(view, body);
    } else if (kind === kinds.connack) {
      if (bytes[from + 1] === 0) this.#awaited.came('CONNACK');
      else this.#wire.destroy(`refused with ${bytes[from + 1]}`);
    } else if (kind === kinds.suback) this.#awaited.came('SUBACK');
  }
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.byteLength >> 8, bytes.byteLength & 255]), bytes]);
}

function packet(kind: number, rest: Buffer): Buffer {
  const head = [kind];
  for (let size = rest.byteLength; ; size >>= 7) {
    if (size < 128) {
      head.push(size);
      break;
    }
    head.push((size & 127) | 128);
  }
  return Buffer.concat([Buffer.from(head), rest]);
}

const protocol: PeerProtocol = {
  connect: (endpoint, account) => MqttConnection.connect(endpoint, account),
  encoder(name, _isRoom, sender, bodyBytes) {
    const template = packet(kinds.publish, Buffer.concat([text(name), Buffer.alloc(bodyBytes, 'parley ')]));
    const bodyAt = template.byteLength - bodyBytes;
    return (counter, dueMs) => {
      const bytes = Buffer.allocUnsafe(template.byteLength);
      bytes.set(template);
      writeBodyHead(bytes, bodyAt, sender, counter, dueMs);
      return bytes;
    };
  },
};

export const mqtt = speakerOf(protocol);
