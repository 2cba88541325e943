// What can be seen of faults: figures that the nodes show, added up over all their processes, and what clients met.
import { setTimeout as delay } from 'node:timers/promises';
import type { Happening, History } from './history.ts';
import type { Effect } from './schedule.ts';

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

/** A figure of a process, and what its node's former processes had reached. */
interface Figures {
  readonly life: number;
  readonly now: ReadonlyMap<string, number>;
  readonly before: ReadonlyMap<string, number>;
}

export class Watch {
  readonly #nodes: readonly Watched[];
  readonly #figures = new Map<string, Figures>();
  /** Questions that a running node left unanswered, and answers with a wrong clock. */
  readonly #silent = new Map<string, number>();
  readonly #clockOff = new Map<string, number>();
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

  /** Since the beginning: of all nodes, but what is told of one node itself is `on`'s. */
  async totals(on: string | undefined): Promise<Effects> {
    await Promise.all(this.#nodes.map((node) => this.#look(node)));
    const totals: Effects = { silent: this.#silent.get(on ?? '') ?? 0, clock: this.#clockOff.get(on ?? '') ?? 0 };
    for (const { now, before } of this.#figures.values())
      for (const [name, effect] of Object.entries(counters)) totals[effect] = (totals[effect] ?? 0) + (now.get(name) ?? 0) + (before.get(name) ?? 0);
    return totals;
  }

  async #look(node: Watched): Promise<void> {
    const { name, opsUrl, isRunning, life } = node;
    try {
      const answer = await fetch(`${opsUrl}/metrics`, { signal: AbortSignal.timeout(answerMsMax) });
      const clock = Date.parse(answer.headers.get('date') ?? '');
      const now = figuresIn(await answer.text());
      if (node.life !== life) return;
      if (Math.abs(clock + 500 - Date.now()) > clockOffMs) add(this.#clockOff, name);
      const known = this.#figures.get(name);
      const before = known === undefined ? new Map() : known.life === life ? known.before : sumOf(known.before, known.now);
      this.#figures.set(name, { life, now, before });
    } catch {
      if (isRunning && node.isRunning && node.life === life) add(this.#silent, name);
    }
  }
}

/** What clients met from then on. */
export function metSince({ happenings }: History, from: number, on: string | undefined): Effects {
  const postedAtMs = new Map<string, number>();
  const met: Effects = { lost: 0, moved: 0, late: 0 };
  for (const happening of happenings) if (happening.what === 'posted') postedAtMs.set(`${happening.chatId} ${happening.text}`, happening.atMs);
  for (const happening of happenings.slice(from)) {
    if (happening.what === 'lost' && (on === undefined || happening.node === on))
      met[isMoved(happening) ? 'moved' : 'lost'] = (met[isMoved(happening) ? 'moved' : 'lost'] ?? 0) + 1;
    if (happening.what === 'sent' && happening.atMs - (postedAtMs.get(`${happening.chatId} ${happening.text}`) ?? happening.atMs) > lateMs) met.late = (met.late ?? 0) + 1;
  }
  return met;
}

export function difference(after: Effects, before: Effects): Effects {
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

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
