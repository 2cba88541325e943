// New numbers for what was never stored under its old one, without a second entry of anything and without a change of order.
import type { Open, Queue } from './outbox.ts';
import type { Sends } from './sends.ts';
import type { Change } from './storage.ts';

/**
 * Items from the first that needs a new number on all get one, so that the order stays. First each that the server may hold is asked about, under its old number
 * and with itself as predecessor: that is answered truthfully and never accepted.
 */
export function renumber(sends: Sends, queue: Queue): void {
  const first = queue.items.findIndex(({ state }) => state === 'renumber');
  const rest = queue.items.slice(first).filter(({ state }) => state !== 'accepted');
  for (const one of rest) if (one.unsure && one.state === 'waiting' && !sends.fly(one, one.item.number, false)) return;
  if (rest.some(({ unsure, state }) => unsure || state === 'flying' || state === 'settling' || state === 'storing')) return;
  const changes = rest.map((one): Change => {
    one.state = 'storing';
    sends.outbox.replace(one, { ...one.item, number: sends.needs.numbers.draw() });
    return { kind: 'outbox', item: one.item };
  });
  const { number } = (rest.at(-1) as Open).item;
  sends.needs.journal.write([...changes, { kind: 'lastNumber', number }], { sync: true }).then(
    () => sends.stored(rest),
    () => undefined,
  );
}
