// Frames and entry bodies about who is in a chat.
import { decode, encode } from '@msgpack/msgpack';
import { isId, type UserId } from '../structures/ids.ts';
import { limits } from './limits.ts';
import { counter, type FrameOf, frame, id, list, oneOf, row, text, type ValueOf } from './schema.ts';

export const roles = ['owner', 'admin', 'member'] as const;
export type Role = (typeof roles)[number];

/** Device → server: make a group. Answered by `sent` for its first entry, whose chat id is the new group's. */
export const CreateGroup = frame(32, 'createGroup', {
  number: counter(), // as in `send`: sending it again makes no second group
  title: text({ max: limits.titleMax, min: 1 }),
  userIds: list(id('user'), { max: limits.membersPerCommandMax }), // beside the creator, who becomes the owner
});
export type CreateGroup = FrameOf<typeof CreateGroup>;

/** Device → server: owners and admins add. Answered by `sent`. */
export const AddMembers = frame(33, 'addMembers', {
  chatId: id('chat'),
  number: counter(),
  after: counter(),
  userIds: list(id('user'), { min: 1, max: limits.membersPerCommandMax }),
});
export type AddMembers = FrameOf<typeof AddMembers>;

/** Device → server: owners remove anybody, admins remove members. Answered by `sent`. */
export const RemoveMember = frame(34, 'removeMember', { chatId: id('chat'), number: counter(), after: counter(), userId: id('user') });
export type RemoveMember = FrameOf<typeof RemoveMember>;

/** Device → server: leave a group. The last owner's place goes to the longest-standing admin, else member. Answered by `sent`. */
export const LeaveChat = frame(35, 'leaveChat', { chatId: id('chat'), number: counter(), after: counter() });
export type LeaveChat = FrameOf<typeof LeaveChat>;

/** Device → server: owners give and take roles. Answered by `sent`. */
export const SetRole = frame(36, 'setRole', { chatId: id('chat'), number: counter(), after: counter(), userId: id('user'), role: oneOf(...roles) });
export type SetRole = FrameOf<typeof SetRole>;

/** Device → server: who is in the chat, and how far each has got. Answered by `members`. */
export const GetMembers = frame(40, 'getMembers', { request: counter(), chatId: id('chat') });
export type GetMembers = FrameOf<typeof GetMembers>;

export const memberRow = row({ userId: id('user'), role: oneOf(...roles), joinedSeq: counter(), delivered: counter(), read: counter() });
export type MemberRow = ValueOf<typeof memberRow>;

/** Server → device. */
export const MembersFrame = frame(41, 'members', {
  request: counter(),
  chatId: id('chat'),
  seq: counter(), // as of this entry
  receiptsVersion: counter(), // for the next `resume`
  title: text({ max: limits.titleMax }),
  members: list(memberRow, { max: limits.groupMembersMax }),
});
export type MembersFrame = FrameOf<typeof MembersFrame>;

/** The content type of entries about members; their body is `[title, [[userId, role], …]]` in MessagePack, title empty where it does not change. */
export const membersContentType = 'application/vnd.parley.members';

export interface MembersBody {
  readonly title: string;
  readonly members: readonly (readonly [UserId, Role])[];
}

export function encodeMembersBody({ title, members }: MembersBody): Uint8Array {
  return encode([title, members]);
}

/** Undefined for bytes of another form: an entry that cannot be read changes nothing. */
export function decodeMembersBody(body: Uint8Array): MembersBody | undefined {
  let value: unknown;
  try {
    value = decode(body);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || typeof value[0] !== 'string' || !Array.isArray(value[1])) return undefined;
  const good = value[1].every((pair: unknown) => Array.isArray(pair) && typeof pair[0] === 'string' && isId('user', pair[0]) && roles.includes(pair[1] as Role));
  return good ? { title: value[0], members: value[1] as [UserId, Role][] } : undefined;
}
