// Frames that may be lost: what is open, who types, who is there.
import { limits } from './limits.ts';
import { counter, type FrameOf, flag, frame, id, list, maybe } from './schema.ts';

/** Device → server: the chat that is open on it, nil for none. Unanswered. */
export const Focus = frame(80, 'focus', { chatId: maybe(id('chat')) });
export type Focus = FrameOf<typeof Focus>;

/** Device → server: typing goes on (repeat it every few seconds) or has stopped. Unanswered, droppable. */
export const Typing = frame(81, 'typing', { chatId: id('chat'), on: flag() });
export type Typing = FrameOf<typeof Typing>;

/** Server → device. Holds for `ttlMs` unless repeated. */
export const TypingBy = frame(82, 'typingBy', { chatId: id('chat'), userId: id('user'), on: flag(), ttlMs: counter() });
export type TypingBy = FrameOf<typeof TypingBy>;

/** Device → server: whose presence it shows; replaces the former list. Only users that share a chat with this one are told of. Answered by a `presence` frame each. */
export const Watch = frame(83, 'watch', { userIds: list(id('user'), { max: limits.watchMax }) });
export type Watch = FrameOf<typeof Watch>;

/** Server → device. */
export const PresenceFrame = frame(84, 'presence', { userId: id('user'), online: flag(), lastSeenMs: counter() });
export type PresenceFrame = FrameOf<typeof PresenceFrame>;
