// How V8 collects garbage in a process whose objects live for one turn of its event loop or for as long as somebody is connected.
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';

/**
 * While the first sessions come in, V8 takes their objects for the sort that lives long and has the code that makes them put all later ones among the old, where only full collections find
 * them: most of every message.
 */
const bornYoung = ['--no-allocation-site-pretenuring'];

/** A full collection when the heap has grown to three times what the last one left, not by the 8 MiB that V8 thinks cheap: it reads all that lives, however little has died. */
const seldom = ['--heap-growing-percent=200'];

/** On one core the threads that mark and sweep beside the event loop only take it away for 60 ms; it does so itself, a few milliseconds at a time. */
const byItself = ['--no-concurrent-marking', '--no-concurrent-sweeping', '--no-concurrent-array-buffer-sweeping'];

/** For the whole process. Before it serves: V8 keeps to what it has begun. */
export function collectSeldom(cores = availableParallelism()): void {
  for (const flag of [...bornYoung, ...seldom, ...(cores === 1 ? byItself : [])]) setFlagsFromString(flag);
}
