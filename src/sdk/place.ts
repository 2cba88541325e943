// The arithmetic of one chat's place: what the next entry does to the cursor, the watermarks and what is known of the chat. Pure.
import { decodeMembersBody, type MembersBody, membersContentType } from '../protocol/members.ts';
import { type Entry, entryKinds } from '../protocol/messages.ts';
import { type ChatId, type DeviceId, isDirect, type UserId } from '../structures/ids.ts';
import type { ChatPlace } from './storage.ts';

/** Who this device is. */
export interface Me {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
}

/** In an own entry that was put together from the outbox: `sent` does not say it, the entry before does. */
export const countableUnknown = -1;

export function emptyPlace(chatId: ChatId): ChatPlace {
  return {
    chatId,
    seq: 0,
    heard: 0,
    floor: 0,
    countable: 0,
    atMs: 0,
    accepted: 0,
    fromOthers: 0,
    read: 0,
    readCountable: 0,
    ownAfterRead: 0,
    deliveredTold: 0,
    readTold: 0,
    title: '',
    peer: null,
    member: true,
  };
}

/** What the sending device is not sent: its own message, as `sent` places it. */
export function ownEntry(me: Me, sent: Pick<Entry, 'chatId' | 'seq' | 'number' | 'atMs' | 'contentType' | 'body'>): Entry {
  const { chatId, seq, number, atMs, contentType, body } = sent;
  return { chatId, seq, entryKind: entryKinds.message, author: me.userId, device: me.deviceId, number, countable: countableUnknown, atMs, contentType, body };
}

/** The place of a chat of which only the newest entries are fetched. */
export function begunAt(place: ChatPlace, floor: number): ChatPlace {
  return { ...place, seq: floor, floor, countable: null, readCountable: place.read === 0 ? 0 : null };
}

/** Whether the entry can be the next one: an own one without its count needs the count before it. */
export function fits(place: ChatPlace, entry: Entry): boolean {
  return entry.seq === place.seq + 1 && (entry.countable !== countableUnknown || place.countable !== null);
}

export function counted(place: ChatPlace, entry: Entry): Entry {
  return entry.countable === countableUnknown ? { ...entry, countable: (place.countable ?? 0) + 1 } : entry;
}

/** The place after `entry`, which stands above its cursor. */
export function after(place: ChatPlace, entry: Entry, me: Me): ChatPlace {
  const { seq, countable, atMs, author, device, number } = entry;
  const own = author === me.userId;
  const next = {
    ...place,
    seq,
    heard: Math.max(place.heard, seq),
    countable,
    atMs: Math.max(place.atMs, atMs),
    accepted: device === me.deviceId ? Math.max(place.accepted, number) : place.accepted,
    fromOthers: device === me.deviceId ? place.fromOthers : seq,
  };
  return aboutMembers(watermarks(place, next, entry, own), entry, me);
}

/** Who writes with everything read has read what it wrote; who writes over unread messages has still not read those. */
function watermarks(place: ChatPlace, next: ChatPlace, entry: Entry, own: boolean): ChatPlace {
  const read = own && place.read >= place.seq ? Math.max(place.read, entry.seq) : place.read;
  if (entry.seq <= read) return { ...next, read, readCountable: entry.countable, ownAfterRead: 0 };
  return own && entry.entryKind === entryKinds.message ? { ...next, ownAfterRead: place.ownAfterRead + 1 } : next;
}

function aboutMembers(place: ChatPlace, entry: Entry, me: Me): ChatPlace {
  const body = membersOf(entry);
  if (body === undefined) return place;
  const concernsMe = body.members.some(([userId]) => userId === me.userId);
  switch (entry.entryKind) {
    case entryKinds.created: {
      const peer = isDirect(entry.chatId) ? (body.members.find(([userId]) => userId !== me.userId)?.[0] ?? me.userId) : place.peer;
      const named = { ...place, title: body.title === '' ? place.title : body.title, peer };
      return concernsMe ? joined(named, entry) : named;
    }
    case entryKinds.added:
      return concernsMe ? joined(place, entry) : place;
    case entryKinds.removed:
    case entryKinds.left:
      return concernsMe ? { ...place, member: false } : place;
    default:
      return place;
  }
}

/** Who comes in has read what stood before; the server counts it so. */
function joined(place: ChatPlace, { seq, countable }: Entry): ChatPlace {
  const told = { deliveredTold: Math.max(place.deliveredTold, seq), readTold: Math.max(place.readTold, seq) };
  return { ...place, ...told, member: true, read: Math.max(place.read, seq), readCountable: place.read > seq ? place.readCountable : countable, ownAfterRead: 0 };
}

export function membersOf(entry: Entry): MembersBody | undefined {
  return entry.contentType === membersContentType ? decodeMembersBody(entry.body) : undefined;
}

/** Countable entries of others that stand after the read watermark, as far as this device knows. */
export function unreadOf({ seq, read, countable, readCountable, ownAfterRead }: ChatPlace): number {
  if (read >= seq || countable === null || readCountable === null) return 0;
  return Math.max(0, countable - readCountable - ownAfterRead);
}

/** The place with a higher read watermark. `between` are the kept entries from the new watermark's on (itself included) up to the cursor; not needed when that is at the cursor or beyond. */
export function readUpTo(place: ChatPlace, read: number, between: readonly Entry[], me: Me): ChatPlace {
  if (read <= place.read) return place;
  if (read >= place.seq) return { ...place, read, readCountable: read === place.seq ? place.countable : null, ownAfterRead: 0 };
  const at = between.find(({ seq }) => seq === read);
  const ownAfterRead = between.filter(({ seq, author, entryKind }) => seq > read && author === me.userId && entryKind === entryKinds.message).length;
  return { ...place, read, readCountable: at?.countable ?? null, ownAfterRead };
}
