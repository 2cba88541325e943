// Which worlds the tests run, and which once showed a bug that is mended now.

/** As many as the caller names; `npm run check` names fifty, `npm test` three hundred. A third of them are clusters. */
const count = Number(process.env['SIM_SEEDS'] ?? 300);
const clusters = Math.floor(count / 3);

export interface Seeded {
  readonly seed: number;
  /** 1: one process serves, then another. */
  readonly nodes: number;
}

export const loneWorlds: readonly Seeded[] = Array.from({ length: count - clusters }, (_, at) => ({ seed: at + 1, nodes: 1 }));
/** Of two to five nodes. */
export const clusterWorlds: readonly Seeded[] = Array.from({ length: clusters }, (_, at) => ({ seed: at + 1, nodes: 2 + ((at + 1) % 4) }));

/** A seed that fails joins this list with the fix. What a seed draws changes with the simulator: the bug is named, and planted again where it can be. */
export const onceFailed: readonly (Seeded & { readonly bug: string })[] = [
  { seed: 4, nodes: 1, bug: 'an entry stored by an activation that then broke off was pushed to nobody' },
  { seed: 7, nodes: 1, bug: 'sockets stayed subscribed when the audience of a large chat had crashed' },
  { seed: 9, nodes: 1, bug: 'a device whose clock was set numbered its sends a day ahead until it connected again' },
  { seed: 13, nodes: 1, bug: 'a former owner denied entries that another one had written' },
  { seed: 23, nodes: 1, bug: 'a device never pulled a chat again that had been wanted while its pull failed' },
  { seed: 32, nodes: 1, bug: 'a full audience made every session say all of its joins again, for ever' },
  { seed: 34, nodes: 1, bug: 'a session that had crashed left its sockets open and unanswered' },
  { seed: 54, nodes: 1, bug: 'a device that came back from an older copy gave a number again' },
  { seed: 111, nodes: 1, bug: 'so did one that counted anew after its clock had been far ahead' },
  { seed: 229, nodes: 1, bug: 'whoever was removed from a large chat by an entry that was pushed to nobody did not learn of it' },
  { seed: 463, nodes: 1, bug: 'nor did whoever was let in by such an entry' },
  { seed: 2, nodes: 3, bug: 'an audience and an owner of former times answered each other for ever' },
  { seed: 8, nodes: 2, bug: 'a device counted as lagging for ever: that its window was full was told after the end of it' },
  { seed: 7, nodes: 5, bug: 'inboxes stayed behind the end of a batch that began with the making of a chat' },
  { seed: 1258, nodes: 4, bug: 'a sender saw its entry in the log before it was acknowledged, and nobody raised the inboxes any more' },
  { seed: 1324, nodes: 2, bug: 'the same, after a node had died' },
  { seed: 2010, nodes: 4, bug: 'what stood behind sends that were refused for good waited half a minute for each of them' },
  { seed: 105, nodes: 3, bug: 'a device that came back from an older copy, and learnt of a number of its former life, gave the next one again' },
  { seed: 1732, nodes: 2, bug: 'where the push of an entry failed, the next one was pushed with its frame: to whoever had just been let in' },
  { seed: 3698, nodes: 4, bug: 'a send that was passed again, and waited where its chat left once more, counted as asked again: it went on with every view' },
  { seed: 6218, nodes: 4, bug: 'a message was told to be refused for good while another copy of it was under way, which the chat took' },
  { seed: 8409, nodes: 3, bug: 'of two messages that were looked for in the log, the one whose entry came meanwhile took the other out of the queue' },
];
