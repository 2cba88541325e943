// The terminal client: what is typed goes to the open chat, what happens is written as it comes.
import type { Entry } from '../protocol/messages.ts';
import { entryKinds } from '../protocol/messages.ts';
import { type Chat, type ChatSummary, Closed, HttpRefused, type Parley, Refused, type Tick } from '../sdk/parley.ts';
import { type Command, commandOf, help } from './commands.ts';
import { contentText, entryText } from './entry-text.ts';
import { chatLine, deviceLine, type Paint, paintFor, plain, preview, tickMark } from './format.ts';
import { Names } from './names.ts';
import type { Screen } from './screen.ts';
import { statusText } from './status.ts';

/** Presence is asked for so many members of the open chat at most. */
const watchedMax = 50;
const shownAtOpening = 20;

export class App {
  private readonly parley: Parley;
  private readonly screen: Screen;
  private readonly paint: Paint;
  private readonly names: Names;
  private list: readonly ChatSummary[] = [];
  private open: { readonly chat: Chat; readonly name: string; oldest: number; newest: number; ownSeq: number; told: Tick | undefined } | undefined;
  private offline = false;
  /** What was missed is here; from now on news of other chats are told one by one. */
  private caughtUp = false;
  private readonly seenOnline = new Set<string>();
  /** Lines and events are dealt with one after the other, in the order in which they came. */
  private turn: Promise<void> = Promise.resolve();
  private readonly over: Promise<boolean>;
  private end: (well: boolean) => void = () => undefined;

  constructor(parley: Parley, screen: Screen) {
    this.parley = parley;
    this.screen = screen;
    this.paint = paintFor(screen.hasColours);
    this.names = new Names(parley);
    this.over = new Promise((resolve) => (this.end = resolve));
  }

  /** Until the user quits; false when it ended otherwise. */
  async run(): Promise<boolean> {
    this.hear();
    const settled = new Promise<void>((resolve) => {
      this.parley.on('synced', () => resolve());
      this.parley.on('disconnected', () => resolve());
    });
    this.next(async () => {
      await settled;
      await this.showChats();
      this.caughtUp = true;
    });
    this.screen.listen({ line: (text) => this.next(() => this.obey(commandOf(text))), edited: (text) => this.edited(text), end: () => this.next(() => this.finish()) });
    this.status();
    return await this.over;
  }

  private next(job: () => Promise<void>): void {
    this.turn = this.turn.then(job).catch((error: unknown) => this.screen.print(this.paint('red', `! ${saysOf(error)}`)));
  }

  private hear(): void {
    const { parley } = this;
    parley.on('entry', (entry) => this.next(() => this.entry(entry)));
    parley.on('sent', ({ chatId, seq }) => this.next(async () => void (chatId === this.open?.chat.chatId && this.ticks(seq))));
    parley.on('receipt', ({ chatId }) => this.next(async () => void (chatId === this.open?.chat.chatId && this.ticks(0))));
    parley.on('typing', ({ chatId, userId, on }) =>
      this.next(async () => {
        if (chatId !== this.open?.chat.chatId) return;
        const [name] = await this.names.of(userId);
        if (on && !this.screen.isTerminal) this.screen.print(`* ${name} is typing`);
        this.status();
      }),
    );
    parley.on('presence', ({ userId, online }) =>
      this.next(async () => {
        const [name] = await this.names.of(userId);
        if (!this.screen.isTerminal && (online || this.seenOnline.has(userId))) this.screen.print(`* ${name} is ${online ? 'online' : 'offline'}`);
        if (online) this.seenOnline.add(userId);
        this.status();
      }),
    );
    parley.on('refused', ({ item, refused }) =>
      this.next(async () => {
        const text = item.command.kind === 'send' ? `"${preview(contentText(item.command))}"` : item.command.kind;
        this.screen.print(this.paint('red', `! Not sent: ${text}. ${refused.message}`));
      }),
    );
    parley.on('disconnected', ({ why }) => this.next(async () => this.connection(why === 'moved' ? this.offline : true)));
    parley.on('connected', () => this.next(async () => this.connection(false)));
    parley.on('reset', () => this.next(async () => this.screen.print('The server was restored from a backup: your chats are fetched anew.')));
    parley.on('failed', ({ error }) => this.stop(`Your messages can no longer be kept: ${saysOf(error)}`));
    parley.on('stopped', (why) => {
      if (why === 'loggedOut') this.stop('This device was logged out. Start again to log in.');
      else if (why === 'replaced') this.stop('This account is open elsewhere with the same folder.');
      else if (why !== 'closed') this.stop(`The server ended the connection for good: ${why}`);
    });
  }

  private stop(says: string): void {
    this.screen.print(this.paint('red', `! ${says}`));
    this.end(false);
  }

  private connection(offline: boolean): void {
    if (offline !== this.offline) this.screen.print(offline ? '* No connection; trying again. What you write is sent then.' : '* Connected again.');
    this.offline = offline;
    this.status();
  }

  private async obey(command: Command): Promise<void> {
    const { screen, parley } = this;
    switch (command.kind) {
      case 'nothing':
        return;
      case 'say':
        return this.say(command.text);
      case 'chats':
        return await this.showChats();
      case 'open':
        return await this.openChat(await this.chatFor(command.chat));
      case 'history':
        return await this.showHistory(command.count);
      case 'group':
        return await this.openChat(await parley.createGroup(command.title, command.handles));
      case 'add':
        await this.here().add(...(await Promise.all(command.handles.map((handle) => parley.user(handle)))).map(({ userId }) => userId));
        return;
      case 'remove':
        await this.here().remove((await parley.user(command.handle)).userId);
        return;
      case 'leave':
        await this.here().leave();
        return;
      case 'members':
        return await this.showMembers();
      case 'devices':
        for (const device of await parley.devices()) screen.print(deviceLine(device));
        return;
      case 'logout':
        await parley.logOut();
        screen.print('Logged out. Nothing is kept here any more.');
        return this.end(true);
      case 'help':
        return screen.print(help);
      case 'quit':
        return await this.finish();
      case 'wrong':
        return screen.print(`! ${command.says}`);
    }
  }

  private here(): Chat {
    if (this.open === undefined) throw new Error('No chat is open: /open HANDLE');
    return this.open.chat;
  }

  private say(text: string): void {
    const chat = this.here();
    chat.typing(false);
    if (this.screen.isTerminal) this.screen.print(`${this.paint('cyan', 'you')}: ${plain(text)}`);
    chat.send(text).catch((error: unknown) => {
      if (!(error instanceof Closed) && !(error instanceof Refused && error.action === 'never')) this.screen.print(this.paint('red', `! ${saysOf(error)}`));
    });
    this.status();
  }

  private edited(text: string): void {
    if (this.open !== undefined && !text.startsWith('/')) this.open.chat.typing(text !== '');
  }

  /** Nothing more will be typed: what was is sent first, if there is a connection. */
  private async finish(): Promise<void> {
    if (this.screen.isTerminal) return this.end(true);
    if (this.parley.client.pending().length > 0 && this.parley.isConnected) {
      await new Promise<void>((resolve) => {
        const look = (): void => void (this.parley.client.pending().length === 0 && resolve());
        for (const name of ['sent', 'refused', 'disconnected', 'stopped'] as const) this.parley.on(name, () => (name === 'sent' || name === 'refused' ? look() : resolve()));
        look();
      });
    }
    const unsent = this.parley.client.pending().length;
    if (unsent > 0) this.screen.print(`* ${unsent} not sent yet; they go out next time.`);
    this.next(async () => this.end(true)); // after what the last answers have brought
  }

  private async chatFor(word: string): Promise<Chat> {
    const listed = /^\d{1,3}$/.test(word) ? this.list[Number(word) - 1] : undefined;
    if (listed !== undefined) return this.parley.chat(listed.chatId);
    return await this.parley.directChat(word.replace(/^@/, ''));
  }

  private async openChat(chat: Chat): Promise<void> {
    this.open?.chat.typing(false);
    const name = await this.nameOf(chat);
    const open = { chat, name, oldest: Number.MAX_SAFE_INTEGER, newest: 0, ownSeq: 0, told: undefined };
    this.open = open;
    chat.focus();
    this.screen.print(this.paint('bold', `— ${name} —`));
    await this.showHistory(shownAtOpening);
    await chat.read();
    await this.watch(chat);
    this.status();
  }

  private async watch(chat: Chat): Promise<void> {
    const others = chat.kind === 'direct' ? [chat.peer] : (await chat.members().catch(() => undefined))?.members.map(({ userId }) => userId);
    this.parley.watch((others ?? []).filter((userId) => userId !== null && userId !== this.parley.userId).slice(0, watchedMax) as NonNullable<Chat['peer']>[]);
  }

  private async nameOf(chat: Pick<Chat, 'kind' | 'title' | 'peer'>): Promise<string> {
    if (chat.kind === 'group') return `# ${plain(chat.title)}`;
    return chat.peer === null ? 'somebody' : ((await this.names.of(chat.peer))[0] as string);
  }

  private async showChats(): Promise<void> {
    this.list = await this.parley.chats({ limit: 100 });
    if (this.list.length === 0) return this.screen.print('No chats yet. /open HANDLE begins one, /help lists what there is.');
    this.screen.print('Your chats, newest first (/open NUMBER):');
    for (const [at, chat] of this.list.entries()) {
      const name = await this.nameOf(chat);
      const last = chat.last === null || chat.last.entryKind !== entryKinds.message ? '' : contentText(chat.last);
      this.screen.print(chatLine({ number: at + 1, name, unread: chat.unread, atMs: chat.atMs, last, member: chat.member }, this.paint));
    }
  }

  private async showHistory(count: number): Promise<void> {
    const chat = this.here();
    const open = this.open as NonNullable<App['open']>;
    const { entries, more } = await chat.history({ before: open.oldest, limit: count });
    if (entries.length === 0) this.screen.print(this.paint('dim', '  (nothing here yet)'));
    for (const entry of entries) {
      this.screen.print(await this.textOf(entry, chat));
      if (entry.author === this.parley.userId && entry.entryKind === entryKinds.message) open.ownSeq = Math.max(open.ownSeq, entry.seq);
    }
    open.oldest = entries[0]?.seq ?? open.oldest;
    open.newest = Math.max(open.newest, entries.at(-1)?.seq ?? 0);
    if (more) this.screen.print(this.paint('dim', '  (/history shows more)'));
  }

  private async showMembers(): Promise<void> {
    const { members } = await this.here().members();
    const names = await this.names.of(...members.map(({ userId }) => userId));
    for (const [at, { userId, role }] of members.entries()) {
      this.screen.print(`  ${names[at]}${role === 'member' ? '' : ` (${role})`}${this.parley.presenceOf(userId)?.online === true ? ', online' : ''}`);
    }
  }

  private async entry(entry: Entry): Promise<void> {
    const { parley, open } = this;
    const mine = entry.author === parley.userId;
    if (entry.chatId !== open?.chat.chatId) {
      if (mine || entry.entryKind !== entryKinds.message || !this.caughtUp) return;
      const chat = parley.chat(entry.chatId);
      const [author] = await this.names.of(entry.author);
      if (chat.kind === 'group' && chat.title === '') await chat.members().catch(() => undefined); // who has just been let in has not heard it yet
      return this.screen.print(`${this.paint('yellow', `[${await this.nameOf(chat)}]`)} ${author}: ${preview(contentText(entry))} (${chat.unread} unread)`);
    }
    if (entry.seq <= open.newest) return; // the history that was shown had it already
    if (mine && entry.entryKind === entryKinds.message) {
      open.ownSeq = Math.max(open.ownSeq, entry.seq);
      open.told = undefined;
      if (this.screen.isTerminal && entry.device === parley.deviceId) return this.status();
    }
    this.screen.print(await this.textOf(entry, open.chat));
    if (entry.entryKind !== entryKinds.message) await this.watch(open.chat);
    if (mine) open.told = open.chat.tick(entry.seq);
    else await open.chat.read(entry.seq);
    this.status();
  }

  private async textOf(entry: Entry, chat: Chat): Promise<string> {
    return await entryText(entry, { names: this.names, paint: this.paint, tickOf: (seq) => chat.tick(seq), mine: ({ author }) => author === this.parley.userId });
  }

  /** How far the last own message has got. */
  private ticks(sentSeq: number): void {
    const { open, screen } = this;
    if (open === undefined) return;
    open.ownSeq = Math.max(open.ownSeq, sentSeq);
    const tick = open.chat.tick(open.ownSeq);
    if (!screen.isTerminal && sentSeq === 0 && open.ownSeq > 0 && tick !== open.told && tick !== 'sent') screen.print(`* ${tickMark(tick, this.paint)}`);
    if (sentSeq === 0) open.told = tick;
    this.status();
  }

  private status(): void {
    this.screen.status(`${statusText({ open: this.open, offline: this.offline, names: this.names, paint: this.paint, presenceOf: (userId) => this.parley.presenceOf(userId) })}> `);
  }
}

function saysOf(error: unknown): string {
  if (error instanceof Refused && error.why === 'noSuchUser') return 'There is nobody with that handle.';
  if (error instanceof HttpRefused || error instanceof Error) return error.message;
  return String(error);
}
