// What the command ends with.

/** The worst that happened counts: broken before void before slower. */
export const exitCodes = { well: 0, broken: 1, usage: 2, void: 3, slower: 4 } as const;
