// What may begin in each turn of the event loop of the work that comes all at once when many devices return. The longer the turns get, the less: those who are connected must not feel it.
import type { Clock } from '../../structures/clock.ts';
import { Queue } from '../../structures/queue.ts';

/** Sockets that are to be opened, hellos that are to be checked, resumes that are to be answered, and what sessions look for by themselves: each kind waits in a line of its own. */
export type Admitted = 'upgrade' | 'hello' | 'resume' | 'heal';

export interface AdmissionLimits {
  /** A turn that took longer halves what the next one may begin; a shorter one lets it begin one more. */
  readonly turnMsMax: number;
  /** Begun in one turn, however short the turns are; however long they are, it is one. */
  readonly perTurnMax: number;
  /** Begun and not yet done. */
  readonly underWayMax: Readonly<Record<Admitted, number>>;
  /** Of each kind that wait; one more is not taken. */
  readonly waitingMax: number;
}

/** An upgrade is under way until its hello has been checked: what hellos bring into one turn is then no more than that. */
export const admissionLimits: AdmissionLimits = { turnMsMax: 4, perTurnMax: 32, underWayMax: { upgrade: 256, hello: 64, resume: 64, heal: 16 }, waitingMax: 16_384 };

/** As much waits as may. */
export class Overfull extends Error {}

type Job = () => Promise<unknown>;

class Line {
  readonly jobs = new Queue<Job>();
  readonly max: number;
  underWay = 0;

  constructor(max: number) {
    this.max = max;
  }

  get hasNext(): boolean {
    return this.jobs.length > 0 && this.underWay < this.max;
  }
}

/** Kinds take turns, and within a kind it goes by who came first: a flood of one kind delays another by no more than itself. While little comes, all of it begins at once. */
export class Admission {
  readonly counts = { begun: 0, refused: 0 };
  readonly #clock: Clock;
  readonly #limits: AdmissionLimits;
  readonly #lines: Readonly<Record<Admitted, Line>>;
  readonly #inTurn: readonly Line[];
  /** Whose turn it is, in `#inTurn`. */
  #next = 0;
  /** What a turn may begin, and what this one has. */
  #quota: number;
  #begun = 0;
  #scheduled = false;
  #sinceMs = 0;

  constructor(clock: Clock, limits: AdmissionLimits = admissionLimits) {
    const { upgrade, hello, resume, heal } = limits.underWayMax;
    this.#clock = clock;
    this.#limits = limits;
    this.#lines = { upgrade: new Line(upgrade), hello: new Line(hello), resume: new Line(resume), heal: new Line(heal) };
    this.#inTurn = Object.values(this.#lines);
    this.#quota = limits.perTurnMax;
  }

  get waiting(): number {
    return this.#inTurn.reduce((sum, { jobs }) => sum + jobs.length, 0);
  }

  /** Begins the job, now or when its turn comes; what it rejects with is the job's own to hear. False, and it never begins: as many of its kind wait as may. */
  enter(kind: Admitted, job: Job): boolean {
    const line = this.#lines[kind];
    if (line.jobs.length === 0 && line.underWay < line.max && this.#begun < this.#quota && !this.#someoneHasNext()) {
      this.#begin(line, job);
      return true;
    }
    if (line.jobs.length >= this.#limits.waitingMax) {
      this.counts.refused += 1;
      return false;
    }
    line.jobs.push(job);
    if (line.hasNext) this.#schedule(); // else whatever ends first goes on with it
    return true;
  }

  /** The same for who wants the answer. Rejects with Overfull. */
  through<Value>(kind: Admitted, job: () => Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const isTaken = this.enter(kind, () => job().then(resolve, reject));
      if (!isTaken) reject(new Overfull(`more than ${this.#limits.waitingMax} of the kind ${kind} wait`));
    });
  }

  #someoneHasNext(): boolean {
    for (const line of this.#inTurn) if (line.hasNext) return true;
    return false;
  }

  #begin(line: Line, job: Job): void {
    const done = (): void => {
      line.underWay -= 1;
      if (line.jobs.length > 0) this.#schedule();
    };
    line.underWay += 1;
    this.#begun += 1;
    this.counts.begun += 1;
    this.#schedule();
    job().then(done, done);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#sinceMs = this.#clock.nowMs();
    this.#clock.soon(this.#turn);
  }

  readonly #turn = (): void => {
    const { turnMsMax, perTurnMax } = this.#limits;
    this.#scheduled = false;
    this.#begun = 0;
    this.#quota = this.#clock.nowMs() - this.#sinceMs > turnMsMax ? Math.max(1, this.#quota >> 1) : Math.min(perTurnMax, this.#quota + 1);
    while (this.#begun < this.#quota) {
      const line = this.#lineInTurn();
      if (line === undefined) return;
      this.#begin(line, line.jobs.shift() as Job);
    }
  };

  /** The next one that has something to begin. */
  #lineInTurn(): Line | undefined {
    for (let looks = this.#inTurn.length; looks > 0; looks -= 1) {
      const line = this.#inTurn[this.#next] as Line;
      this.#next = (this.#next + 1) % this.#inTurn.length;
      if (line.hasNext) return line;
    }
    return undefined;
  }
}
