// XMPP over TCP: SASL PLAIN, a resource, presence; one-to-one messages, and rooms of XEP-0045. Bodies are text.
import type { Account } from '../../generator/device.ts';
import type { Endpoint } from '../../generator/socket.ts';
import type { Away } from '../../generator/speaker.ts';
import { Wire, type WireOwner } from '../../generator/wire.ts';
import { Awaited, type PeerConnection, type PeerProtocol, speakerOf } from '../peer-party.ts';
import type { Encode, Place } from '../place.ts';
import { Remainder } from '../remainder.ts';
import { readTextHead, writeTextHead } from '../text-head.ts';
import { archivePath, host, password, roomsHost } from './settings.ts';

const header = `<?xml version='1.0'?><stream:stream to='${host}' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`;
const bodyStart = Buffer.from('<body>');
const messageEnd = Buffer.from('</message>');
const [iqEnd, emptyIq] = [Buffer.from('</iq>'), Buffer.from('<iq ')];
const ping = "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>";
const pageMax = 250; // the most that mod_mam gives at once
const resource = 'bench';

/** What must have come before what is said next. */
type Stage = 'mechanisms' | 'authenticating' | 'features' | 'binding' | 'standing';

class XmppConnection implements PeerConnection, WireOwner {
  place: Place | undefined;
  endedWhy: string | undefined;
  /** Of messages that nobody judges as they come: those that were kept. */
  readonly counters: number[] = [];
  readonly awaited = new Awaited();
  /** The archive's answer to a page that was asked for. */
  page = '';
  #stage: Stage = 'mechanisms';
  readonly #account: Account;
  readonly #wire: Wire;
  readonly #remainder = new Remainder((bytes, _view, end) => this.#parse(bytes, end));
  readonly #take = (sender: number, counter: number, dueMs: number): void => {
    if (this.place !== undefined) return this.place.take(sender, counter, dueMs);
    this.counters.push(counter);
    this.awaited.came(`message ${this.counters.length}`);
  };

  private constructor(endpoint: Endpoint, account: Account) {
    this.#account = account;
    this.#wire = new Wire(endpoint, this);
  }

  static async connect(endpoint: Endpoint, account: Account): Promise<XmppConnection> {
    const connection = new XmppConnection(endpoint, account);
    await connection.awaited.wait('standing');
    await connection.awaited.wait('iq');
    return connection;
  }

  connected(): void {
    this.#wire.writeNow(header);
  }

  async join(name: string, isRoom: boolean): Promise<void> {
    if (!isRoom) return;
    this.#wire.writeNow(`<presence to='${name}@${roomsHost}/${this.#account.userId}'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>`);
    await this.awaited.wait('room');
  }

  /** Asks the server something and waits until it answers; it has taken by then what was written before. */
  async ask(iq: string): Promise<void> {
    this.write(Buffer.from(iq));
    await this.awaited.wait('iq');
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

  /** Whole messages when it stands; before, and between them, whatever has come. */
  #parse(bytes: Buffer, end: number): number {
    if (this.#stage !== 'standing' || this.awaited.has('room')) return this.#talk(bytes.toString('latin1', 0, end)) ? end : 0;
    let at = 0;
    for (;;) {
      const done = bytes.indexOf(messageEnd, at);
      if (done < 0 || done + messageEnd.byteLength > end) break;
      const body = bytes.indexOf(bodyStart, at);
      if (body >= 0 && body < done) readTextHead(bytes, body + bodyStart.byteLength, done, this.#take);
      at = done + messageEnd.byteLength;
    }
    return this.awaited.has('iq') ? this.#answer(bytes, at, end) : at;
  }

  /** Behind the messages: the end of an answer. */
  #answer(bytes: Buffer, from: number, end: number): number {
    const done = bytes.indexOf(iqEnd, from);
    const short = bytes.indexOf(emptyIq, from); // an answer to a ping holds nothing
    const found = done >= 0 && done < end ? done + iqEnd.byteLength : short >= 0 && short < end && bytes.indexOf('/>', short) >= 0 ? bytes.indexOf('/>', short) + 2 : -1;
    if (found < 0 || found > end) return from;
    this.page = bytes.toString('latin1', from, found);
    this.awaited.came('iq');
    return found;
  }

  /** False: more has to come. */
  #talk(text: string): boolean {
    if (text.includes('<failure') || text.includes('<stream:error')) {
      this.#wire.destroy(`refused: ${text.slice(-200)}`);
      return true;
    }
    if (this.awaited.has('room') && /status code=['"]110['"]/.test(text)) {
      this.awaited.came('room');
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
        return text.includes('</iq>') && this.#stand();
      default:
        return false;
    }
  }

  #authenticate(): boolean {
    const plain = Buffer.from(`\0${this.#account.userId}\0${password}`).toString('base64');
    return this.#next('authenticating', `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`);
  }

  /** The server has taken the presence, and what it kept comes, when it has answered what is asked behind it. */
  #stand(): true {
    this.#next('standing', `<presence/>${ping}`);
    this.awaited.came('standing');
    return true;
  }

  #next(stage: Stage, says: string): true {
    this.#stage = stage;
    this.#wire.writeNow(says);
    return true;
  }
}

const protocol: PeerProtocol = {
  connect: (endpoint, account) => XmppConnection.connect(endpoint, account),
  encoder: (name, isRoom, sender, bodyBytes) =>
    isRoom ? bodyTo(`${name}@${roomsHost}`, 'groupchat', sender, bodyBytes) : bodyTo(`${name}@${host}/${resource}`, 'chat', sender, bodyBytes),
};

function bodyTo(address: string, type: 'chat' | 'groupchat', sender: number, bodyBytes: number): Encode {
  const end = '</body></message>';
  const template = Buffer.from(`<message to='${address}' type='${type}'><body>${'x'.repeat(bodyBytes)}${end}`);
  const bodyAt = template.byteLength - end.length - bodyBytes;
  return (counter, dueMs) => {
    const bytes = Buffer.allocUnsafe(template.byteLength);
    bytes.set(template);
    writeTextHead(bytes, bodyAt, sender, counter, dueMs);
    return bytes;
  };
}

const away: Away = {
  async prepare() {}, // an account is enough
  async store(endpoint, from, to, messages, bodyBytes) {
    const connection = await XmppConnection.connect(endpoint, from);
    const encode = bodyTo(`${to.userId}@${host}`, 'chat', 0, bodyBytes);
    for (let counter = 0; counter < messages; counter += 1) connection.write(encode(counter, 0));
    await connection.ask(ping);
    connection.destroy();
  },
  async comeBack(endpoint, account, messages) {
    const connection = await XmppConnection.connect(endpoint, account);
    if (endpoint.path === archivePath) await readArchive(connection);
    else if (connection.counters.length < messages) await connection.awaited.wait(`message ${messages}`);
    connection.destroy();
    return connection.counters;
  },
};

/** XEP-0313, page after page. */
async function readArchive(connection: XmppConnection): Promise<void> {
  for (let after = ''; ; ) {
    const from = after === '' ? '' : `<after>${after}</after>`;
    await connection.ask(`<iq type='set' id='m'><query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>${pageMax}</max>${from}</set></query></iq>`);
    const last = /<last>([^<]*)<\/last>/.exec(connection.page)?.[1];
    if (last === undefined || /complete=['"]true['"]/.test(connection.page)) return;
    after = last;
  }
}

export const xmpp = { ...speakerOf(protocol), away };
