// Frames that open, keep and end a connection.
import { limits } from './limits.ts';
import { counter, type FrameOf, frame, id, later, small, text } from './schema.ts';

/** Device → server, the first frame. Answered by `welcome`, by `move` where too many hellos wait (nothing more is heard on this connection then), or by a close code. */
export const Hello = frame(1, 'hello', {
  version: small(65_535), // the highest protocol version that the device speaks
  token: text({ max: limits.tokenMax, min: 1 }), // a fresh access token
  deviceId: id('device'), // must be the token's
  client: text({ max: limits.nameMax }), // name and version of the program, for the operator's eyes
});
export type Hello = FrameOf<typeof Hello>;

/** Server → device: the connection stands. */
export const Welcome = frame(2, 'welcome', {
  version: small(65_535), // the one both will speak
  userId: id('user'),
  incarnation: text({ max: 64 }), // identity of the store's history; another one than last time: pull everything afresh
  serverTimeMs: counter(), // send numbers count from it
  heartbeatMs: counter(), // send a frame (a `ping` will do) at least this often; hear nothing for twice as long: reconnect
  frameBytesMax: counter(),
  bodyBytesMax: counter(),
  openSendsPerChatMax: counter(),
  requestsInFlightMax: counter(),
  cursorsPerResumeMax: counter(),
  pullEntriesMax: counter(),
});
export type Welcome = FrameOf<typeof Welcome>;

/** Server → device: a request or a send that the rules do not let through. */
export const Refused = frame(3, 'refused', {
  request: counter(), // the request's correlation id, or the send's number; 0 where the frame had none
  code: small(65_535),
  why: text({ max: 64 }), // the code's name
  says: text({ max: 512 }), // what to do
  retryAfterMs: later(counter()),
  highest: later(counter()), // with outOfOrder: the highest number accepted; with numberPassed: your new number must be above it
});
export type Refused = FrameOf<typeof Refused>;

/** Device → server. Answered by `pong`. */
export const Ping = frame(4, 'ping', { request: counter() });
export type Ping = FrameOf<typeof Ping>;

/** Server → device. */
export const Pong = frame(5, 'pong', { request: counter(), serverTimeMs: counter() });
export type Pong = FrameOf<typeof Pong>;

/** Server → device: connect again after `afterMs`, to any node; this connection ends soon. */
export const Move = frame(6, 'move', {
  afterMs: counter(),
  url: later(text({ max: limits.urlMax })), // of the sockets of another node; if it is nil, or nobody answers there, the address that the device knows
});
export type Move = FrameOf<typeof Move>;
