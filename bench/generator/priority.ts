// The priority of the thread that makes the load, for a while.
import { getPriority, setPriority } from 'node:os';

/** Where the system does not allow it, or does not allow the way back, all goes on as it is. The result undoes it. */
export function atPriority(priority: number): () => void {
  const before = getPriority();
  set(priority);
  return () => set(before);
}

function set(priority: number): void {
  try {
    setPriority(priority);
  } catch {
    // for the superuser only
  }
}
