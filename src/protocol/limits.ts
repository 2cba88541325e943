// Every limit that a device can meet, once. Those that an operator may change are in src/config.ts; these are the protocol's.

export const limits = {
  /** A frame from a device; a larger one closes the socket (4413). */
  frameBytesMax: 128 * 1024,
  /** The body of one entry; a larger one is refused `bodyTooBig`. */
  bodyBytesMax: 64 * 1024,
  contentTypeMax: 64,
  /** Sends of one device in one chat that wait for their answer. */
  openSendsPerChatMax: 16,
  /** Requests of one device (sends included) that wait for their answer; more are refused `tooManyInFlight`. */
  requestsInFlightMax: 512,
  /** Of those, such as only read (`pull`, `history`, `resume`, `listChats`, `getMembers`): their answers are large. */
  readsInFlightMax: 16,
  cursorsPerResumeMax: 2_000,
  /** Entries in one answer to a pull; the answer is also cut at `entriesBytesMax`. */
  pullEntriesMax: 1_000,
  entriesBytesMax: 512 * 1024,
  /** Entries in one `pushed`, which is also ended at `pushedBytesMax` unless the first alone has more. */
  pushedEntriesMax: 1_000,
  pushedBytesMax: 64 * 1024,
  chatsPerPageMax: 200,
  groupMembersMax: 5_000,
  membersPerCommandMax: 1_000,
  titleMax: 128,
  watchMax: 500,
  devicesPerUserMax: 16,
  tokenMax: 2_048,
  nameMax: 64,
  urlMax: 512,
  /** How far a send number may be ahead of the server's clock; beyond it is `clockOff`. */
  clockAheadMsMax: 24 * 60 * 60_000,
  /** A connected device has healed whatever it missed after this long. */
  healMaxMs: 120_000,
  typingTtlMs: 6_000,
} as const;

/** Send numbers tick 1,024 times a millisecond, so that a device restored from a backup still goes up. */
export const numbersPerMs = 1_024;
