// What becomes of an item that the server has refused.
import { Refused } from './faults.ts';
import type { Open } from './outbox.ts';
import type { Sends } from './sends.ts';

/** As often `outOfOrder` for the oldest open item is answered at once; after that with a pause, so that two who misunderstand each other don't spin. */
const outOfOrderAtOnceMax = 3;

export function judgeRefusal(sends: Sends, one: Open, refused: Refused): void {
  if (one.state === 'accepted' || one.state === 'settling' || one.state === 'storing') return; // an answer to an older copy
  if (one.state === 'doubted') return one.owed === 0 ? sends.failed(one, one.doubt?.refused ?? refused) : undefined;
  switch (refused.why) {
    case 'numberPassed':
      if (refused.highest !== null) sends.needs.numbers.passed(refused.highest);
      return renumber(sends, one);
    case 'clockOff':
      // Counted from a clock that was wrong, perhaps since welcome has told the server's: that is asked again, and it goes again.
      sends.needs.send({ kind: 'ping', request: 0 });
      sends.needs.numbers.recount(highestGood(sends));
      return renumber(sends, one);
    case 'settled':
      return settle(sends, one);
    case 'outOfOrder':
      return outOfOrder(sends, one, refused.highest ?? 0);
    default:
  }
  if (refused.action === 'never') return doubt(sends, one, refused);
  if (one.flights > 0) return; // a younger copy is still under way
  one.state = 'waiting'; // and as unsure as before: who is busy has not looked whether it is there
  if (refused.action === 'afterLogin') sends.needs.relogin();
  else sends.rest(one.queue, refused.retryAfterMs);
}

/** Refused for good as soon as no other copy can be answered otherwise, or has not been for long. */
function doubt(sends: Sends, one: Open, refused: Refused): void {
  if (one.owed === 0) return sends.failed(one, refused);
  const { clock, policy } = sends.needs;
  one.state = 'doubted';
  one.doubt = { refused, over: clock.after(policy.sendTimeoutMs, () => one.state === 'doubted' && sends.failed(one, refused)) };
}

/** At once the first time; again after a pause: what makes the next number good (the log, where it stands how far this device had been) may still be on its way. */
function renumber(sends: Sends, one: Open): void {
  one.state = 'renumber';
  one.unsure = false;
  if (one.queue.tries > 0) sends.rest(one.queue, null);
  else one.queue.tries = 1;
}

/** An earlier one has not arrived. It, and what follows, goes again; with none earlier open, the server's highest number is what this one comes after. */
function outOfOrder(sends: Sends, one: Open, highest: number): void {
  if (one.flights > 0) return;
  one.state = 'waiting';
  one.unsure = false;
  const { items, chatId } = one.queue;
  if (items.some(({ state }) => state === 'renumber')) return; // it was only asked about
  const older = items.slice(0, items.indexOf(one)).filter(({ state }) => state !== 'accepted');
  // Only a copy that left before this one did is proven lost.
  for (const other of older) if (other.state === 'flying' && other.attempt < one.attempt) other.state = 'waiting';
  if (older.length > 0 || chatId === null) return;
  sends.needs.log().place(chatId).now = { ...sends.needs.log().place(chatId).now, accepted: highest };
  if (one.queue.tries < outOfOrderAtOnceMax) one.queue.tries += 1;
  else sends.rest(one.queue, null);
}

/** Too old for a plain answer: either its entry is in the log, or it never was stored. */
function settle(sends: Sends, one: Open): void {
  const { chatId, number } = one.item;
  if (chatId === null)
    return sends.failed(
      one,
      new Refused({ code: 311, why: 'settled', says: 'This group was made long ago; look for it in the list of chats.', retryAfterMs: null, highest: null }),
    );
  one.state = 'settling';
  one.unsure = true;
  sends.needs.search(chatId, number).then(
    (entry) => {
      if (one.state !== 'settling' || one.item.number !== number) return;
      if (entry === undefined) renumber(sends, one);
      else sends.accepted(one, chatId, entry.seq, entry.atMs);
      sends.pump(one.queue);
    },
    () => {
      if (one.state !== 'settling') return;
      one.state = 'waiting';
      sends.rest(one.queue, null);
    },
  );
}

/** Of the numbers that were accepted or still may be: those that are given out next must be above. */
function highestGood(sends: Sends): number {
  const { numbers } = sends.needs;
  const open = sends.outbox.all().map(({ item }) => item.number);
  let highest = Math.max(0, ...open.filter((number) => !numbers.isOff(number)));
  for (const { now } of sends.needs.log().places.values()) highest = Math.max(highest, now.accepted);
  return highest;
}
