// What comes all at once begins bit by bit: in which order, how much in one turn, how much at all.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Admission, type AdmissionLimits, type Admitted, Overfull } from '../../../src/actors/runtime/admission.ts';
import { FakeClock } from '../../sim/clock.ts';

const few = (max: number): AdmissionLimits['underWayMax'] => ({ upgrade: max, hello: max, resume: max, heal: max });
const limits: AdmissionLimits = { turnMsMax: 8, perTurnMax: 4, underWayMax: few(100), waitingMax: 10 };

/** Jobs that end when they are told to, or at once; turns that take as long as they are told to. */
class Rig {
  readonly begun: string[] = [];
  readonly admission: Admission;
  readonly #clock = new FakeClock();
  readonly #ends = new Map<string, () => void>();
  #tookMs = 0;

  constructor(more: Partial<AdmissionLimits> = {}) {
    const clock = { nowMs: () => this.#clock.nowMs() + this.#tookMs, after: this.#clock.after.bind(this.#clock), soon: this.#clock.soon.bind(this.#clock) };
    this.admission = new Admission(clock, { ...limits, ...more });
  }

  enter(kind: Admitted, name: string, how: 'short' | 'long' | 'fails' = 'short'): boolean {
    return this.admission.enter(kind, async () => {
      this.begun.push(name);
      if (how === 'fails') throw new Error('as planned');
      if (how === 'long') await new Promise<void>((resolve) => this.#ends.set(name, resolve));
    });
  }

  async end(name: string): Promise<void> {
    this.#ends.get(name)?.();
    await new Promise(setImmediate);
  }

  /** One turn; says what began in it. */
  async turn(tookMs = 0): Promise<readonly string[]> {
    const before = this.begun.length;
    this.#tookMs += tookMs;
    this.#clock.runSoon();
    await new Promise(setImmediate);
    return this.begun.slice(before);
  }
}

const names = (kind: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${kind}${at}`);

test('while little comes, it begins within the call', async () => {
  const rig = new Rig();
  for (const name of names('a', 20)) {
    rig.enter('hello', name);
    assert.equal(rig.begun.at(-1), name);
    await rig.turn();
  }
  assert.equal(rig.admission.waiting, 0);
});

test('what is more than a turn begins waits, and goes on in the next ones in the order of its coming', async () => {
  const rig = new Rig();
  for (const name of names('a', 10)) rig.enter('hello', name);
  assert.deepEqual(rig.begun, names('a', 4));
  assert.equal(rig.admission.waiting, 6);
  assert.deepEqual(await rig.turn(), ['a4', 'a5', 'a6', 'a7']);
  rig.enter('hello', 'late');
  assert.deepEqual(await rig.turn(), ['a8', 'a9', 'late']);
  assert.equal(rig.admission.waiting, 0);
});

test('kinds take turns: who resumes waits for no more hellos than there are resumes before it', async () => {
  const rig = new Rig();
  for (const name of names('hello', 12)) rig.enter('hello', name);
  for (const name of names('resume', 3)) rig.enter('resume', name);
  rig.enter('heal', 'heal');
  await rig.turn();
  await rig.turn();
  assert.deepEqual(rig.begun.slice(4), ['hello4', 'resume0', 'heal', 'hello5', 'resume1', 'hello6', 'resume2', 'hello7']);
});

test('long turns halve what the next one begins, down to one; short ones let it grow again', async () => {
  const rig = new Rig({ perTurnMax: 8, waitingMax: 100 });
  for (const name of names('a', 60)) rig.enter('hello', name);
  const counts: number[] = [];
  for (const tookMs of [9, 9, 50, 9, 0, 8, 0]) counts.push((await rig.turn(tookMs)).length);
  assert.deepEqual(counts, [4, 2, 1, 1, 2, 3, 4]);
});

test('no more are under way than may be, however short the turns; one that ends, well or not, makes room for the next', async () => {
  const rig = new Rig({ underWayMax: few(2) });
  rig.enter('resume', 'a', 'long');
  rig.enter('resume', 'b', 'fails');
  rig.enter('resume', 'c', 'long');
  rig.enter('resume', 'd', 'long');
  assert.deepEqual(rig.begun, ['a', 'b']);
  await rig.turn(); // in which b ends
  assert.deepEqual(await rig.turn(), ['c']);
  assert.deepEqual(await rig.turn(), []);
  rig.enter('hello', 'of another kind');
  assert.equal(rig.begun.at(-1), 'of another kind');
  await rig.end('a');
  assert.deepEqual(await rig.turn(), ['d']);
});

test('one more than may wait of a kind is not taken and never begins; another kind has a line of its own', async () => {
  const rig = new Rig({ waitingMax: 2 });
  assert.deepEqual(
    names('a', 7).map((name) => rig.enter('hello', name)),
    [true, true, true, true, true, true, false],
  );
  const refused = rig.admission.through('hello', async () => assert.fail('it has begun'));
  await assert.rejects(refused, Overfull);
  assert.equal(rig.enter('resume', 'r0'), true);
  assert.equal(rig.admission.counts.refused, 2);
  await rig.turn();
  assert.deepEqual(rig.begun, ['a0', 'a1', 'a2', 'a3', 'a4', 'r0', 'a5']);
  assert.equal(rig.enter('hello', 'again'), true);
});

test('who wants the answer gets it, or what went wrong', async () => {
  const { admission } = new Rig();
  assert.equal(await admission.through('resume', async () => 5), 5);
  await assert.rejects(
    admission.through('resume', async () => Promise.reject(new Error('as planned'))),
    /as planned/,
  );
});
