// Which faults come when. A seed gives the same schedule everywhere.
import { type Kind, type KindName, kinds } from './kinds.ts';
import { Seeded } from './seeded.ts';

export interface Fault {
  /** From 1. */
  readonly nth: number;
  /** From 1. Each round holds every kind once. */
  readonly round: number;
  readonly kind: KindName;
  /** The node or store that it hits, counted from 0. */
  readonly on: number;
  readonly forMs: number;
  readonly strength: number;
  /** A coin, for kinds that have two ways. */
  readonly heads: boolean;
}

export interface Wish {
  readonly seed: number;
  readonly faults: number;
  readonly kinds: readonly KindName[];
  readonly nodes: number;
  readonly stores: number;
}

/** So many rounds may be under way: one is begun only when those before, but for so many, are over. A run that is cut short has done about as much of each kind. */
const roundsOpenMax = 2;

/** Rounds that hold each kind once, in an order that is drawn for each; whom a kind hits is drawn so that it comes to everybody. The last round may be a part of one. */
export function scheduleOf({ seed, faults, kinds: wanted, nodes, stores }: Wish): readonly Fault[] {
  const seeded = new Seeded(seed);
  const hands = new Map<KindName, number[]>();
  const targetOf = (kind: KindName): number => {
    const hand = hands.get(kind) ?? [];
    if (hand.length === 0) hand.push(...handOf(kind, nodes, stores, seeded));
    hands.set(kind, hand);
    return hand.pop() as number;
  };
  const list: Fault[] = [];
  for (let round = 1; list.length < faults; round += 1) {
    for (const kind of shuffled(wanted, seeded).slice(0, faults - list.length)) {
      const { forMs, ...more }: Kind = kinds[kind];
      list.push({
        nth: list.length + 1,
        round,
        kind,
        on: targetOf(kind),
        forMs: Math.round(skewed(seeded, forMs)),
        strength: more.strength === undefined ? 0 : Math.round(skewed(seeded, more.strength)),
        heads: seeded.below(2) === 0,
      });
    }
  }
  return list;
}

/** Whom the next faults of that kind hit: everybody once, or, to be upgraded, twice in turn. */
function handOf(kind: KindName, nodes: number, stores: number, seeded: Seeded): readonly number[] {
  const { on }: Kind = kinds[kind];
  if (on === 'all') return [0];
  const all = Array.from({ length: on === 'node' ? nodes : stores }, (_, at) => at);
  if (kind !== 'upgradeNode' || nodes < 3) return shuffled(all, seeded);
  // There and back before the next one, and never the first: whichever is away, an older build is in sight, else none may have it any more.
  return shuffled(all.slice(1), seeded).flatMap((at) => [at, at]);
}

/** What is left, and what of it may begin now: the first one that has nothing in common with those under way, from the rounds that may be open. */
export function nextOf(left: readonly Fault[], underWay: readonly Fault[]): Fault | undefined {
  const oldest = Math.min(...[...left, ...underWay].map(({ round }) => round));
  return left.find((fault) => fault.round < oldest + roundsOpenMax && !underWay.some((other) => clash(fault, other)));
}

/** Whether one would undo what the other does, or leave too little standing: of processes, of the store's nodes and of each service's ways only one is hit at a time. */
function clash(one: Fault, other: Fault): boolean {
  const [mine, theirs]: readonly Kind[] = [kinds[one.kind], kinds[other.kind]] as const;
  if (mine === undefined || theirs === undefined || mine.hits === theirs.hits) return true;
  if (mine.on !== 'node' || theirs.on !== 'node' || one.on !== other.on) return false;
  return mine.way === undefined || theirs.way === undefined || mine.way === theirs.way;
}

function skewed(seeded: Seeded, [least, most]: readonly [number, number]): number {
  return least + (most - least) * seeded.next() ** 3;
}

function shuffled<Item>(items: readonly Item[], seeded: Seeded): Item[] {
  const left = [...items];
  return items.map(() => left.splice(seeded.below(left.length), 1)[0] as Item);
}
