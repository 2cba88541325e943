// Whether a signature by Ed25519 is good. libsodium says it in half the time that OpenSSL takes; where it does not load, OpenSSL does.
import { createPublicKey, verify } from 'node:crypto';
import { createRequire } from 'node:module';

/** Of one key, 32 bytes. A signature of another length than 64 bytes is never good. */
export type VerifierOf = (publicKey: Uint8Array) => (message: Uint8Array, signature: Uint8Array) => boolean;

/** What of the package is used; it comes without types. It throws for a signature or key of another length. */
interface Sodium {
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
}

export const signatureBytes = 64;

export interface Signatures {
  readonly verifierOf: VerifierOf;
  /** Why it is the slower one. */
  readonly fallbackBecause?: string;
}

export function signatures(load: () => Sodium = loadSodium): Signatures {
  try {
    const sodium = load();
    const verifierOf: VerifierOf = (publicKey) => (message, signature) =>
      signature.byteLength === signatureBytes && sodium.crypto_sign_verify_detached(signature, message, publicKey);
    return { verifierOf };
  } catch (error) {
    return { verifierOf: opensslVerifierOf, fallbackBecause: (error as Error).message };
  }
}

function loadSodium(): Sodium {
  return createRequire(import.meta.url)('sodium-native') as Sodium;
}

function opensslVerifierOf(publicKey: Uint8Array): ReturnType<VerifierOf> {
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') }, format: 'jwk' });
  return (message, signature) => verify(null, message, key, signature);
}
