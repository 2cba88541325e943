// How a store says no. Everything else that it throws is a bug.

/** Somebody else wrote: the tip is not the one that the append was built on. Forget, read again, step again. */
export class Superseded extends Error {}

/** Certainly not stored, because there is no room. Later there may be. */
export class StoreFull extends Error {}

/** Certainly not stored (or not readable just now): the store is out of reach. */
export class StoreUnavailable extends Error {}

/** What was asked can never work (too large, of an impossible form): asking again would fail for ever. */
export class StoreRefused extends Error {}
