// Every refusal and every close code: its number, its name, what to do about it. docs/protocol.md prints these tables.

/** What the device should do: ask never again, ask later, log in first, number the send anew, pull and compare. */
export type Action = 'never' | 'later' | 'afterLogin' | 'renumber' | 'resync';

export interface Refusal {
  readonly code: number;
  readonly action: Action;
  /** What happened and what to do, for the person who writes the client. */
  readonly says: string;
}

export const refusals = {
  busy: { code: 101, action: 'later', says: 'The server has as much waiting as it takes. Send the same again after retryAfterMs.' },
  tooManyInFlight: { code: 102, action: 'later', says: 'Too many of your requests wait for their answer. Wait for one, then send the same again.' },
  storeFull: { code: 103, action: 'later', says: "The server's disk is full. Nothing was stored; send the same again later." },
  unavailable: { code: 104, action: 'later', says: 'The server cannot reach its store just now. Send the same again after retryAfterMs.' },
  rateLimited: { code: 105, action: 'later', says: 'Too many of these in a short time. Send the same again after retryAfterMs.' },
  draining: { code: 106, action: 'later', says: 'This server is going away. Connect again and send the same.' },
  internal: { code: 107, action: 'never', says: 'The server failed on exactly this request and has recovered. Do not repeat it unchanged; report it.' },
  quarantined: {
    code: 108,
    action: 'later',
    says: 'This chat failed repeatedly and takes no writes until an operator has looked. Reading works. Keep the send and try again later.',
  },
  unauthenticated: { code: 120, action: 'afterLogin', says: 'Log in and say hello with a valid token first.' },
  unknownFrame: { code: 200, action: 'never', says: 'This server knows no frame of that type. Check the protocol version in welcome.' },
  bodyTooBig: { code: 201, action: 'never', says: 'The body is over bodyBytesMax (see welcome). Send less, or send a reference.' },
  invalid: { code: 202, action: 'never', says: 'The frame is well formed but asks for something that makes no sense. Check its fields against docs/protocol.md.' },
  noSuchChat: { code: 300, action: 'never', says: 'There is no such chat for you.' },
  notAMember: { code: 301, action: 'never', says: 'You are no longer a member of this chat.' },
  forbidden: { code: 302, action: 'never', says: 'Your role in this chat does not allow that.' },
  noSuchUser: { code: 303, action: 'never', says: 'There is no such user. Look the handle up first.' },
  groupFull: { code: 304, action: 'never', says: 'The group would have more members than groupMembersMax.' },
  wrongPeer: { code: 305, action: 'never', says: 'This direct chat is not the one of you and that peer. Compute its id from both user ids.' },
  numberPassed: { code: 310, action: 'renumber', says: 'This number is too old here, and was never stored. Send it again under a new number, above highest where that is given.' },
  settled: { code: 311, action: 'resync', says: 'This number lies so far back that the answer is in the log only. Pull; if the entry is not there, send it under a new number.' },
  outOfOrder: { code: 312, action: 'resync', says: 'An earlier send of yours has not arrived. Send again from the oldest open one; with none older open, with after = highest.' },
  clockOff: { code: 313, action: 'renumber', says: "The number is more than a day ahead of the server's clock. Count from serverTimeMs in welcome." },
} as const satisfies Record<string, Refusal>;

export type Why = keyof typeof refusals;

export interface CloseReason {
  readonly code: number;
  /** Whether the device should connect again by itself, and how. */
  readonly action: 'never' | 'reconnect' | 'afterLogin';
  readonly says: string;
}

export const closes = {
  malformed: { code: 4400, action: 'never', says: 'A frame was not a MessagePack array of the documented form.' },
  unauthenticated: { code: 4401, action: 'afterLogin', says: 'The token is wrong, or the first frame was not hello. Log in again.' },
  tokenExpired: { code: 4402, action: 'afterLogin', says: 'The token has expired. Refresh it and connect again.' },
  loggedOut: { code: 4403, action: 'never', says: 'This device was logged out.' },
  helloTimeout: { code: 4408, action: 'reconnect', says: 'No hello came in time.' },
  replaced: { code: 4409, action: 'never', says: 'The same device has connected again; this older connection ends.' },
  frameTooBig: { code: 4413, action: 'never', says: 'A frame was over frameBytesMax.' },
  versionUnknown: { code: 4426, action: 'never', says: 'This server does not speak that protocol version. Update the client.' },
  internal: { code: 4500, action: 'reconnect', says: 'The server failed on this connection. Connect again.' },
  draining: { code: 4503, action: 'reconnect', says: 'This server is going away. Connect again after a jittered moment.' },
} as const satisfies Record<string, CloseReason>;

export type CloseWhy = keyof typeof closes;

const whyByCode = new Map<number, Why>(Object.entries(refusals).map(([why, { code }]) => [code, why as Why]));

/** The refusal with that code; undefined for one that a newer server has added. */
export function whyOf(code: number): Why | undefined {
  return whyByCode.get(code);
}
