// Typed ids: what they look like, and nothing about how they are drawn (no randomness here).
// An id is 21 characters of ASCII: its kind, then 120 bits in base64url.

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type UserId = Branded<'user'>;
export type DeviceId = Branded<'device'>;
/** A direct chat's (`p…`, a hash of the pair) or a group's (`g…`, drawn by the server). */
export type ChatId = Branded<'chat'>;

export type IdKind = 'user' | 'device' | 'chat';
export type IdOf<Kind extends IdKind> = Kind extends 'user' ? UserId : Kind extends 'device' ? DeviceId : ChatId;

export const idLength = 21;
const prefixes: Record<IdKind, string> = { user: 'u', device: 'd', chat: 'pg' };

/** Whether `text` has the form of an id of that kind. Says nothing about whether such a thing exists. */
export function isId(kind: IdKind, text: string): boolean {
  if (text.length !== idLength || !prefixes[kind].includes(text.charAt(0))) return false;
  for (let at = 1; at < idLength; at += 1) {
    const code = text.charCodeAt(at);
    const letter = (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
    if (!letter && !(code >= 48 && code <= 57) && code !== 45 && code !== 95) return false;
  }
  return true;
}

/** The id with `prefix` made from the first 120 bits of `bits`, which the caller drew or hashed. */
export function idFrom<Kind extends IdKind>(prefix: 'u' | 'd' | 'p' | 'g', bits: Uint8Array): IdOf<Kind> {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  let text: string = prefix;
  for (let at = 0; at < 15; at += 3) {
    const triple = ((bits[at] ?? 0) << 16) | ((bits[at + 1] ?? 0) << 8) | (bits[at + 2] ?? 0);
    for (let shift = 18; shift >= 0; shift -= 6) text += alphabet.charAt((triple >> shift) & 63);
  }
  return text as IdOf<Kind>;
}

export function isDirect(chatId: ChatId): boolean {
  return chatId.charCodeAt(0) === 112;
}
