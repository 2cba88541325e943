// Connections that were let come and have not been heard out. Which one a hello belongs to is not known: for each that was heard or is done, it is taken to be the first.
import type { Clock, Timer } from '../structures/clock.ts';

/** After so long others need not wait for the hello of a connection: its way is long. */
const soonMs = 50;

interface Let {
  readonly soon: Timer;
  readonly done: () => void;
}

export class Entering {
  readonly #silent = new Set<Let>();
  readonly #heard = new Set<Let>();

  /** One more is let come. Resolves when as many are done, or when none has said hello for it in time. */
  next(clock: Clock): Promise<void> {
    return new Promise((done) => {
      const soon = clock.after(soonMs, () => {
        this.#silent.delete(comes);
        done();
      });
      const comes: Let = { soon, done };
      this.#silent.add(comes);
    });
  }

  /** One has said hello: that is checked in its time, which others wait for. */
  heard(): void {
    const first = taken(this.#silent);
    if (first === undefined) return;
    first.soon.cancel();
    this.#heard.add(first);
  }

  /** The hello has been checked, or the connection has ended. */
  done(was: 'silent' | 'heard'): void {
    const first = taken(was === 'heard' ? this.#heard : this.#silent);
    first?.soon.cancel();
    first?.done();
  }
}

function taken(from: Set<Let>): Let | undefined {
  for (const first of from) {
    from.delete(first);
    return first;
  }
  return undefined;
}
