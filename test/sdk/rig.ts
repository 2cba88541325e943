// A client on a wire whose other end the test plays, in the real encoding, with a clock that stands still until it is moved.
import assert from 'node:assert/strict';
import { decodeFromDevice, encodeFrame, type FromDevice, type ToDevice, type Unknown } from '../../src/protocol/codec.ts';
import { directChatId } from '../../src/protocol/direct.ts';
import { limits } from '../../src/protocol/limits.ts';
import { type Entry, entryKinds } from '../../src/protocol/messages.ts';
import type { MovedRow } from '../../src/protocol/sync.ts';
import { type Client, createClient } from '../../src/sdk/client.ts';
import type { ClientEvents } from '../../src/sdk/client-events.ts';
import type { Policy } from '../../src/sdk/policy.ts';
import { type MemoryDisk, memoryDisk } from '../../src/sdk/storage.memory.ts';
import type { WireEvents } from '../../src/sdk/wire.ts';
import { type ChatId, type DeviceId, idFrom, type UserId } from '../../src/structures/ids.ts';
import { FakeClock } from '../sim/clock.ts';

export const ann = idFrom<'user'>('u', new Uint8Array(15).fill(1));
export const bob = idFrom<'user'>('u', new Uint8Array(15).fill(2));
export const annPhone = idFrom<'device'>('d', new Uint8Array(15).fill(3));
export const bobPhone = idFrom<'device'>('d', new Uint8Array(15).fill(4));
export const annBob: ChatId = directChatId(ann, bob);
export const group = idFrom<'chat'>('g', new Uint8Array(15).fill(5));

export const heartbeatMs = 30_000;
type Kind = FromDevice['kind'];
type Of<Name extends Kind> = Extract<FromDevice, { kind: Name }>;

/** The server's end of one wire. */
export class Peer {
  /** What the client has sent and the test has not yet looked at. */
  private frames: (FromDevice | Unknown)[] = [];
  readonly events: WireEvents;
  readonly sentAtMs: number[] = [];
  closedByClient = false;
  /** The cursors that the client resumed with. */
  resumed: Of<'resume'>['cursors'] = [];

  /** Where it was dialled, if the server had sent the client there. */
  readonly to: string | undefined;

  constructor(events: WireEvents, to: string | undefined) {
    this.events = events;
    this.to = to;
  }

  receive(bytes: Uint8Array, nowMs: number): void {
    this.frames.push(decodeFromDevice(bytes));
    this.sentAtMs.push(nowMs);
  }

  say(...frames: ToDevice[]): void {
    for (const frame of frames) this.events.received(encodeFrame(frame));
  }

  /** Takes out all frames of that kind, oldest first. */
  take<Name extends Kind>(kind: Name): Of<Name>[] {
    const taken = this.frames.filter((frame): frame is Of<Name> => frame.kind === kind);
    this.frames = this.frames.filter((frame) => frame.kind !== kind);
    return taken;
  }

  one<Name extends Kind>(kind: Name): Of<Name> {
    const [first, ...more] = this.take(kind);
    assert.ok(first !== undefined, `no ${kind} came, but: ${this.kinds().join(', ')}`);
    assert.equal(more.length, 0, `${more.length} more ${kind}`);
    return first;
  }

  kinds(): string[] {
    return this.frames.map(({ kind }) => kind);
  }

  refuse(request: number, code: number, more: { retryAfterMs?: number; highest?: number } = {}): void {
    this.say({ kind: 'refused', request, code, why: 'whatever', says: 'so', retryAfterMs: more.retryAfterMs ?? null, highest: more.highest ?? null });
  }
}

export interface Rig {
  readonly client: Client;
  readonly clock: FakeClock;
  readonly disk: MemoryDisk;
  readonly peers: Peer[];
  readonly tokens: boolean[];
  /** The newest wire. */
  peer(): Peer;
  /** Everything of that event, in order. */
  heard<Name extends keyof ClientEvents>(name: Name): ClientEvents[Name][];
  /** Starts the client and takes it to a connection that has nothing to tell. */
  connect(options?: ConnectOptions): Promise<Peer>;
}

export interface ConnectOptions {
  readonly incarnation?: string;
  readonly rows?: readonly MovedRow[];
  readonly serverTimeMs?: number;
  readonly requestsInFlightMax?: number;
}

export interface RigOptions {
  readonly disk?: MemoryDisk;
  readonly clock?: FakeClock;
  readonly policy?: Partial<Policy>;
  readonly random?: () => number;
  readonly accessToken?: (fresh: boolean) => Promise<string>;
}

export async function rigOf({ disk = memoryDisk(), clock = new FakeClock(), policy = {}, random = () => 0.5, accessToken = async () => 'token' }: RigOptions = {}): Promise<Rig> {
  const storage = disk.storage();
  const kept = await storage.open();
  const peers: Peer[] = [];
  const tokens: boolean[] = [];
  const client = createClient({
    userId: ann,
    deviceId: annPhone,
    clock,
    random,
    storage,
    kept,
    policy,
    accessToken: (fresh) => {
      tokens.push(fresh);
      return accessToken(fresh);
    },
    dial: (events, to) => {
      const peer = new Peer(events, to);
      peers.push(peer);
      return { send: (bytes) => peer.receive(bytes, clock.nowMs()), close: () => (peer.closedByClient = true) };
    },
  });
  const heard = recordings(client);
  const peer = (): Peer => peers.at(-1) as Peer;
  return {
    client,
    clock,
    disk,
    peers,
    tokens,
    peer,
    heard,
    async connect(options = {}) {
      const before = peers.length;
      if (!client.isConnected) client.start();
      await clock.settle();
      assert.ok(peers.length > before, 'the client dials');
      await greet(peer(), clock, options);
      return peer();
    },
  };
}

/** From an open wire to a client that has been told what moved. */
export async function greet(
  peer: Peer,
  clock: FakeClock,
  { incarnation = 'i1', rows = [], serverTimeMs = clock.nowMs(), requestsInFlightMax = limits.requestsInFlightMax }: ConnectOptions = {},
): Promise<void> {
  peer.events.opened();
  const hello = peer.one('hello');
  assert.equal(hello.deviceId, annPhone);
  peer.say({
    kind: 'welcome',
    version: 1,
    userId: ann,
    incarnation,
    serverTimeMs,
    heartbeatMs,
    frameBytesMax: limits.frameBytesMax,
    bodyBytesMax: limits.bodyBytesMax,
    openSendsPerChatMax: limits.openSendsPerChatMax,
    requestsInFlightMax,
    cursorsPerResumeMax: 3,
    pullEntriesMax: limits.pullEntriesMax,
  });
  await clock.settle();
  const { request, cursors } = peer.take('resume').at(-1) as Of<'resume'>;
  peer.resumed = cursors;
  peer.say({ kind: 'moved', request, rows, last: true });
  await clock.settle();
}

function recordings(client: Client): Rig['heard'] {
  const all = new Map<keyof ClientEvents, unknown[]>();
  const names: (keyof ClientEvents)[] = [
    'entry',
    'message',
    'pending',
    'sent',
    'refused',
    'receipt',
    'typing',
    'presence',
    'chat',
    'connected',
    'disconnected',
    'synced',
    'reset',
    'stopped',
    'loggedOut',
    'failed',
  ];
  for (const name of names) {
    all.set(name, []);
    client.on(name, (event) => all.get(name)?.push(event));
  }
  return <Name extends keyof ClientEvents>(name: Name) => all.get(name) as ClientEvents[Name][];
}

/** A message of bob's, unless told otherwise. */
export function entry(seq: number, more: Partial<Entry> = {}): Entry {
  const author: UserId = bob;
  const device: DeviceId = bobPhone;
  return {
    chatId: group,
    seq,
    entryKind: entryKinds.message,
    author,
    device,
    number: 5_000_000_000 + seq,
    countable: seq,
    atMs: seq,
    contentType: 'text/plain',
    body: new TextEncoder().encode(`m${seq}`),
    ...more,
  };
}

export function push(peer: Peer, ...entries: Entry[]): void {
  for (const one of entries) peer.say({ kind: 'entry', ...one });
}

/** Answers the one pull that is open, out of `log`. */
export function answerPull(peer: Peer, log: readonly Entry[], options: { readonly max?: number; readonly head?: number } = {}): Of<'pull'> {
  const pull = peer.one('pull');
  const head = options.head ?? log.at(-1)?.seq ?? 0;
  const entries = log.filter(({ seq }) => seq > pull.after).slice(0, options.max ?? pull.limit);
  const through = entries.length === (options.max ?? pull.limit) ? (entries.at(-1)?.seq ?? head) : head;
  peer.say({ kind: 'entries', request: pull.request, chatId: pull.chatId, from: pull.after + 1, through, head, entries });
  return pull;
}

export function seqs(entries: readonly { readonly seq: number }[]): number[] {
  return entries.map(({ seq }) => seq);
}

/** A rig with one entry in the group, connected. */
export async function inGroup(options: Parameters<typeof rigOf>[0] = {}): Promise<{ rig: Rig; peer: Peer }> {
  const rig = await rigOf(options);
  const peer = await rig.connect();
  push(peer, entry(1));
  await rig.clock.settle();
  return { rig, peer };
}

export function sentAs(peer: Peer, number: number, seq: number, chatId = group): void {
  peer.say({ kind: 'sent', number, chatId, seq, atMs: 1_000 + seq });
}

export function texts(frames: readonly { readonly body: Uint8Array }[]): string[] {
  return frames.map(({ body }) => new TextDecoder().decode(body));
}
