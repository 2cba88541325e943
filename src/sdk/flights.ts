// How many sends fly at once over all chats, so that the server never has more of this device in flight than it takes.
import type { Open, Queue } from './outbox.ts';

export class Flights {
  private max = 1;
  private count = 0;
  private attempts = 0;
  /** Queues that found no room. */
  private readonly starved = new Set<Queue>();

  /** Nothing flies any more; from now on so many may. */
  reset(max: number): void {
    this.max = max;
    this.count = 0;
    this.starved.clear();
  }

  /** Whether one more may fly. A queue that finds no room is given back by `hungry` once there is some. */
  hasRoom(queue: Queue): boolean {
    if (this.count < this.max) return true;
    this.starved.add(queue);
    return false;
  }

  took(one: Open): void {
    if (one.flights === 0) this.count += 1;
    one.flights += 1;
    this.attempts += 1;
    one.attempt = this.attempts;
  }

  /** So many of the item's copies were answered, or given up. True when that has made room. */
  landed(one: Open, copies: number): boolean {
    if (one.flights === 0) return false;
    one.flights = Math.max(0, one.flights - copies);
    if (one.flights > 0) return false;
    this.count -= 1;
    return true;
  }

  /** The next queue that waits for room, while there is some. */
  hungry(): Queue | undefined {
    if (this.count >= this.max) return undefined;
    const [queue] = this.starved;
    if (queue !== undefined) this.starved.delete(queue);
    return queue;
  }
}
