// Several nodes of the simulated world on one disk: they crash, stand still, are cut off, disagree about who is there, and are shut down in good order.
import { memoryLevels } from '../../src/cluster/membership.memory.ts';
import { Bus } from './bus.ts';
import { noFaults } from './faults.ts';
import type { Draws } from './random.ts';
import type { ServerProcess } from './server.ts';
import type { Every, Servers, ServersNeeds } from './servers.ts';

interface Place {
  readonly node: string;
  process: ServerProcess | undefined;
  isPaused: boolean;
  /** It is being shut down in good order. */
  isLeaving: boolean;
}

/** Devices that are sent away come back within this time, somewhere. */
const moveSpreadMs = 2_000;

export class Cluster implements Servers {
  readonly #needs: ServersNeeds;
  readonly #places: Place[];
  readonly #bus: Bus;
  readonly #levels = memoryLevels();

  constructor(needs: ServersNeeds, nodes: number) {
    this.#needs = needs;
    const { network, faults, recording, random } = needs;
    this.#bus = new Bus({ network, faults, recording, random: random.stream('bus') });
    this.#places = Array.from({ length: nodes }, (_, at) => ({ node: `n${at + 1}`, process: undefined, isPaused: false, isLeaving: false }));
  }

  get living(): readonly ServerProcess[] {
    return this.#places.flatMap(({ process }) => (process === undefined ? [] : [process]));
  }

  begin(): void {
    for (const place of this.#places) this.#start(place);
  }

  schedule(every: Every): void {
    const faults = this.#needs.faults();
    every('crash', faults.serverCrashEveryMs, (random) => this.#crashes(random));
    every('pause', faults.pauseEveryMs, (random) => this.#pauses(random));
    every('split', faults.splitEveryMs, (random) => this.#splits(random));
    every('cutOff', faults.cutOffEveryMs, (random) => this.#isCutOff(random));
    every('oneWay', faults.oneWayEveryMs, (random) => this.#isBlocked(random));
    every('deaf', faults.deafEveryMs, (random) => this.#isDeaf(random));
    every('drain', faults.drainEveryMs, (random) => this.#drains(random));
  }

  heal(): void {
    this.#bus.heal();
    for (const place of this.#places) {
      this.#goesOn(place);
      if (place.process === undefined) this.#start(place);
    }
  }

  #start(place: Place): void {
    if (place.process !== undefined) return;
    const { network, recording } = this.#needs;
    const server = this.#needs.process({ node: place.node, bus: this.#bus, levels: this.#levels });
    place.process = server;
    place.isPaused = false;
    place.isLeaving = false;
    recording.note(`${place.node} begins as process ${server.number}`);
    server.membership.hear({
      changed: () => recording.note(`${place.node} ${place.process === server ? JSON.stringify(shown(server)) : ''}`),
      heal: () => undefined,
      sendAway: () => server.sockets.moveAll(moveSpreadMs, this.#needs.random.stream(`away ${server.number}`).next),
      twin: (yields) => recording.wrong(`${place.node} met another of its id; it yields: ${yields}`),
    });
    server.membership.join().then(
      () => server.isAlive && network.listen(server.listener, true),
      (error: unknown) => recording.wrong(`${place.node} does not start: ${String(error)}`),
    );
  }

  #end(place: Place): void {
    if (place.process === undefined) return;
    this.#needs.beforeEnd();
    place.process.crash();
    place.process = undefined;
    place.isPaused = false;
    this.#needs.recording.note(`${place.node} is dead`);
  }

  /** Not so soon that others must take the new process for a twin of the old one. */
  #startsAgain(place: Place, random: Draws): void {
    this.#needs.clock.after(random.chance(0.5) ? random.between(50, 1_000) : random.between(1_000, 20_000), () => this.#start(place));
  }

  #crashes(random: Draws): void {
    const place = random.pick(this.#places);
    if (place.process === undefined || place.isLeaving) return;
    this.#end(place);
    this.#startsAgain(place, random);
  }

  #pauses(random: Draws): void {
    const place = random.pick(this.#places);
    const { process } = place;
    if (process === undefined || place.isPaused) return;
    place.isPaused = true;
    process.pause();
    const pausedMs = random.between(500, 30_000);
    this.#needs.recording.note(`${place.node} stands still for ${Math.round(pausedMs)} ms`);
    this.#needs.clock.after(pausedMs, () => place.process === process && this.#goesOn(place));
  }

  #goesOn(place: Place): void {
    if (!place.isPaused) return;
    place.isPaused = false;
    this.#needs.recording.note(`${place.node} goes on`);
    place.process?.goOn();
  }

  #splits(random: Draws): void {
    const sides = new Map(this.#places.map(({ node }) => [node, random.whole(0, 1)]));
    const note = [...sides].map(([node, side]) => `${node}:${side}`).join(' ');
    this.#bus.split(sides);
    this.#needs.recording.note(`split ${note}`);
    this.#needs.clock.after(random.between(500, 40_000), () => {
      this.#bus.split(new Map());
      this.#needs.recording.note('split no more');
    });
  }

  #isCutOff(random: Draws): void {
    const { node } = random.pick(this.#places);
    this.#bus.cut(node, true);
    this.#needs.recording.note(`${node} is cut off`);
    this.#needs.clock.after(random.between(200, 40_000), () => {
      this.#bus.cut(node, false);
      this.#needs.recording.note(`${node} is cut off no more`);
    });
  }

  #isBlocked(random: Draws): void {
    const from = random.pick(this.#places).node;
    const to = random.pick(this.#places).node;
    this.#bus.block(from, to, true);
    this.#needs.recording.note(`${to} hears nothing of ${from}`);
    this.#needs.clock.after(random.between(500, 30_000), () => this.#bus.block(from, to, false));
  }

  #isDeaf(random: Draws): void {
    const from = random.pick(this.#places).node;
    const to = random.pick(this.#places).node;
    this.#bus.deafen(from, to, true);
    this.#needs.clock.after(random.between(2_000, 30_000), () => this.#bus.deafen(from, to, false));
  }

  /** Unready, chats handed over, devices moved, and gone. */
  #drains(random: Draws): void {
    const place = random.pick(this.#places);
    const { process } = place;
    if (process === undefined || place.isLeaving || place.isPaused || this.#needs.faults() === noFaults) return;
    place.isLeaving = true;
    const { clock, network, recording } = this.#needs;
    recording.note(`${place.node} drains`);
    process.membership.drain();
    network.silence(process.listener);
    process.sockets.moveAll(moveSpreadMs, random.next);
    clock.after(random.between(1_000, 6_000), () => {
      if (place.process !== process) return;
      void process.kernel.stop().then(() => {
        process.membership.leave();
        if (place.process !== process) return;
        this.#end(place);
        this.#startsAgain(place, random);
      });
    });
  }
}

function shown({ membership }: ServerProcess): readonly [string, string] {
  const { standing, nodes } = membership.describe();
  return [standing, nodes.map(({ node, state }) => (state === 'up' ? node : `${node} ${state}`)).join(' ')];
}
