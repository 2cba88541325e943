// Memory that is given back once a process has become quiet: after a storm V8 keeps the young generation that it grew to, and what died since the last full collection.
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The pause is as long as what lives is large: about 100 ms for 45 MB. Beyond this nobody shall wait for it, and what it would bring is a small share. */
const usedBytesMax = 96 * 1024 * 1024;
/** Since the last time. What lives is in it, since what has died is not known before it is collected; less is not worth the pause. */
const grownBytesMin = 16 * 1024 * 1024;
/** Then next to nobody is there whom the pause could meet: a node that passes on 40 messages a second is above it. */
const quietShare = 0.02;
/** So many looks in a row. */
const quietLooks = 2;

/** What is read of the process, and done to it. */
export interface Heap {
  /** What lives, and what died lately. */
  usedBytes(): number;
  /** With what is free between it. */
  heldBytes(): number;
  /** How busy the event loop was since the last time. */
  busyShare(): number;
  /** Collects all that is dead and gives back what is free, at once. */
  collect(): void;
}

export class QuietCollector {
  readonly #heap: Heap;
  #quiet = 0;
  #heldBytes = 0; // after the last time

  constructor(heap: Heap) {
    this.#heap = heap;
  }

  /** To be called once a second. Collects when nothing has happened for a while, and the heap is small and has grown since the last time. */
  look(): void {
    const { usedBytes, heldBytes, busyShare, collect } = this.#heap;
    this.#quiet = busyShare() < quietShare ? this.#quiet + 1 : 0;
    if (this.#quiet < quietLooks || heldBytes() - this.#heldBytes < grownBytesMin || usedBytes() > usedBytesMax) return;
    collect();
    this.#heldBytes = heldBytes();
  }
}

/** The heap of V8 in this process. */
export function heapOfV8(busyShare: () => number): Heap {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { readonly type: 'major'; readonly execution: 'sync'; readonly flavor: 'last-resort' }) => void;
  setFlagsFromString('--no-expose-gc');
  return {
    usedBytes: () => getHeapStatistics().used_heap_size,
    heldBytes: () => getHeapStatistics().total_physical_size,
    busyShare,
    collect: () => collect({ type: 'major', execution: 'sync', flavor: 'last-resort' }), // a plain one leaves the young generation as large as it is
  };
}
