// A client of bare frames that connects to another node whenever one is lost, and follows who is in its groups. Everything that it sees goes into the history.
import { setTimeout as delay } from 'node:timers/promises';
import type { ToDevice, Unknown } from '../../src/protocol/codec.ts';
import { decodeMembersBody } from '../../src/protocol/members.ts';
import { type Entry, entryKinds, type Send } from '../../src/protocol/messages.ts';
import type { ChatId, DeviceId, UserId } from '../../src/structures/ids.ts';
import { Journal } from '../e2e/journal.ts';
import { EnduringDevice } from './enduring-device.ts';
import { type History, roams } from './history.ts';
import { Sights } from './sights.ts';
import type { LogIn, Whereabouts } from './whereabouts.ts';

const tickMs = 500;
/** Nothing heard for so long: the node is taken for dead. */
const silentMsMax = 6_000;
/** Without an answer for so long: asked again. */
const nudgeMs = 3_000;
/** Sends that wait in one chat; the person writes no more then. */
const pendingMax = 4;

export class RoamingRaw {
  readonly kind = 'raw';
  readonly name: string;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  node = '';
  readonly device: EnduringDevice;
  readonly #logIn: LogIn;
  readonly #whereabouts: Whereabouts;
  readonly #history: History;
  readonly #sights: Sights;
  /** Groups that it was put out of or let in again, and by which entry. */
  readonly #turns = new Map<ChatId, { readonly seq: number; readonly out: boolean }>();
  #count = 0;
  #freshToken = false;
  #isLost = true;
  #heardMs = 0;
  #nudgedMs = 0;
  #movesAtMs = Number.POSITIVE_INFINITY;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(name: string, logIn: LogIn, whereabouts: Whereabouts, history: History) {
    const { userId, deviceId, accessToken } = logIn.tokens;
    this.name = name;
    this.userId = userId;
    this.deviceId = deviceId;
    this.#logIn = logIn;
    this.#whereabouts = whereabouts;
    this.#history = history;
    this.#sights = new Sights(name, history);
    this.device = new EnduringDevice(
      { userId, deviceId, accessToken },
      {
        journal: new Journal(false),
        watch: {
          frame: (frame) => this.#sees(frame),
          sent: (send, seq) => history.tell({ who: name, what: 'sent', chatId: send.chatId, text: textOf(send), seq }),
          refused: (send, why) => history.tell({ who: name, what: 'refused', chatId: send.chatId, text: textOf(send), why }),
          closed: (why) => this.#lose(why),
        },
      },
    );
  }

  start(): void {
    this.#running = this.#run();
  }

  get isSettled(): boolean {
    return this.device.isSettled;
  }

  isIn(chatId: ChatId): boolean {
    return this.device.places.has(chatId) && this.#turns.get(chatId)?.out !== true;
  }

  post(chatId: ChatId): boolean {
    if ((this.device.places.get(chatId)?.open.length ?? 0) >= pendingMax) return false;
    const text = `${this.name}/${this.#count + 1}`;
    if (!this.device.post(chatId, Buffer.from(text))) return false;
    this.#count += 1;
    this.#history.tell({ who: this.name, what: 'posted', chatId, text });
    return true;
  }

  /** Of its own will, to another node. */
  roam(): void {
    if (!this.#isLost) this.#lose(roams);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await this.device.lose();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await delay(tickMs);
      const nowMs = performance.now();
      if (this.#isLost) await this.#connect();
      else if (nowMs >= this.#movesAtMs) this.#lose('moved');
      else if (nowMs - this.#heardMs > silentMsMax) this.#lose('silent');
      else if (nowMs - this.#nudgedMs > nudgeMs) {
        this.#nudgedMs = nowMs;
        this.device.nudge();
      }
    }
  }

  async #connect(): Promise<void> {
    const { name: node, socketUrl } = this.#whereabouts.any(this.node);
    this.node = node;
    await this.device.lose();
    this.#movesAtMs = Number.POSITIVE_INFINITY;
    try {
      const token = await this.#logIn.accessToken(this.#freshToken);
      this.#freshToken = false;
      this.#isLost = !(await this.device.connect(socketUrl, token));
    } catch {
      return; // no node to be asked, or none that knows the store: with the next tick
    }
    this.#heardMs = this.#nudgedMs = performance.now();
  }

  #lose(why: string): void {
    this.#isLost = true;
    if (/^440[12] /.test(why)) this.#freshToken = true;
    else if (/^44/.test(why)) this.#wrong(`closed: ${why}`);
    this.#history.tell({ who: this.name, what: 'lost', node: this.node, why });
  }

  #sees(frame: ToDevice | Unknown): void {
    this.#heardMs = performance.now();
    this.#sights.see(frame);
    switch (frame.kind) {
      case 'welcome':
        return this.#history.tell({ who: this.name, what: 'connected', node: this.node });
      case 'move':
        this.#movesAtMs = performance.now() + frame.afterMs;
        return;
      case 'entry':
        return this.#follows(frame);
      case 'entries':
        for (const entry of frame.entries) this.#follows(entry);
        return;
      case 'receipt': {
        const { chatId, userId, delivered, read } = frame;
        return this.#history.tell({ who: this.name, what: 'receipt', chatId, userId, delivered, read, merged: false });
      }
      case 'incarnationChanged':
        return this.#wrong('the store has another history');
      default:
        return;
    }
  }

  /** Who is put out writes no more until they are let in again. */
  #follows({ chatId, seq, entryKind, body }: Pick<Entry, 'chatId' | 'seq' | 'entryKind' | 'body'>): void {
    if (entryKind !== entryKinds.removed && entryKind !== entryKinds.added) return;
    if (!decodeMembersBody(body)?.members.some(([userId]) => userId === this.userId)) return;
    if (seq > (this.#turns.get(chatId)?.seq ?? 0)) this.#turns.set(chatId, { seq, out: entryKind === entryKinds.removed });
  }

  #wrong(says: string): void {
    this.#history.tell({ who: this.name, what: 'wrong', says });
  }
}

function textOf({ body }: Send): string {
  return Buffer.from(body).toString();
}
