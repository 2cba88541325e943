// Families of refresh tokens: one a log-in, rotated at each use. Keys that sign access tokens.
import type { DeviceId, UserId } from '../structures/ids.ts';

export interface TokenFamily {
  readonly familyId: string;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  /** SHA-256 of the one refresh token that is good now. */
  readonly currentHash: string;
  readonly expiresAtMs: number;
  readonly revoked: boolean;
}

/** As it stands, with what only the store can say. */
export interface KeptFamily extends TokenFamily {
  /**
   * For how long the current hash has been that, by the store's own clock: those of the nodes may be wrong, each in its way. Where the store is in the process itself, as counted by a
   * clock that does not jump, at most since the opening: it does not know for how long it was closed.
   */
  readonly currentForMs: number;
}

/** A signing key as JWK text; the newest signs, all verify until they expire. */
export interface SigningKey {
  readonly keyId: string;
  readonly jwk: string;
  readonly createdAtMs: number;
}

/** Contract: test/store/tokens.contract.ts. */
export interface TokenStore {
  create(family: TokenFamily): Promise<void>;
  get(familyId: string): Promise<KeptFamily | undefined>;
  /** Puts `next` in the place of `current`; false, changing nothing, when `current` is not the current one: exactly one of two that race wins. */
  rotate(familyId: string, currentHash: string, nextHash: string, expiresAtMs: number): Promise<boolean>;
  revoke(familyId: string): Promise<void>;
  /** All families of one device. */
  revokeDevice(userId: UserId, deviceId: DeviceId): Promise<void>;
  keys(): Promise<readonly SigningKey[]>;
  addKey(key: SigningKey): Promise<void>;
}
