// The generator's turns: send what is due, read what has come, rest. Resting lets frames gather in the sockets' buffers, so that one read takes many: this is what lets one core receive a million a second.
import { constants } from 'node:os';
import { atPriority } from './priority.ts';
import { flushSockets } from './socket.ts';

const turnMs = 1;
/** A generator that works for a longer part of its time than this rests longer, so that a read takes more. */
const workShareMax = 0.75;
const cell = new Int32Array(new SharedArrayBuffer(4));

/**
 * Runs `turn` at most once a millisecond, all waiting sockets read between any two, until it returns false. A turn that took long is followed by a rest of a third of
 * that, up to `restMsMax`: latencies then come out too high, never too low: by that much, and where the generator is busy by some times as much, since its turns grow with the rests
 * (one-to-one at 40,000/s, with rests as long as the turn: 84 % busy with at most 0.5 ms, 73 % with 2 ms, and a median of 4 to 7 ms and of 10 to 11).
 */
export function pace(turn: (nowMs: number) => boolean, restMsMax: number): Promise<void> {
  // What else wants the generator's core must not show as latency of the server.
  const restore = atPriority(constants.priority.PRIORITY_HIGHEST);
  return taken(turn, restMsMax).finally(restore);
}

function taken(turn: (nowMs: number) => boolean, restMsMax: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let wokeMs = performance.now();
    const next = () => {
      try {
        const goesOn = turn(performance.now());
        flushSockets();
        if (!goesOn) return resolve();
      } catch (error) {
        return reject(error);
      }
      const workedMs = performance.now() - wokeMs;
      const restMs = Math.max(turnMs - workedMs, Math.min(workedMs * (1 / workShareMax - 1), restMsMax));
      if (restMs > 0) Atomics.wait(cell, 0, 0, restMs); // the thread sleeps; the kernel goes on receiving
      wokeMs = performance.now();
      setImmediate(next); // once what has come was read
    };
    next();
  });
}
