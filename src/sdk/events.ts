// What a client tells its program, typed by name.
import type { Clock } from '../structures/clock.ts';

export type Listener<Event> = (event: Event) => void;

/** `on` gives back what ends the subscription. A listener that throws harms neither the others nor the client: its error surfaces on its own, as an uncaught one. */
export class Emitter<Events extends object> {
  private readonly clock: Clock;
  private muted = false;
  private readonly listeners = new Map<keyof Events, Set<Listener<never>>>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const set = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, set);
    set.add(listener);
    return () => void set.delete(listener);
  }

  /** From now on nobody is told of anything. */
  mute(): void {
    this.listeners.clear();
    this.muted = true;
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    if (this.muted) return;
    for (const listener of [...(this.listeners.get(name) ?? [])] as Listener<Events[Name]>[]) {
      try {
        listener(event);
      } catch (error) {
        this.clock.soon(() => {
          throw error;
        });
      }
    }
  }
}
