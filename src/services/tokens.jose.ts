// Access tokens as JWT signed with Ed25519, with a MAC over the whole of it behind: a node looks at that, which costs 4 µs, and at the signature only where there is none
// (docs/adr/0002-access-token-verification.md). jose signs and handles keys.
import { createHmac, createPublicKey, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual, verify } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { limits as protocolLimits } from '../protocol/limits.ts';
import type { SigningKey, TokenStore } from '../store/tokens.ts';
import { type DeviceId, isId, type UserId } from '../structures/ids.ts';
import { type AccessTokens, type Judged, type RandomBytes, type TokenLimits, tokenLimits } from './tokens.ts';

export interface JoseNeeds {
  readonly store: Pick<TokenStore, 'keys' | 'addKey'>;
  /** The `iss` of every token; a token of another issuer is wrong. */
  readonly issuer: string;
  readonly nowMs: () => number;
  /** A clock that never falls: for spans. Default: `nowMs`. */
  readonly risingMs?: () => number;
  readonly randomBytes: RandomBytes;
  /** Whether all nodes that may see a token know the MAC; default: they do. */
  readonly writesMac?: () => boolean;
  readonly limits?: TokenLimits;
}

interface Key {
  readonly keyId: string;
  readonly signing: CryptoKey;
  readonly verifying: KeyObject;
  /** Of the MAC, by HMAC-SHA-256. Derived from the private key: who has it could sign as well. */
  readonly mac: KeyObject;
  readonly successorKey: Uint8Array;
  /** No longer good from then on. */
  readonly untilMs: number;
}

const algorithm = 'EdDSA';
const signatureChars = 86; // 64 bytes in base64url
/** Stands between the JWT and its MAC; neither has it. */
const macMark = '~';

/** Reads the keys, making the first one where there is none. */
export async function joseAccessTokens(needs: JoseNeeds): Promise<AccessTokens> {
  const access = new JoseAccessTokens(needs);
  await access.reload();
  return access;
}

class JoseAccessTokens implements AccessTokens {
  readonly #needs: JoseNeeds;
  readonly #limits: TokenLimits;
  #keys: readonly Key[] = []; // newest first
  /** By the whole text of a token's first part: a header that is not letter by letter one of ours is wrong without being parsed. */
  #byHeader: ReadonlyMap<string, Key> = new Map();
  readonly #risingMs: () => number;
  #readAtMs = 0;
  #reading: Promise<void> | undefined;

  constructor(needs: JoseNeeds) {
    this.#needs = needs;
    this.#risingMs = needs.risingMs ?? needs.nowMs;
    this.#limits = needs.limits ?? tokenLimits;
  }

  async sign(userId: UserId, deviceId: DeviceId, logIn: number): Promise<{ readonly token: string; readonly expiresAtMs: number }> {
    const { issuer, nowMs, randomBytes, writesMac } = this.#needs;
    const key = await this.#newest();
    const issuedAt = Math.floor(nowMs() / 1_000);
    const expiresAt = issuedAt + Math.floor(this.#limits.accessMs / 1_000);
    const jwt = await new SignJWT({ dev: deviceId, log: logIn })
      .setProtectedHeader({ alg: algorithm, typ: 'at+jwt', kid: key.keyId })
      .setSubject(userId)
      .setIssuer(issuer)
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .setJti(Buffer.from(randomBytes(12)).toString('base64url'))
      .sign(key.signing);
    const token = (writesMac?.() ?? true) ? `${jwt}${macMark}${macOf(key, jwt)}` : jwt;
    return { token, expiresAtMs: expiresAt * 1_000 };
  }

  verify(token: string): Judged | Promise<Judged> {
    if (token.length > protocolLimits.tokenMax) return 'wrong';
    const known = this.#byHeader.get(headerOf(token));
    if (known !== undefined) return this.#judge(token, known);
    if (this.#risingMs() - this.#readAtMs < this.#limits.keysReloadMinMs) return 'wrong';
    return this.#reloadAndJudge(token);
  }

  async successorKeys(fresh?: boolean): Promise<readonly Uint8Array[]> {
    await this.#newest(fresh);
    return this.#keys.map(({ successorKey }) => successorKey);
  }

  /** One at a time, whoever asks. */
  reload(): Promise<void> {
    this.#reading ??= this.#reload().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #reload(): Promise<void> {
    const { store, nowMs } = this.#needs;
    let stored = newestFirst(await store.keys());
    const newest = stored[0];
    if (newest === undefined || nowMs() - newest.createdAtMs >= this.#limits.keyMs) {
      await store.addKey(await this.#make());
      stored = newestFirst(await store.keys()); // another node may have added one too: all take the same
    }
    const untils = stored.map((key, at) => ({ key, untilMs: at === 0 ? Number.POSITIVE_INFINITY : (stored[at - 1] as SigningKey).createdAtMs + this.#limits.keyOverlapMs }));
    this.#keys = await Promise.all(untils.map(({ key, untilMs }) => imported(key, untilMs))); // all: whether one is still good is a matter of the clock at the time of asking
    this.#byHeader = new Map(this.#keys.map((key) => [headerText(key.keyId), key]));
    this.#readAtMs = this.#risingMs();
  }

  async #make(): Promise<SigningKey> {
    const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
    const keyId = Buffer.from(this.#needs.randomBytes(9)).toString('base64url');
    return { keyId, jwk: JSON.stringify(await exportJWK(privateKey)), createdAtMs: this.#needs.nowMs() };
  }

  async #newest(fresh = false): Promise<Key> {
    if (fresh || this.#risingMs() - this.#readAtMs >= this.#limits.keysReloadMs) await this.reload();
    const [newest] = this.#keys;
    if (newest === undefined) throw new Error('there is no signing key');
    return newest;
  }

  async #reloadAndJudge(token: string): Promise<Judged> {
    await this.reload();
    const known = this.#byHeader.get(headerOf(token));
    return known === undefined ? 'wrong' : this.#judge(token, known);
  }

  #judge(token: string, key: Key): Judged {
    const nowMs = this.#needs.nowMs();
    const mark = token.indexOf(macMark);
    const jwt = mark < 0 ? token : token.slice(0, mark);
    if (nowMs >= key.untilMs) return 'wrong';
    // Whoever could write the MAC could sign, so it says what the signature says. A wrong one is not made up for by that.
    if (mark < 0 ? !isSigned(key, jwt) : !hasMac(key, jwt, token.slice(mark + 1))) return 'wrong';
    return judgeClaims(jwt.slice(jwt.indexOf('.') + 1, jwt.lastIndexOf('.')), this.#needs.issuer, nowMs, this.#limits);
  }
}

function macOf({ mac }: Key, jwt: string): string {
  return createHmac('sha256', mac).update(jwt).digest('base64url');
}

function hasMac(key: Key, jwt: string, mac: string): boolean {
  const [due, stated] = [Buffer.from(macOf(key, jwt)), Buffer.from(mac)]; // as text: what decodes alike but is written otherwise is wrong
  return stated.byteLength === due.byteLength && timingSafeEqual(stated, due);
}

function isSigned({ verifying }: Key, jwt: string): boolean {
  const end = jwt.lastIndexOf('.');
  const signature = Buffer.from(jwt.slice(end + 1), 'base64url');
  // One text for one signature: what decodes alike but is written otherwise is wrong.
  if (jwt.length - end - 1 !== signatureChars || signature.toString('base64url') !== jwt.slice(end + 1)) return false;
  return verify(null, Buffer.from(jwt.slice(0, end)), verifying, signature);
}

/** Of a token that is authentic: written by us, but perhaps by another version of us. */
function judgeClaims(part: string, issuer: string, nowMs: number, { leewayMs, aheadMs }: TokenLimits): Judged {
  let claims: Record<string, unknown>;
  try {
    claims = JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
  } catch {
    return 'wrong';
  }
  if (typeof claims !== 'object' || claims === null) return 'wrong';
  const { iss, sub, dev, iat, exp, log } = claims;
  if (iss !== issuer || typeof sub !== 'string' || typeof dev !== 'string' || !isId('user', sub) || !isId('device', dev)) return 'wrong';
  if (!Number.isSafeInteger(iat) || !Number.isSafeInteger(exp) || (log !== undefined && !Number.isSafeInteger(log))) return 'wrong';
  const issuedAtMs = (iat as number) * 1_000;
  const expiresAtMs = (exp as number) * 1_000;
  // Out of its time either way: a fresh one will do. Which of the two clocks is wrong nobody knows.
  if (issuedAtMs > nowMs + aheadMs || expiresAtMs + leewayMs <= nowMs) return 'expired';
  return { userId: sub as UserId, deviceId: dev as DeviceId, issuedAtMs, expiresAtMs, ...(log !== undefined && { logIn: log as number }) };
}

function headerOf(token: string): string {
  return token.slice(0, Math.max(0, token.indexOf('.')));
}

function headerText(keyId: string): string {
  return Buffer.from(JSON.stringify({ alg: algorithm, typ: 'at+jwt', kid: keyId })).toString('base64url');
}

async function imported({ keyId, jwk: text }: SigningKey, untilMs: number): Promise<Key> {
  const jwk = JSON.parse(text) as JWK;
  const { d = '', x = '' } = jwk;
  const derived = (purpose: string): Uint8Array => new Uint8Array(hkdfSync('sha256', Buffer.from(d, 'base64url'), '', purpose, 32));
  return {
    keyId,
    signing: (await importJWK(jwk, algorithm)) as CryptoKey,
    verifying: createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }),
    mac: createSecretKey(derived('parley access token mac')),
    successorKey: derived('parley refresh token successor'),
    untilMs,
  };
}

/** By time, then by id, so that every node takes the same one. */
function newestFirst(keys: readonly SigningKey[]): readonly SigningKey[] {
  return [...keys].sort((a, b) => b.createdAtMs - a.createdAtMs || (a.keyId < b.keyId ? -1 : 1));
}
