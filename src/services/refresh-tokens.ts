// What a refresh token is: the id of its family and a secret. How the next one follows from it.
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';

const familyBytes = 21; // six of time, fifteen drawn
export const secretBytes = 32;
const form = /^f[\w-]{28}\.[\w-]{43}$/;

export interface RefreshToken {
  readonly familyId: string;
  readonly secret: Uint8Array;
}

/** A new family's id: `f`, then in base64url the ms since 1970 (48 bits) and the first 120 bits of `bits`. The time is what the absolute lifetime counts from. */
export function familyIdAt(nowMs: number, bits: Uint8Array): string {
  const raw = Buffer.alloc(familyBytes);
  raw.writeUIntBE(nowMs, 0, 6);
  raw.set(bits.subarray(0, familyBytes - 6), 6);
  return `f${raw.toString('base64url')}`;
}

/** When the family began. */
export function bornAtMs(familyId: string): number {
  return Buffer.from(familyId.slice(1), 'base64url').readUIntBE(0, 6);
}

export function refreshText({ familyId, secret }: RefreshToken): string {
  return `${familyId}.${Buffer.from(secret).toString('base64url')}`;
}

/** Undefined for what has not the form of a refresh token. */
export function parseRefresh(text: string): RefreshToken | undefined {
  if (!form.test(text)) return undefined;
  const [familyId = '', secret = ''] = text.split('.');
  return { familyId, secret: Buffer.from(secret, 'base64url') };
}

/** What the store keeps of a secret: SHA-256 in base64url. The secret has 256 random bits, so nothing slower is needed. */
export function hashOf(secret: Uint8Array): string {
  return Buffer.from(sha256(secret)).toString('base64url');
}

/**
 * The secret that follows: a MAC of the one before under a key that only the server has. To everyone else it is random; the server finds the same again when an answer was lost,
 * without keeping it anywhere.
 */
export function successorOf(key: Uint8Array, { familyId, secret }: RefreshToken): Uint8Array {
  return hmac(sha256, key, Buffer.concat([Buffer.from(familyId), secret]));
}
