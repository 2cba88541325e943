// The parts of a client, wired to each other: what comes from the connection goes to the part whose business it is.
import type { ToDevice } from '../protocol/codec.ts';
import type { Welcome } from '../protocol/connection.ts';
import { type Entry, entryKinds } from '../protocol/messages.ts';
import type { ChatId } from '../structures/ids.ts';
import { Questions } from './asking.ts';
import type { Chat } from './chat.ts';
import type { ClientEvents, ClientNeeds } from './client-events.ts';
import { Connection, type DownWhy, type StopWhy } from './connection.ts';
import { Emitter } from './events.ts';
import { Refused } from './faults.ts';
import { type HaltableClock, haltable } from './haltable.ts';
import { History } from './history.ts';
import { Journal } from './journal.ts';
import { Log, type Place } from './log.ts';
import { Numbers } from './numbers.ts';
import type { Me } from './place.ts';
import { policy as defaults, type Policy } from './policy.ts';
import { Presence } from './presence.ts';
import { Pulls } from './pulls.ts';
import { Receipts } from './receipts.ts';
import { Requests } from './requests.ts';
import { Resume } from './resume.ts';
import { Sends } from './sends.ts';

export class Engine {
  readonly me: Me;
  readonly clock: HaltableClock;
  readonly policy: Policy;
  readonly emitter: Emitter<ClientEvents>;
  readonly journal: Journal;
  readonly connection: Connection;
  readonly requests: Requests;
  readonly questions: Questions;
  readonly numbers: Numbers;
  readonly log: Log;
  readonly pulls: Pulls;
  readonly sends: Sends;
  readonly receipts: Receipts;
  readonly presence: Presence;
  readonly history: History;
  readonly resume: Resume;
  /** The last one. */
  welcome: Welcome | undefined;
  private readonly chatOf: (chatId: ChatId) => Chat;
  /** `left`: the server has ended the connection for this device's own log-out. */
  private leaving: 'no' | 'asked' | 'left' = 'no';

  constructor(needs: ClientNeeds, chatOf: (chatId: ChatId) => Chat) {
    const { storage, kept, random } = needs;
    this.chatOf = chatOf;
    this.me = { userId: needs.userId, deviceId: needs.deviceId };
    this.policy = { ...defaults, ...needs.policy };
    this.clock = haltable(needs.clock);
    const { me, clock, policy } = this;
    const log = () => this.log;
    this.emitter = new Emitter(clock);
    this.journal = new Journal(storage, (error) => this.storageFailed(error));
    this.connection = this.connectionOf(needs);
    const send: Connection['send'] = (frame) => this.connection.send(frame);
    this.requests = new Requests(clock, random, policy, send);
    const { journal, requests } = this;
    this.questions = new Questions({ clock, random, policy, requests, isUp: () => this.connection.isUp });
    this.numbers = new Numbers(clock, random, kept.lastNumber);
    this.pulls = new Pulls({ clock, random, policy, requests, journal, log, idle: () => this.resume.idle() });
    this.log = this.logOf(needs);
    this.receipts = new Receipts(
      {
        me,
        clock,
        random,
        policy,
        requests,
        journal,
        storage,
        log,
        send,
        risen: (receipt) => this.emitter.emit('receipt', receipt),
        changed: (chatId) => this.emitter.emit('chat', chatId),
      },
      kept.rosters,
    );
    this.presence = new Presence({ clock, policy, send, presence: (presence) => this.emitter.emit('presence', presence), typing: (typing) => this.emitter.emit('typing', typing) });
    this.history = new History({ deviceId: me.deviceId, policy, storage, journal, log, ask: (frame) => this.questions.ask(frame, 'entries') });
    this.sends = this.sendsOf(needs, send);
    const { pulls, receipts } = this;
    this.resume = new Resume(
      {
        clock,
        random,
        policy,
        requests,
        log,
        pulls,
        receipts,
        newHistory: (incarnation, former) => this.newHistory(incarnation, former),
        synced: () => this.emitter.emit('synced', undefined),
      },
      kept.incarnation,
    );
  }

  /** Nothing is tried, told or written any more; what waits for an answer is told so. */
  halt(): void {
    this.sends.close();
    this.questions.close();
    this.clock.halt();
  }

  private connectionOf({ random, dial, deviceId, program = 'parley-sdk', accessToken }: ClientNeeds): Connection {
    const { clock, policy } = this;
    return new Connection(
      { clock, random, policy, dial, deviceId, program, accessToken },
      { up: (welcome) => this.up(welcome), down: (why, retryInMs) => this.down(why, retryInMs), frame: (frame) => this.frame(frame), stopped: (why) => this.stopped(why) },
    );
  }

  private logOf({ storage, kept }: ClientNeeds): Log {
    const { me, policy, journal } = this;
    return new Log(
      {
        me,
        policy,
        journal,
        entriesPerChatMax: storage.entriesPerChatMax,
        accepted: (number) => this.numbers.passed(number),
        claim: (chatId, entries, seq) => this.sends.claim(chatId, entries, seq),
        gap: (place) => this.pulls.want(place),
        placed: (place, entries) => this.placed(place, entries),
      },
      kept.places,
    );
  }

  private sendsOf({ random, kept }: ClientNeeds, send: Connection['send']): Sends {
    const { me, clock, policy, journal, numbers, emitter } = this;
    return new Sends(
      {
        me,
        clock,
        random,
        policy,
        journal,
        numbers,
        send,
        log: () => this.log,
        search: (chatId, number) => this.history.search(chatId, number),
        relogin: () => this.connection.relogin(),
        pending: (item) => emitter.emit('pending', item),
        sent: (sent) => emitter.emit('sent', sent),
        refused: (item, refused) => emitter.emit('refused', { item, refused }),
      },
      kept.outbox,
    );
  }

  private up(welcome: Welcome): void {
    this.welcome = welcome;
    this.numbers.welcomed(welcome.serverTimeMs);
    this.resume.start(welcome);
    this.pulls.start(welcome.pullEntriesMax);
    this.sends.start(welcome.openSendsPerChatMax, Math.max(1, welcome.requestsInFlightMax - this.policy.requestsAtOnce));
    this.receipts.start();
    this.presence.start();
    this.questions.start();
    this.emitter.emit('connected', welcome);
  }

  private down(why: DownWhy, retryInMs: number): void {
    this.halted();
    this.emitter.emit('disconnected', { why, retryInMs });
  }

  /**
   * Has the server log this device out. That it ends the connection for it, perhaps before its answer is here, is no news then, and is as good as the answer.
   * Rejects as `ask` does, and everything goes on.
   */
  async leave(ask: () => Promise<void>): Promise<void> {
    this.leaving = 'asked';
    try {
      await ask();
    } catch (error) {
      if (!this.hasLeft()) throw error;
    } finally {
      if (this.hasLeft()) this.emitter.emit('stopped', 'closed');
      this.leaving = 'no';
    }
  }

  private hasLeft(): boolean {
    return this.leaving === 'left';
  }

  private stopped(why: StopWhy): void {
    this.halted();
    if (why === 'loggedOut' && this.leaving === 'asked') {
      this.leaving = 'left';
      return;
    }
    this.emitter.emit('stopped', why);
    if (why === 'loggedOut') this.emitter.emit('loggedOut', undefined);
  }

  private halted(): void {
    this.resume.stop();
    this.pulls.stop();
    this.sends.stop();
    this.receipts.stop();
    this.presence.stop();
    this.requests.lost();
  }

  private frame(frame: Exclude<ToDevice, { kind: 'welcome' | 'move' }>): void {
    switch (frame.kind) {
      case 'entry':
        return this.log.offer(frame);
      case 'pushed':
        for (const entry of frame.entries) this.log.offer(entry);
        return;
      case 'sent':
        return this.sends.sent(frame);
      case 'refused':
        if (!this.sends.refused(frame.request, new Refused(frame))) this.requests.answered(frame.request, frame);
        return;
      case 'moved':
        this.resume.moved(frame);
        if (frame.last && frame.request > 0) this.requests.answered(frame.request, frame);
        return;
      case 'lagging':
        return this.resume.lagging();
      case 'receipt':
        return this.receipts.received(frame);
      case 'typingBy':
        return this.presence.typingBy(frame);
      case 'presence':
        return this.presence.presence(frame);
      case 'pong':
        return this.numbers.welcomed(frame.serverTimeMs); // this device's clock may have been set since the last time
      default:
        this.requests.answered(frame.request, frame);
    }
  }

  private placed(place: Place, entries: readonly Entry[]): void {
    this.receipts.placed(place, entries);
    const chat = this.chatOf(place.now.chatId);
    for (const entry of entries) {
      this.presence.heardFrom(entry.chatId, entry.author);
      this.emitter.emit('entry', entry);
      if (entry.entryKind === entryKinds.message && entry.author !== this.me.userId) this.emitter.emit('message', chat.messageOf(entry));
    }
    if (entries.length > 0) this.emitter.emit('chat', place.now.chatId);
  }

  private newHistory(incarnation: string, former: string): void {
    this.log.forget(incarnation).catch(() => undefined);
    this.receipts.forget();
    this.sends.forget();
    if (former !== '') this.emitter.emit('reset', undefined);
  }

  private storageFailed(error: unknown): void {
    this.connection.stop();
    this.halt();
    this.emitter.emit('failed', { error });
  }
}
