// What young collections leave of the buffers that many turns have used.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const between = 5;

/** Takes one turn, makes all that stands there then old, takes the others, and collects young objects every few turns. Returns how many bytes of buffers are there more than before. */
export function keptByYoung(turns: number, turn: () => void): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { readonly type: 'minor' | 'major' }) => void;
  turn();
  collect({ type: 'major' });
  const before = process.memoryUsage().arrayBuffers;
  for (let done = 0; done < turns; done += 1) {
    turn();
    if (done % between === 0) collect({ type: 'minor' });
  }
  return process.memoryUsage().arrayBuffers - before;
}
