// How V8 compiles in a process to which all users come back just after it has begun.
import { setFlagsFromString } from 'node:v8';

/**
 * Each function at its first call, by the quick compiler that does not optimise; by itself V8 interprets it some hundred times before that. A server has run hardly any of its code when ten thousand
 * devices connect within a second: ADR 11. For the whole process, and what is loaded from now on.
 */
export function compileAtOnce(): void {
  setFlagsFromString('--always-sparkplug');
}
