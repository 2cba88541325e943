// NATS's core protocol: lines, and a payload of a stated length behind a line. Messages to users and rooms are subjects; nothing is kept.
import { bodyHeadBytes, writeBodyHead } from '../../generator/body.ts';
import type { Account } from '../../generator/device.ts';
import type { Endpoint } from '../../generator/socket.ts';
import { Wire, type WireOwner } from '../../generator/wire.ts';
import { Awaited, type PeerConnection, type PeerProtocol, speakerOf } from '../peer-party.ts';
import type { Place } from '../place.ts';
import { Remainder } from '../remainder.ts';

const lf = 10;
const letters = { m: 77, p: 80, plus: 43, minus: 45 };

class NatsConnection implements PeerConnection, WireOwner {
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

  static async connect(endpoint: Endpoint, account: Account): Promise<NatsConnection> {
    const connection = new NatsConnection(endpoint, account);
    await connection.#awaited.wait('PONG');
    return connection;
  }

  connected(): void {
    const options = { verbose: false, pedantic: false, echo: false, lang: 'bench', version: '1', protocol: 1, auth_token: this.#account.accessToken };
    this.#wire.writeNow(`CONNECT ${JSON.stringify(options)}\r\nPING\r\n`);
  }

  async join(name: string): Promise<void> {
    this.#wire.writeNow(`SUB ${name} 1\r\nPING\r\n`);
    await this.#awaited.wait('PONG');
  }

  write(bytes: Uint8Array): void {
    this.#wire.write(bytes);
  }

  read(bytes: Buffer, view: DataView, count: number): void {
    this.#remainder.read(bytes, view, count);
  }

  stayAlive(): void {} // the server asks

  destroy(): void {
    this.#wire.reset();
  }

  ended(why: string): void {
    this.endedWhy = why;
    this.#awaited.ended(why);
  }

  #parse(bytes: Buffer, view: DataView, end: number): number {
    let at = 0;
    while (at < end) {
      const line = bytes.indexOf(lf, at);
      if (line < 0 || line >= end) return at;
      if (bytes[at] === letters.m) {
        const payload = line + 1;
        const size = sizeBefore(bytes, line - 2);
        if (payload + size + 2 > end) return at;
        if (size >= bodyHeadBytes) this.place?.binary(view, payload);
        at = payload + size + 2;
      } else {
        this.#line(bytes, at, line);
        at = line + 1;
      }
    }
    return at;
  }

  #line(bytes: Buffer, from: number, to: number): void {
    if (bytes[from] === letters.p && bytes[from + 1] === 73) this.#wire.writeNow('PONG\r\n');
    else if (bytes[from] === letters.p) this.#awaited.came('PONG');
    else if (bytes[from] === letters.minus) this.#wire.destroy(bytes.toString('latin1', from, to));
  }
}

/** The number whose last digit stands at `at`. */
function sizeBefore(bytes: Buffer, at: number): number {
  let size = 0;
  for (let place = 1, digit = at; ; digit -= 1, place *= 10) {
    const value = (bytes[digit] as number) - 48;
    if (value < 0 || value > 9) return size;
    size += value * place;
  }
}

const protocol: PeerProtocol = {
  connect: (endpoint, account) => NatsConnection.connect(endpoint, account),
  encoder(name, _isRoom, sender, bodyBytes) {
    const head = Buffer.from(`PUB ${name} ${bodyBytes}\r\n`);
    const template = Buffer.concat([head, Buffer.alloc(bodyBytes, 'parley '), Buffer.from('\r\n')]);
    return (counter, dueMs) => {
      const bytes = Buffer.allocUnsafe(template.byteLength);
      bytes.set(template);
      writeBodyHead(bytes, head.byteLength, sender, counter, dueMs);
      return bytes;
    };
  },
};

export const nats = speakerOf(protocol);
