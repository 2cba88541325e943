// Which worlds the tests run, and which once showed a bug that is mended now.

/** As many as the caller names; `npm run check` names fifty, `npm test` two hundred. */
const count = Number(process.env['SIM_SEEDS'] ?? 200);
export const seedsOfTests: readonly number[] = Array.from({ length: count }, (_, at) => at + 1);

/** A seed that fails joins this list with the fix. What a seed draws changes with the simulator: the bug is named, and planted again where it can be. */
export const onceFailed: readonly { readonly seed: number; readonly bug: string }[] = [
  { seed: 4, bug: 'an entry stored by an activation that then broke off was pushed to nobody' },
  { seed: 7, bug: 'sockets stayed subscribed when the audience of a large chat had crashed' },
  { seed: 9, bug: 'a device whose clock was set numbered its sends a day ahead until it connected again' },
  { seed: 13, bug: 'a former owner denied entries that another one had written' },
  { seed: 23, bug: 'a device never pulled a chat again that had been wanted while its pull failed' },
  { seed: 32, bug: 'a full audience made every session say all of its joins again, for ever' },
  { seed: 34, bug: 'a session that had crashed left its sockets open and unanswered' },
  { seed: 54, bug: 'a device that came back from an older copy gave a number again' },
  { seed: 111, bug: 'so did one that counted anew after its clock had been far ahead' },
  { seed: 229, bug: 'whoever was removed from a large chat by an entry that was pushed to nobody did not learn of it' },
  { seed: 463, bug: 'nor did whoever was let in by such an entry' },
];
