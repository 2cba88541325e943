// Backup and restore, in words for the operator.
import { systemClock } from '../actors/runtime/clock.ts';
import { backupLevel, restoreLevel } from '../store/backup.level.ts';
import { StoreRefused } from '../store/faults.ts';

/** Asks the node that serves the directory; opens the directory itself where none does. Resolves with what to tell. */
export async function backup(directory: string, to: string, ops: string): Promise<string> {
  const served = await askNode(ops, to);
  if (served !== undefined) return served;
  try {
    await backupLevel({ directory, to, random: Math.random, clock: systemClock(), onReport: ({ says }) => console.log(says) });
  } catch (error) {
    if (error instanceof StoreRefused) throw new Error(`${error.message}\nNo node answered at ${ops}; if one serves this directory, name its operator listener with --ops.`);
    throw error;
  }
  return `No node answered at ${ops}; ${directory} was copied to ${to} directly.`;
}

export async function restore(from: string, directory: string): Promise<string> {
  await restoreLevel({ from, directory, random: Math.random });
  return `${from} was restored into ${directory} under a new incarnation: devices will pull afresh when they next connect.`;
}

/** Undefined where nobody listens. */
async function askNode(ops: string, to: string): Promise<string | undefined> {
  const answer = await fetch(`${ops}/backup?to=${encodeURIComponent(to)}`, { method: 'POST' }).catch(() => undefined);
  if (answer === undefined) return undefined;
  const { says } = (await answer.json().catch(() => ({}))) as { says?: string };
  if (!answer.ok) throw new Error(says ?? `The node at ${ops} answered ${answer.status}.`);
  return `The node at ${ops} has written its backup to ${to}.`;
}
