// XMPP over TCP: SASL PLAIN, a resource, presence; one-to-one messages, and rooms of XEP-0045. Bodies are text.
import type { Account } from '../../generator/device.ts';
import type { Endpoint } from '../../generator/socket.ts';
import { Wire, type WireOwner } from '../../generator/wire.ts';
import { Awaited, type PeerConnection, type PeerProtocol, speakerOf } from '../peer-party.ts';
import type { Place } from '../place.ts';
import { Remainder } from '../remainder.ts';
import { readTextHead, writeTextHead } from '../text-head.ts';
import { host, password, roomsHost } from './settings.ts';

const header = `<?xml version='1.0'?><stream:stream to='${host}' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`;
const bodyStart = Buffer.from('<body>');
const messageEnd = Buffer.from('</message>');
const resource = 'bench';

/** What must have come before what is said next. */
type Stage = 'mechanisms' | 'authenticating' | 'features' | 'binding' | 'standing';

class XmppConnection implements PeerConnection, WireOwner {
  place: Place | undefined;
  endedWhy: string | undefined;
  #stage: Stage = 'mechanisms';
  readonly #account: Account;
  readonly #wire: Wire;
  readonly #awaited = new Awaited();
  readonly #remainder = new Remainder((bytes, _view, end) => this.#parse(bytes, end));
  readonly #take = (sender: number, counter: number, dueMs: number): void => this.place?.take(sender, counter, dueMs);

  private constructor(endpoint: Endpoint, account: Account) {
    this.#account = account;
    this.#wire = new Wire(endpoint, this);
  }

  static async connect(endpoint: Endpoint, account: Account): Promise<XmppConnection> {
    const connection = new XmppConnection(endpoint, account);
    await connection.#awaited.wait('presence');
    return connection;
  }

  connected(): void {
    this.#wire.writeNow(header);
  }

  async join(name: string, isRoom: boolean): Promise<void> {
    if (!isRoom) return;
    this.#wire.writeNow(`<presence to='${name}@${roomsHost}/${this.#account.userId}'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>`);
    await this.#awaited.wait('room');
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

  /** Whole messages when it stands; before, and between them, whatever has come. */
  #parse(bytes: Buffer, end: number): number {
    if (this.#stage !== 'standing' || this.#awaited.has('room') || this.#awaited.has('presence')) return this.#talk(bytes.toString('latin1', 0, end)) ? end : 0;
    let at = 0;
    for (;;) {
      const done = bytes.indexOf(messageEnd, at);
      if (done < 0 || done + messageEnd.byteLength > end) break;
      const body = bytes.indexOf(bodyStart, at);
      if (body >= 0 && body < done) readTextHead(bytes, body + bodyStart.byteLength, done, this.#take);
      at = done + messageEnd.byteLength;
    }
    return at;
  }

  /** False: more has to come. */
  #talk(text: string): boolean {
    if (text.includes('<failure') || text.includes('<stream:error')) {
      this.#wire.destroy(`refused: ${text.slice(-200)}`);
      return true;
    }
    if (this.#awaited.has('room') && /status code=['"]110['"]/.test(text)) {
      this.#awaited.came('room');
      return true;
    }
    switch (this.#stage) {
      case 'mechanisms':
        return text.includes('</stream:features>') && this.#authenticate();
      case 'authenticating':
        return text.includes('<success') && this.#next('features', header);
      case 'features':
        return (
          text.includes('</stream:features>') &&
          this.#next('binding', `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${resource}</resource></bind></iq>`)
        );
      case 'binding':
        return text.includes('</iq>') && this.#next('standing', '<presence/>');
      default:
        if (!text.includes('<presence')) return false;
        this.#awaited.came('presence');
        return true;
    }
  }

  #authenticate(): boolean {
    const plain = Buffer.from(`\0${this.#account.userId}\0${password}`).toString('base64');
    return this.#next('authenticating', `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`);
  }

  #next(stage: Stage, says: string): true {
    this.#stage = stage;
    this.#wire.writeNow(says);
    return true;
  }
}

const protocol: PeerProtocol = {
  connect: (endpoint, account) => XmppConnection.connect(endpoint, account),
  encoder(name, isRoom, sender, bodyBytes) {
    const to = isRoom ? `${name}@${roomsHost}` : `${name}@${host}/${resource}`;
    const end = '</body></message>';
    const template = Buffer.from(`<message to='${to}' type='${isRoom ? 'groupchat' : 'chat'}'><body>${'x'.repeat(bodyBytes)}${end}`);
    const bodyAt = template.byteLength - end.length - bodyBytes;
    return (counter, dueMs) => {
      const bytes = Buffer.allocUnsafe(template.byteLength);
      bytes.set(template);
      writeTextHead(bytes, bodyAt, sender, counter, dueMs);
      return bytes;
    };
  },
};

export const xmpp = speakerOf(protocol);
