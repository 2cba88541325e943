// The view: whom a node sees among the others, and what that allows it. Every node has its own, and two may disagree: the store judges.
import { type Step, unreachable } from '../core/step.ts';
import type { ToAll } from './envelope.ts';

export type Heartbeat = Extract<ToAll, { kind: 'heartbeat' }>;

export interface ViewRules {
  readonly heartbeatMs: number;
  /** Silent for this long: shown as suspected, but still a member. */
  readonly suspectMs: number;
  /** Silent for this long: no member any more. */
  readonly goneMs: number;
  /** A view that stays as it is for so long becomes the base, of which a node must see half to go on. */
  readonly stableMs: number;
  /** A node that holds sends back for this long sends its clients to another one. */
  readonly minorityHoldMs: number;
  /** With exactly half in sight both halves go on, and look this often whether they have missed something. */
  readonly halfHealMs: number;
}
export const viewRules: ViewRules = { heartbeatMs: 500, suspectMs: 1_500, goneMs: 2_500, stableMs: 10_000, minorityHoldMs: 15_000, halfHealMs: 10_000 };

/** `minority`, `cutOff` (from the way to all others) and `expelled` (another has this node's id, and is older) hold sends back. */
export type Standing = 'whole' | 'half' | 'minority' | 'cutOff' | 'expelled';

/** One process that was heard. Two of one node id are told apart by the lives they give. */
export interface Life {
  readonly last: Heartbeat;
  readonly heardMs: number;
  /** Heartbeats heard of it. */
  readonly count: number;
}

export interface View {
  readonly node: string;
  readonly life: number;
  readonly level: number;
  readonly state: Heartbeat['state'];
  readonly rules: ViewRules;
  /** By node and life; this process not among them. */
  readonly lives: ReadonlyMap<string, Life>;
  /** Lives that have said goodbye, and when: what was under way of them says nothing any more. */
  readonly left: ReadonlyMap<string, number>;
  /** Node ids, this one among them, in order. */
  readonly live: readonly string[];
  readonly changedMs: number;
  /** The last view that was stable while this node might go on. */
  readonly base: readonly string[] | undefined;
  readonly standing: Standing;
  readonly standingSinceMs: number;
  readonly isLinked: boolean;
  readonly isExpelled: boolean;
  readonly tickedMs: number;
  readonly healedMs: number;
  readonly hasSentAway: boolean;
}

export type ViewInput =
  | { readonly kind: 'heard'; readonly heartbeat: Heartbeat }
  /** Every `heartbeatMs`. */
  | { readonly kind: 'tick' }
  | { readonly kind: 'linked'; readonly isUp: boolean }
  | { readonly kind: 'go'; readonly state: Heartbeat['state'] }
  /** An operator says that those who are not seen are not coming back. */
  | { readonly kind: 'shrink' };

export type ViewEffect =
  /** `missed`: what others sent may have been lost on the way. */
  | { readonly kind: 'changed'; readonly missed: boolean }
  | { readonly kind: 'heal' }
  | { readonly kind: 'sendAway' }
  /** Another process has this node's id. The one that began later yields. */
  | { readonly kind: 'twin'; readonly yields: boolean };

type ViewStep = Step<View, ViewEffect>;

/** A process that was heard this early has not been missed before. */
const freshNumberMax = 10;
const livesMax = 4_096;
const leftKeptMs = 60_000;

export function firstView({ node, life, level, rules }: Pick<View, 'node' | 'life' | 'level' | 'rules'>, nowMs: number): View {
  const none = { lives: new Map(), left: new Map(), live: [node], base: undefined, isExpelled: false, hasSentAway: false };
  return { node, life, level, rules, state: 'up', standing: 'whole', isLinked: true, changedMs: nowMs, standingSinceMs: nowMs, tickedMs: nowMs, healedMs: nowMs, ...none };
}

export function step(view: View, input: ViewInput, nowMs: number): ViewStep {
  switch (input.kind) {
    case 'heard':
      return heard(view, input.heartbeat, nowMs);
    case 'tick':
      return tick(view, nowMs);
    case 'linked':
      // Nobody could be heard while it was cut off: everybody gets their time anew.
      return settled(
        view,
        { ...view, isLinked: input.isUp, lives: input.isUp && !view.isLinked ? allHeardAt(view.lives, nowMs) : view.lives },
        nowMs,
        input.isUp && !view.isLinked,
      );
    case 'go':
      return settled(view, { ...view, state: input.state }, nowMs, false);
    case 'shrink':
      return settled(view, { ...view, base: view.live }, nowMs, false);
    default:
      return unreachable(input);
  }
}

export function holds({ standing }: Pick<View, 'standing'>): boolean {
  return standing === 'minority' || standing === 'cutOff' || standing === 'expelled';
}

/** Who may own chats. A node that holds sends back answers reads itself; one that drains gives its chats away. */
export function placed(view: View): readonly string[] {
  if (holds(view)) return [view.node];
  const up = view.live.filter((node) => stateOf(view, node) === 'up');
  return up.length > 0 ? up : view.live;
}

/** What every node of a whole view can read; 0 while some of the base are out of sight: they may be older. */
export function commonLevel({ lives, level, live, base, standing }: View): number {
  if (standing !== 'whole' || base === undefined || base.some((node) => !live.includes(node))) return 0;
  return Math.min(level, ...[...lives.values()].map(({ last }) => last.level));
}

/** Of a node that is heard in two lives the later one counts. */
export function newestLife({ lives }: View, node: string): Life | undefined {
  let newest: Life | undefined;
  for (const life of lives.values()) if (life.last.node === node && (newest === undefined || life.last.life > newest.last.life)) newest = life;
  return newest;
}

function stateOf(view: View, node: string): Heartbeat['state'] {
  return node === view.node ? view.state : (newestLife(view, node)?.last.state ?? 'leaving');
}

function heard(view: View, heartbeat: Heartbeat, nowMs: number): ViewStep {
  const { node, life, number, state } = heartbeat;
  const key = `${node} ${life}`;
  const former = view.lives.get(key);
  const isOwn = node === view.node && life === view.life;
  const isLate = view.left.has(key) || (former !== undefined && number <= former.last.number);
  if (isOwn || isLate || (former === undefined && view.lives.size >= livesMax)) return { state: view, effects: [] };
  if (former !== undefined && node !== view.node && state === former.last.state && heartbeat.level === former.last.level) return heardAgain(view, key, heartbeat, former, nowMs);
  const lives = new Map(view.lives);
  if (state === 'leaving') {
    lives.delete(key);
    const isGone = node !== view.node && ![...lives.values()].some(({ last }) => last.node === node);
    const base = isGone ? view.base?.filter((one) => one !== node) : view.base;
    return settled(view, { ...view, lives, left: new Map(view.left).set(key, nowMs), base }, nowMs, false);
  }
  const count = (former?.count ?? 0) + 1;
  lives.set(key, { last: heartbeat, heardMs: nowMs, count });
  const next = { ...view, lives };
  if (node === view.node) return twin(view, next, life, count, nowMs);
  const isBack = former === undefined && number > freshNumberMax && !view.live.includes(node);
  return settled(view, next, nowMs, isBack);
}

/** As nearly all heartbeats do, it says nothing new. There are many: this alone is noted in place. */
function heardAgain(view: View, key: string, heartbeat: Heartbeat, { count }: Life, nowMs: number): ViewStep {
  (view.lives as Map<string, Life>).set(key, { last: heartbeat, heardMs: nowMs, count: count + 1 });
  return { state: view, effects: [] };
}

/** One heartbeat may be the last of a former process of this node; the second one is of a process that lives. */
function twin(view: View, next: View, life: number, count: number, nowMs: number): ViewStep {
  if (count !== 2) return { state: next, effects: [] };
  const yields = view.life > life;
  const { state, effects } = settled(view, { ...next, isExpelled: next.isExpelled || yields }, nowMs, false);
  return { state, effects: [...effects, { kind: 'twin', yields }] };
}

function tick(view: View, nowMs: number): ViewStep {
  const { rules, isLinked, tickedMs } = view;
  // A process that stood still has heard nobody, whatever they said: that time doesn't count against them.
  const stoodMs = nowMs - tickedMs > 3 * rules.heartbeatMs ? nowMs - tickedMs - rules.heartbeatMs : 0;
  const lives = new Map<string, Life>();
  for (const [key, life] of view.lives) {
    const heardMs = isLinked ? Math.min(nowMs, life.heardMs + stoodMs) : nowMs;
    if (nowMs - heardMs < rules.goneMs) lives.set(key, heardMs === life.heardMs ? life : { ...life, heardMs });
  }
  const left = view.left.size === 0 ? view.left : new Map([...view.left].filter(([, atMs]) => nowMs - atMs < leftKeptMs));
  const { state, effects } = settled(view, { ...view, lives, left, tickedMs: nowMs }, nowMs, true);
  return due(rebased(state, nowMs), effects, nowMs);
}

/** The base follows a view that is stable, unless that would let a minority forget the others. */
function rebased(view: View, nowMs: number): View {
  const { base, live, standing, changedMs, rules } = view;
  const grown = base !== undefined && standing === 'half' && 2 * live.length > base.length;
  if (nowMs - changedMs < rules.stableMs || !(standing === 'whole' || grown) || same(base, live)) return view;
  const next = { ...view, base: live };
  const after = standingOf(next);
  return after === standing ? next : { ...next, standing: after, standingSinceMs: nowMs };
}

/** What comes with time. */
function due(view: View, effects: readonly ViewEffect[], nowMs: number): ViewStep {
  const { rules, standing, standingSinceMs, healedMs, hasSentAway } = view;
  if (holds(view) && !hasSentAway && nowMs - standingSinceMs >= rules.minorityHoldMs) return { state: { ...view, hasSentAway: true }, effects: [...effects, { kind: 'sendAway' }] };
  if (standing === 'half' && nowMs - Math.max(healedMs, standingSinceMs) >= rules.halfHealMs)
    return { state: { ...view, healedMs: nowMs }, effects: [...effects, { kind: 'heal' }] };
  return { state: view, effects };
}

/** Draws the conclusions from what has changed. `missed`: if a member came or went by this, something may have been lost. */
function settled(before: View, next: View, nowMs: number, missed: boolean): ViewStep {
  const others = [...next.lives.values()].map(({ last }) => last.node);
  const live = [...new Set([next.node, ...others])].sort();
  const changed = !same(live, before.live);
  const seen = { ...next, live: changed ? live : before.live, changedMs: changed ? nowMs : next.changedMs };
  const standing = standingOf(seen);
  const turned = standing !== before.standing;
  const stillHolds = holds(before) && holds({ standing });
  const turnedTo = { standing, standingSinceMs: stillHolds ? seen.standingSinceMs : nowMs, hasSentAway: stillHolds && seen.hasSentAway };
  const state: View = turned ? { ...seen, ...turnedTo } : seen;
  const returned = holds(before) && !holds(state);
  if (!changed && !turned && same(placed(before), placed(state))) return { state, effects: [] };
  return { state, effects: [{ kind: 'changed', missed: (missed && (changed || turned)) || returned }] };
}

function standingOf({ isExpelled, isLinked, base, live }: View): Standing {
  if (isExpelled) return 'expelled';
  if (!isLinked) return 'cutOff';
  if (base === undefined) return 'whole';
  const seen = base.filter((node) => live.includes(node)).length;
  return 2 * seen < base.length ? 'minority' : 2 * seen === base.length ? 'half' : 'whole';
}

function allHeardAt(lives: View['lives'], nowMs: number): View['lives'] {
  return new Map([...lives].map(([key, life]) => [key, { ...life, heardMs: nowMs }]));
}

function same(one: readonly string[] | undefined, other: readonly string[]): boolean {
  return one !== undefined && one.length === other.length && one.every((node, at) => node === other[at]);
}
