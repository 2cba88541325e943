// Frames about how far users have received and read. One number each per user and chat; they only rise.
import { counter, type FrameOf, frame, id } from './schema.ts';

/** Device → server: everything up to `seq` is on this device. Unanswered; at most one a second and chat, the highest. */
export const Delivered = frame(64, 'delivered', { chatId: id('chat'), seq: counter() });
export type Delivered = FrameOf<typeof Delivered>;

/** Device → server: everything up to `seq` was read. Unanswered. */
export const Read = frame(65, 'read', { chatId: id('chat'), seq: counter() });
export type Read = FrameOf<typeof Read>;

/** Server → device: how far a user has got, to the other members of a small chat and to the user's own other devices. They may come in any order: keep the larger numbers. */
export const Receipt = frame(66, 'receipt', { chatId: id('chat'), userId: id('user'), delivered: counter(), read: counter(), receiptsVersion: counter() });
export type Receipt = FrameOf<typeof Receipt>;
