// MQTT 3.1.1: users and rooms are topics. QoS 0; for who is away QoS 1 and a session that the server keeps.
import { bodyHeadBytes, counterAt, isBodyHead, writeBodyHead } from '../../generator/body.ts';
import type { Account } from '../../generator/device.ts';
import type { Endpoint } from '../../generator/socket.ts';
import type { Away } from '../../generator/speaker.ts';
import { Wire, type WireOwner } from '../../generator/wire.ts';
import { Awaited, type PeerConnection, type PeerProtocol, speakerOf } from '../peer-party.ts';
import type { Place } from '../place.ts';
import { Remainder } from '../remainder.ts';

const kinds = { connect: 0x10, connack: 2, publish: 0x30, puback: 4, subscribe: 0x82, suback: 9 } as const;
const flags = { cleanSession: 0x02, password: 0x40, user: 0x80 } as const;
const user = 'bench';
const qos1 = 2;
const openMax = 16; // as Parley has it: the same way to the server and back for each batch

class MqttConnection implements PeerConnection, WireOwner {
  place: Place | undefined;
  endedWhy: string | undefined;
  /** Of messages of QoS 1, in the order in which they came. */
  readonly counters: number[] = [];
  readonly awaited = new Awaited();
  #acknowledged = 0;
  readonly #account: Account;
  readonly #keeps: boolean;
  readonly #wire: Wire;
  readonly #remainder = new Remainder((bytes, view, end) => this.#parse(bytes, view, end));

  private constructor(endpoint: Endpoint, account: Account, keeps: boolean) {
    this.#account = account;
    this.#keeps = keeps;
    this.#wire = new Wire(endpoint, this);
  }

  /** `keeps`: the server keeps its session. */
  static async connect(endpoint: Endpoint, account: Account, keeps = false): Promise<MqttConnection> {
    const connection = new MqttConnection(endpoint, account, keeps);
    await connection.awaited.wait('CONNACK');
    return connection;
  }

  connected(): void {
    const { deviceId, accessToken } = this.#account;
    const keepAliveSeconds = 0; // never
    const head = Buffer.concat([text('MQTT'), Buffer.from([4, (this.#keeps ? 0 : flags.cleanSession) | flags.password | flags.user, 0, keepAliveSeconds])]);
    this.#wire.writeNow(packet(kinds.connect, Buffer.concat([head, text(deviceId), text(user), text(accessToken)])));
  }

  async join(name: string): Promise<void> {
    const packetId = Buffer.from([0, 1]);
    this.#wire.writeNow(packet(kinds.subscribe, Buffer.concat([packetId, text(name), Buffer.from([this.#keeps ? 1 : 0])])));
    await this.awaited.wait('SUBACK');
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
    this.awaited.ended(why);
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
      if ((first & qos1) !== 0) this.#kept(view, body, to);
      else if (to - body >= bodyHeadBytes) this.place?.binary(view, body);
    } else if (kind === kinds.puback) this.awaited.came(`acknowledgement ${++this.#acknowledged}`);
    else if (kind === kinds.connack) {
      if (bytes[from + 1] === 0) this.awaited.came('CONNACK');
      else this.#wire.destroy(`refused with ${bytes[from + 1]}`);
    } else if (kind === kinds.suback) this.awaited.came('SUBACK');
  }

  /** A message of QoS 1 is acknowledged by its number, or the server waits. */
  #kept(view: DataView, at: number, to: number): void {
    this.write(Buffer.from([0x40, 2, view.getUint8(at), view.getUint8(at + 1)]));
    if (to - at - 2 >= bodyHeadBytes && isBodyHead(view, at + 2)) this.counters.push(counterAt(view, at + 2));
    this.awaited.came(`message ${this.counters.length}`);
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

const away: Away = {
  async prepare(endpoint, to) {
    const connection = await MqttConnection.connect(endpoint, to, true);
    await connection.join(to.userId);
    connection.destroy();
  },
  async store(endpoint, from, to, messages, bodyBytes) {
    const connection = await MqttConnection.connect(endpoint, from);
    for (let counter = 0; counter < messages; ) {
      const last = Math.min(messages, counter + openMax);
      const taken = connection.awaited.wait(`acknowledgement ${last}`);
      for (; counter < last; counter += 1) {
        const body = Buffer.alloc(bodyBytes, 'parley ');
        writeBodyHead(body, 0, 0, counter, 0);
        const number = 1 + (counter % 65_535);
        connection.write(packet(kinds.publish | qos1, Buffer.concat([text(to.userId), Buffer.from([number >> 8, number & 255]), body])));
      }
      await taken;
    }
    connection.destroy();
  },
  async comeBack(endpoint, account, messages) {
    const connection = await MqttConnection.connect(endpoint, account, true);
    if (connection.counters.length < messages) await connection.awaited.wait(`message ${messages}`);
    connection.destroy();
    return connection.counters;
  },
};

export const mqtt = { ...speakerOf(protocol), away };
