// Send numbers rise for as long as the device lives, and no two lives of it give the same one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { numbersPerMs } from '../../src/protocol/limits.ts';
import { Numbers } from '../../src/sdk/numbers.ts';
import { FakeClock } from '../sim/clock.ts';
import { draws } from '../sim/random.ts';

const draw = (numbers: Numbers, count: number): number[] => Array.from({ length: count }, () => numbers.draw());

test('numbers rise, whatever the clock does', () => {
  const clock = new FakeClock();
  const numbers = new Numbers(clock, draws(1).next, 0);
  const given = draw(numbers, 100);
  numbers.welcomed(clock.nowMs() - 86_400_000);
  given.push(...draw(numbers, 100));
  clock.leap(3_600_000);
  given.push(...draw(numbers, 100));
  given.forEach((number, at) => assert.ok(at === 0 || number > (given[at - 1] ?? 0)));
});

test('a number lies within a second of the clock, as long as that goes right', () => {
  const clock = new FakeClock();
  const [number = 0] = draw(new Numbers(clock, draws(1).next, 0), 1);
  assert.ok(Math.abs(number / numbersPerMs - clock.nowMs()) < 1_000);
});

test('two lives that begin with the same copy, and a clock that lifts neither above it, give no number twice', () => {
  const last = new FakeClock().nowMs() * numbersPerMs + 86_400_000 * numbersPerMs;
  const given = new Set<number>();
  for (let life = 1; life <= 50; life += 1) for (const number of draw(new Numbers(new FakeClock(), draws(life).next, last), 20)) given.add(number);
  assert.equal(given.size, 50 * 20);
});

test('nor do two lives that begin anew after numbers of a clock far ahead', () => {
  const [one, other] = [new FakeClock(), new FakeClock()].map((clock, life) => {
    const numbers = new Numbers(clock, draws(life).next, 0);
    clock.leap(5 * 86_400_000);
    numbers.draw();
    const nowMs = clock.nowMs() - 5 * 86_400_000;
    numbers.welcomed(nowMs);
    numbers.recount((nowMs + 3_600_000) * numbersPerMs);
    return draw(numbers, 3);
  });
  assert.ok(one !== undefined && other !== undefined);
  assert.ok(one.every((number) => !other.includes(number)));
});

test('nor does one that learns of a number of its former life, which gave more after it', () => {
  const clock = new FakeClock();
  const former = new Numbers(clock, draws(1).next, 0);
  former.passed((clock.nowMs() + 3_600_000) * numbersPerMs); // so that the clock lifts neither
  const given = draw(former, 20);
  const later = new Numbers(clock, draws(2).next, 0);
  later.passed(given[9] as number);
  assert.ok(draw(later, 20).every((number) => number > (given[9] as number) && !given.includes(number)));
});
