// What can be seen of faults: figures that the nodes show, added up over all their processes, and what clients met.
import { setTimeout as delay } from 'node:timers/promises';
import { type Happening, type History, roams } from './history.ts';
import type { Effect } from './kinds.ts';

interface Watched {
  readonly name: string;
  readonly opsUrl: string;
  readonly isRunning: boolean;
  /** Rises with each process. */
  readonly life: number;
}

/** Figures of the nodes, by the effect that they show. */
const counters: Readonly<Record<string, Effect>> = {
  parley_superseded_total: 'refusedAppends',
  parley_unknown_outcomes_total: 'unknown',
  parley_store_repeated_total: 'again',
  parley_resubmitted_total: 'again',
  parley_forwards_total: 'forwards',
  parley_handed_over_total: 'handedOver',
  parley_resyncs_total: 'resyncs',
  parley_heals_total: 'heals',
  parley_view_changes_total: 'views',
  parley_link_reconnects_total: 'reconnects',
  'parley_refusals_total{why="busy"}': 'busy',
  'parley_refusals_total{why="unavailable"}': 'unavailable',
};
const everyMs = 400;
const answerMsMax = 700;
/** The Date header tells whole seconds. */
const clockOffMs = 1_500;
const lateMs = 1_000;

export type Effects = Partial<Record<Effect, number>>;
/** By the node that they are told of; under '' what is told of none. */
export type Tally = ReadonlyMap<string, Effects>;

/** A figure of a process, and what its node's former processes had reached. */
interface Figures {
  readonly life: number;
  readonly now: ReadonlyMap<string, number>;
  readonly before: ReadonlyMap<string, number>;
}

/** What a node says of the cluster, of all that what is looked at here. */
interface View {
  readonly standing: string;
  readonly nodes: readonly { readonly node: string; readonly state: string; readonly isSuspected: boolean }[];
}

export class Watch {
  readonly #nodes: readonly Watched[];
  readonly #figures = new Map<string, Figures>();
  /** What looks have shown: questions that a running node left unanswered, answers with a wrong clock, and so on. */
  readonly #looks = new Map<string, Effects>();
  #stopped = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(nodes: readonly Watched[]) {
    this.#nodes = nodes;
  }

  start(): void {
    this.#running = Promise.all(
      this.#nodes.map(async (node) => {
        while (!this.#stopped) {
          await this.#look(node);
          await delay(everyMs);
        }
      }),
    );
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Looks at all nodes at once. */
  async look(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => this.#look(node)));
  }

  /** Since the beginning, as it was seen last. */
  get totals(): Tally {
    return new Map(
      this.#nodes.map(({ name }): [string, Effects] => {
        const totals: Effects = { ...this.#looks.get(name) };
        const { now, before } = this.#figures.get(name) ?? {};
        for (const [figure, effect] of Object.entries(counters)) totals[effect] = (totals[effect] ?? 0) + (now?.get(figure) ?? 0) + (before?.get(figure) ?? 0);
        return [name, totals];
      }),
    );
  }

  async #look(node: Watched): Promise<void> {
    const { name, opsUrl, isRunning, life } = node;
    try {
      const [figures, view] = await Promise.all(['/metrics', '/cluster'].map((path) => fetch(opsUrl + path, { signal: AbortSignal.timeout(answerMsMax) })));
      const clock = Date.parse(figures?.headers.get('date') ?? '');
      const now = figuresIn((await figures?.text()) ?? '');
      const seen = (await view?.json()) as View;
      if (node.life !== life) return;
      if (Math.abs(clock + 500 - Date.now()) > clockOffMs) this.#add(name, 'clock');
      if (now.get('parley_redis_up') === 0) this.#add(name, 'grey');
      if (now.get('parley_holds_sends') === 1) this.#add(name, 'held');
      this.#lookFrom(name, seen);
      const known = this.#figures.get(name);
      const before = known === undefined ? new Map() : known.life === life ? known.before : sumOf(known.before, known.now);
      this.#figures.set(name, { life, now, before });
    } catch {
      if (isRunning && node.isRunning && node.life === life) this.#add(name, 'silent');
    }
  }

  /** A node that is cut off itself says nothing of the others. */
  #lookFrom(from: string, { standing, nodes }: View): void {
    if (standing !== 'whole' && standing !== 'half') return;
    for (const { name } of this.#nodes) {
      const seen = nodes.find(({ node }) => node === name);
      if (name !== from && (seen?.state !== 'up' || seen.isSuspected)) this.#add(name, 'missed');
    }
  }

  #add(name: string, effect: Effect): void {
    this.#looks.set(name, plus(this.#looks.get(name) ?? {}, { [effect]: 1 }));
  }
}

/** What clients have met, by the node that they met it at. */
export class Meetings {
  readonly #history: History;
  readonly #met = new Map<string, Effects>();
  readonly #postedAtMs = new Map<string, number>();
  #at = 0;

  constructor(history: History) {
    this.#history = history;
  }

  /** Since the beginning. */
  get totals(): Tally {
    const { happenings } = this.#history;
    for (; this.#at < happenings.length; this.#at += 1) this.#take(happenings[this.#at] as Happening);
    return new Map(this.#met);
  }

  #take(happening: Happening): void {
    if (happening.what === 'lost' && happening.why !== roams) this.#add(happening.node, isMoved(happening) ? 'moved' : 'lost');
    if (happening.what !== 'posted' && happening.what !== 'sent' && happening.what !== 'refused') return;
    const name = `${happening.chatId} ${happening.text}`;
    if (happening.what === 'posted') return void this.#postedAtMs.set(name, happening.atMs);
    if (happening.what === 'sent' && happening.atMs - (this.#postedAtMs.get(name) ?? happening.atMs) > lateMs) this.#add('', 'late');
    this.#postedAtMs.delete(name);
  }

  #add(name: string, effect: Effect): void {
    this.#met.set(name, plus(this.#met.get(name) ?? {}, { [effect]: 1 }));
  }
}

/** `more` is added to all that there is. */
export function plus(effects: Effects, more: Effects): Effects {
  const sum = { ...effects };
  for (const [name, value] of Object.entries(more) as [Effect, number][]) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}

/** What has been added since `before`. */
export function since(after: Tally, before: Tally): Tally {
  return new Map([...after].map(([name, effects]) => [name, difference(effects, before.get(name) ?? {})]));
}

export function ofAll(tally: Tally): Effects {
  return [...tally.values()].reduce(plus, {});
}

function difference(after: Effects, before: Effects): Effects {
  return Object.fromEntries(Object.entries(after).map(([name, value]) => [name, Math.max(0, value - (before[name as Effect] ?? 0))])) as Effects;
}

function isMoved({ why }: Extract<Happening, { what: 'lost' }>): boolean {
  return /^(?:moved|draining|4503 )/.test(why);
}

function figuresIn(text: string): Map<string, number> {
  const figures = new Map<string, number>();
  for (const line of text.split('\n')) {
    const at = line.lastIndexOf(' ');
    if (at > 0 && !line.startsWith('#')) figures.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return figures;
}

function sumOf(one: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): Map<string, number> {
  const sum = new Map(one);
  for (const [name, value] of other) sum.set(name, (sum.get(name) ?? 0) + value);
  return sum;
}
