// How long a chat has no owner that serves it: when its node is killed, and when it is drained. Seen by devices that are connected elsewhere and go on sending.
import { setTimeout as delay } from 'node:timers/promises';
import { placementOf } from '../../src/cluster/placement.ts';
import { directChatId } from '../../src/protocol/direct.ts';
import type { Send } from '../../src/protocol/messages.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { Journal } from '../e2e/journal.ts';
import { EnduringDevice } from './enduring-device.ts';
import type { Ground, GroundNode } from './ground.ts';
import type { History } from './history.ts';
import type { Address, LogIn, Whereabouts } from './whereabouts.ts';

export interface Spans {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface Takeovers {
  /** From the kill until the first send that was made after it is acknowledged. */
  readonly killed: Spans;
  /** The longest that a send waited which was made while a node drained. */
  readonly drained: Spans;
  /** The same at the same time, in chats whose owner stays. */
  readonly staying: Spans;
  /** Of each drained chat, what its wait has beyond the median of those that stay. */
  readonly beyond: Spans;
  /** As long as a drain, while nothing happened. */
  readonly calm: Spans;
  readonly times: number;
  /** What is sent meanwhile, in all. */
  readonly perSecond: number;
}

export interface TakeoverNeeds {
  readonly ground: Ground;
  readonly whereabouts: Whereabouts;
  readonly history: History;
  readonly count: number;
  readonly say: (text: string) => void;
}

/** Devices on each node; each has so many chats, with the next ones. */
const devicesEach = 4;
const chatsEach = 6;
/** Chats of the owner that goes, and as many of owners that stay. Only in these is written: little enough for the machine to have time left. */
const watchedChats = 5;
const everyMs = 200;
/** No answer by then is as bad as any. */
const patienceMs = 30_000;
const watchedMs = 5_000;
/** The servers are warm by then. */
const warmMs = 20_000;
/** After a restart: the view of all is stable, and devices are where they were. */
const calmMs = 4_000;

interface Probe {
  readonly device: EnduringDevice;
  readonly at: Address;
  isLost: boolean;
}

/** One send of one device. */
interface Sent {
  readonly chatId: ChatId;
  readonly madeMs: number;
  tookMs: number | undefined;
}

export async function takeovers(needs: TakeoverNeeds): Promise<Takeovers> {
  const { ground, count, say } = needs;
  const probes = new Probes(needs);
  await probes.begin();
  const spans = { killed: [] as number[], drained: [] as number[], staying: [] as number[], beyond: [] as number[], calm: [] as number[] };
  for (let nth = 0; nth < count; nth += 1) {
    for (const way of ['killed', 'drained'] as const) {
      const node = ground.nodes[nth % ground.nodes.length] as GroundNode;
      const { going, staying } = probes.choose(node);
      await delay(nth === 0 && way === 'killed' ? warmMs : calmMs);
      const fromMs = performance.now();
      if (way === 'killed') {
        await node.kill();
        spans.killed.push(...(await probes.firsts(going, fromMs)));
        say(`${node.name} killed: ${textOf(spans.killed.slice(-going.length))}`);
      } else {
        await delay(watchedMs);
        const drainedMs = performance.now();
        const gone = node.drain();
        await delay(watchedMs);
        const toMs = performance.now() - everyMs;
        const [drained, stayed] = [await probes.waits(going, drainedMs, toMs), await probes.waits(staying, drainedMs, toMs)];
        spans.calm.push(...(await probes.waits([...going, ...staying], fromMs, drainedMs - everyMs)));
        spans.drained.push(...drained);
        spans.staying.push(...stayed);
        spans.beyond.push(...drained.map((ms) => ms - medianOf(stayed)));
        say(`${node.name} drained: ${textOf(drained)}; chats whose owner stays: ${textOf(stayed)}`);
        await gone;
      }
      await node.start();
    }
  }
  await probes.end();
  const measured = Object.fromEntries(Object.entries(spans).map(([name, ms]) => [name, spansOf(ms)])) as Record<keyof typeof spans, Spans>;
  return { ...measured, times: count, perSecond: (2 * watchedChats * 1_000) / everyMs };
}

class Probes {
  readonly #needs: TakeoverNeeds;
  readonly #probes: Probe[] = [];
  readonly #sends = new Map<string, Sent>();
  readonly #writers = new Map<ChatId, Probe>();
  #active: ReadonlySet<ChatId> = new Set();
  readonly #over = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(needs: TakeoverNeeds) {
    this.#needs = needs;
  }

  async begin(): Promise<void> {
    const { ground, whereabouts } = this.#needs;
    const logIns: LogIn[] = [];
    for (let nth = 0; nth < devicesEach * ground.nodes.length; nth += 1) logIns.push(await whereabouts.register(`probe-${process.pid}-${nth}`));
    for (const [nth, logIn] of logIns.entries()) {
      const { userId, deviceId, accessToken } = logIn.tokens;
      const at = ground.addresses[nth % ground.nodes.length] as Address;
      const probe: Probe = {
        at,
        isLost: true,
        device: new EnduringDevice(
          { userId, deviceId, accessToken },
          {
            journal: new Journal(false),
            watch: { sent: (send) => this.#answered(send), refused: (send, why) => this.#wrong(`${send.chatId}: ${why}`), closed: () => (probe.isLost = true) },
          },
        ),
      };
      this.#probes.push(probe);
      void this.#keepConnected(probe, logIn);
    }
    for (const [nth, probe] of this.#probes.entries()) {
      for (let step = 1; step <= chatsEach; step += 1) {
        const other = this.#probes[(nth + step) % this.#probes.length] as Probe;
        const chatId = directChatId(probe.device.account.userId, other.device.account.userId);
        probe.device.join(chatId, other.device.account.userId);
        other.device.join(chatId, probe.device.account.userId);
        this.#writers.set(chatId, probe);
      }
    }
    this.#running = Promise.all([...this.#writers].map(([chatId, probe], nth) => this.#write(chatId, probe, (nth * everyMs) / this.#writers.size)));
  }

  async end(): Promise<void> {
    this.#over.abort();
    await this.#running;
    await Promise.all(this.#probes.map(({ device }) => device.lose()));
  }

  /** From now on nothing is written but in these: chats that this node owns, as all nodes see it, and chats of others. The writers of all of them are connected to other nodes. */
  choose({ name }: GroundNode): { readonly going: readonly ChatId[]; readonly staying: readonly ChatId[] } {
    const { ownerOf } = placementOf(this.#needs.ground.nodes.map((node) => node.name));
    const elsewhere = [...this.#writers].filter(([, { at }]) => at.name !== name).map(([chatId]) => chatId);
    const going = elsewhere.filter((chatId) => ownerOf(chatId) === name).slice(0, watchedChats);
    const staying = elsewhere.filter((chatId) => ownerOf(chatId) !== name).slice(0, watchedChats);
    this.#active = new Set([...going, ...staying]);
    return { going, staying };
  }

  /** For each chat: from then until a send that was made later is acknowledged. */
  async firsts(chats: readonly ChatId[], fromMs: number): Promise<readonly number[]> {
    const first = (chatId: ChatId): number | undefined => {
      const ends = [...this.#sends.values()].flatMap(({ chatId: of, madeMs, tookMs }) => (of === chatId && madeMs >= fromMs && tookMs !== undefined ? [madeMs + tookMs] : []));
      return ends.length === 0 ? undefined : Math.min(...ends) - fromMs;
    };
    while (performance.now() - fromMs < patienceMs && chats.some((chatId) => first(chatId) === undefined)) await delay(50);
    return chats.map((chatId) => first(chatId) ?? patienceMs);
  }

  /** For each chat: the longest that one of the sends made in that time waited. */
  async waits(chats: readonly ChatId[], fromMs: number, toMs: number): Promise<readonly number[]> {
    const own = [...this.#sends.values()].filter(({ chatId, madeMs }) => chats.includes(chatId) && madeMs >= fromMs && madeMs < toMs);
    while (performance.now() - toMs < patienceMs && own.some(({ tookMs }) => tookMs === undefined)) await delay(50);
    return chats.flatMap((chatId) => {
      const waited = own.filter((one) => one.chatId === chatId).map(({ tookMs }) => tookMs ?? patienceMs);
      return waited.length === 0 ? [] : [Math.max(...waited)];
    });
  }

  async #write(chatId: ChatId, { device }: Probe, afterMs: number): Promise<void> {
    await delay(afterMs);
    for (let nth = 0; !this.#over.signal.aborted; nth += 1) {
      const text = `${chatId} ${nth}`;
      if (this.#active.has(chatId) && device.post(chatId, Buffer.from(text))) this.#sends.set(text, { chatId, madeMs: performance.now(), tookMs: undefined });
      await delay(everyMs);
    }
  }

  #answered({ body }: Send): void {
    const sent = this.#sends.get(Buffer.from(body).toString());
    if (sent !== undefined) sent.tookMs = performance.now() - sent.madeMs;
  }

  /** Always at its own node: where that is down, it waits. */
  async #keepConnected(probe: Probe, logIn: LogIn): Promise<void> {
    while (!this.#over.signal.aborted) {
      if (probe.isLost) {
        await probe.device.lose();
        const token = await logIn.accessToken(false).catch(() => undefined);
        if (token !== undefined) probe.isLost = !(await probe.device.connect(probe.at.socketUrl, token));
      }
      await delay(100);
    }
  }

  #wrong(says: string): void {
    this.#needs.history.tell({ who: 'probe', what: 'wrong', says });
  }
}

function medianOf(ms: readonly number[]): number {
  return [...ms].sort((one, other) => one - other)[Math.floor(ms.length / 2)] ?? Number.NaN;
}

function textOf(ms: readonly number[]): string {
  const sorted = ms.map(Math.round).sort((one, other) => one - other);
  return `${sorted.join(' ')} ms`;
}

export function spansOf(ms: readonly number[]): Spans {
  const sorted = [...ms].sort((one, other) => one - other);
  const at = (share: number): number => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN);
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}
