// One server process of the simulated world, which dies and is followed by another; now and then the old one lives on.
import type { Draws } from './random.ts';
import type { ServerProcess } from './server.ts';
import type { Every, Servers, ServersNeeds } from './servers.ts';

export class LoneServer implements Servers {
  #living: ServerProcess[] = [];
  readonly #needs: ServersNeeds;

  constructor(needs: ServersNeeds) {
    this.#needs = needs;
  }

  get living(): readonly ServerProcess[] {
    return this.#living;
  }

  begin(): void {
    this.#serve();
  }

  schedule(every: Every): void {
    const { faults } = this.#needs;
    every('crash', faults().serverCrashEveryMs, (random) => this.#fails(random));
    every('second', faults().secondOwnerEveryMs, (random) => this.#secondOwner(random));
  }

  heal(): void {
    for (const old of this.#living.slice(0, -1)) this.#end(old);
  }

  #serve(): void {
    const server = this.#needs.process();
    this.#needs.network.listen(server.listener, false);
    this.#living.push(server);
    this.#needs.recording.note(`server ${server.number} begins`);
  }

  #end(server: ServerProcess): void {
    this.#needs.beforeEnd();
    server.crash();
    this.#living = this.#living.filter((one) => one !== server);
    this.#needs.recording.note(`server ${server.number} is dead`);
  }

  #fails(random: Draws): void {
    const server = this.#living.at(-1);
    if (server === undefined) return;
    this.#end(server);
    this.#needs.clock.after(random.between(50, 3_000), () => this.#serve());
  }

  /** The old process is thought dead, but lives on for a while. */
  #secondOwner(random: Draws): void {
    const old = this.#living.at(-1);
    if (old === undefined || this.#living.length > 1) return;
    this.#needs.recording.note(`server ${old.number} is given up, and lives on`);
    this.#serve();
    this.#needs.clock.after(random.between(1_000, 20_000), () => {
      if (this.#living.includes(old)) this.#end(old);
    });
  }
}
