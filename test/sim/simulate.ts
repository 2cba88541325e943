// One world from beginning to end, and the verdict on it.
import { type CheckerName, checkers } from './checkers.ts';
import { type Evidence, staysOf } from './evidence.ts';
import { headFor, owedLength, staysIn } from './truth.ts';
import { type SimulationOptions, World } from './world.ts';

export interface Verdict {
  readonly seed: number;
  readonly nodes: number;
  readonly complaints: readonly { readonly checker: CheckerName | 'healed'; readonly text: string }[];
  readonly frames: number;
  readonly entries: number;
  /** How often what the faults are there for has happened. */
  readonly counts: Readonly<Record<string, number>>;
}

export async function simulate(options: SimulationOptions): Promise<Verdict> {
  const world = new World(options);
  await world.run();
  const healed = await world.heal(async () => isRight(world));
  const unsettled = healed ? [] : unsettledIn(world);
  await world.end();
  const evidence = await evidenceOf(world);
  const complaints: Verdict['complaints'][number][] = unsettled.map((text) => ({ checker: 'healed', text }));
  for (const [name, check] of Object.entries(checkers)) complaints.push(...check(evidence).map((text) => ({ checker: name as CheckerName, text })));
  const entries = [...world.disk.logs.values()].reduce((sum, log) => sum + log.entries.length, 0);
  return { seed: options.seed, nodes: world.nodes, complaints, frames: world.recording.left.length + world.recording.came.length, entries, counts: world.recording.counts };
}

/** Verdict as lines, cut short. */
export function complaintsIn({ seed, nodes, complaints }: Verdict): string {
  const lines = complaints.slice(0, 12).map(({ checker, text }) => `  ${checker}: ${text}`);
  if (complaints.length > lines.length) lines.push(`  … and ${complaints.length - lines.length} more`);
  return [`seed ${seed}: ${complaints.length} complaints; node test/sim/run.ts --seed ${seed}${nodes > 1 ? ` --nodes ${nodes}` : ''} --trace`, ...lines].join('\n');
}

function isRight(world: World): boolean {
  return unsettledIn(world, 1).length === 0;
}

/** What still keeps the world from being well, at most `max` of it. */
function unsettledIn({ devices, disk, recording }: World, max = 20): string[] {
  const found: string[] = [];
  const asksAgain = new Set(devices.map(({ deviceId }) => deviceId));
  const heads = [...disk.logs].map(([chatId, { entries }]) => ({ chatId, stays: staysIn(entries), length: owedLength(entries, recording, (device) => asksAgain.has(device)) }));
  for (const { name, userId, client } of devices) {
    if (found.length >= max) return found;
    if (client === undefined || !client.isConnected) {
      found.push(`${name} is not connected`);
      continue;
    }
    for (const item of client.pending()) found.push(`${name} still has ${item.command.kind} ${item.number} for ${item.chatId} in its outbox`);
    for (const { chatId, stays, length } of heads) {
      const head = headFor(stays, userId, length);
      const { seq } = client.chat(chatId);
      if (seq < head) found.push(`${name} has ${chatId} up to ${seq}, not ${head}`);
    }
  }
  return found;
}

async function evidenceOf(world: World): Promise<Evidence> {
  const { recording, disk, fullestMailbox, mailboxMax } = world;
  const devices = await Promise.all(
    world.devices.map(async ({ name, userId, deviceId, copies, posted, told, risen, disk: own }) => ({
      name,
      userId,
      deviceId,
      copies,
      posted,
      told,
      risen,
      ...(await own.contents()),
    })),
  );
  return { recording, nodes: world.nodes, wantsEveryHead: world.wantsEveryHead, disk, devices, fullestMailbox, mailboxMax, stays: staysOf(disk) };
}
