// Every limit and every time of the client, once. `createClient` takes another value for any of them.

export const policy = {
  /** Reconnecting waits a random time up to `reconnectMinMs`, doubled at each failure, never more than `reconnectMaxMs`. */
  reconnectMinMs: 500,
  reconnectMaxMs: 30_000,
  /** A connection that stood this long counts as good: the next failure starts at `reconnectMinMs` again. */
  steadyMs: 5_000,
  /** From dialling to `welcome`. */
  welcomeTimeoutMs: 10_000,
  /** A request without an answer is given up, or made again by who needs it. */
  requestTimeoutMs: 15_000,
  /** How long what the program asks for waits for a connection and survives `busy`. */
  askTimeoutMs: 20_000,
  /** A send without an answer is sent again, which is harmless. Longer than it takes until another node owns the chats of one that died. */
  sendTimeoutMs: 4_000,
  /** After `busy` and its like: the server's hint, or this, doubled at each repetition, with jitter. */
  retryMinMs: 500,
  retryMaxMs: 30_000,
  /** Receipts to the server: at most one of a kind in this time and chat. */
  receiptEveryMs: 1_000,
  /** A receipt that was told less than this before the connection went is told again. */
  doubtfulMs: 60_000,
  /** What may be lost in a crash (watermarks of others) is kept this long before it is written. */
  lazyWriteMs: 1_000,
  pullsAtOnce: 4,
  rostersAtOnce: 2,
  /** Entries of one chat that wait for a gap before them to be filled; more are pulled again. */
  heldPerChatMax: 256,
  /** Changes that wait to be written; beyond it pushes are passed over and pulled later. */
  unwrittenMax: 5_000,
  /** Of a chat that this device meets for the first time, so many of the newest entries are fetched; `history` brings the older ones. */
  firstSightEntriesMax: 1_000,
  outboxItemsMax: 10_000,
  /** Requests (sends apart) that wait for their answer, and those that wait for a place among them. */
  requestsAtOnce: 64,
  requestsWaitingMax: 1_000,
  /** Above so many members receipts are not pushed; the roster is fetched when somebody asks for it. */
  rosterEagerMembersMax: 32,
  historyPageMax: 200,
  /** Typing is told at most once in this time, and taken back after `typingStopsMs` without a key. */
  typingEveryMs: 3_000,
  typingStopsMs: 5_000,
} as const;

export type Policy = { readonly [Name in keyof typeof policy]: number };
