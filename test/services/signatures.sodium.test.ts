// libsodium and OpenSSL say the same of every signature.
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { test } from 'node:test';
import { signatures } from '../../src/services/signatures.sodium.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
const absent = (): never => {
  throw new Error('not here');
};
const both = [signatures(), signatures(absent)];

test('libsodium loads here; where it does not, OpenSSL verifies, and it is said why', () => {
  assert.deepEqual(
    both.map(({ fallbackBecause }) => fallbackBecause),
    [undefined, 'not here'],
  );
});

test('a signature is good for its message alone, whoever verifies it, and no bit of it can be changed', () => {
  const [sodium, openssl] = both.map(({ verifierOf }) => verifierOf(raw)) as [ReturnType<(typeof both)[0]['verifierOf']>, ReturnType<(typeof both)[0]['verifierOf']>];
  for (let n = 0; n < 50; n += 1) {
    const message = randomBytes(n);
    const good = sign(null, message, privateKey);
    const changed = Buffer.from(good);
    const at = (n * 11) % changed.byteLength;
    changed[at] = (changed[at] ?? 0) ^ (1 << (n % 8));
    const cases: readonly (readonly [Uint8Array, Uint8Array, boolean])[] = [
      [message, good, true],
      [message, changed, false],
      [Buffer.concat([message, Buffer.of(0)]), good, false],
      [message, good.subarray(1), false],
      [message, Buffer.concat([good, Buffer.of(0)]), false],
      [message, Buffer.alloc(64), false],
    ];
    for (const [text, signature, isGood] of cases) assert.deepEqual([sodium(text, signature), openssl(text, signature)], [isGood, isGood]);
  }
});

test('nor is one of another key', () => {
  const other = Buffer.from(generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const message = randomBytes(200);
  for (const { verifierOf } of both) assert.equal(verifierOf(other)(message, sign(null, message, privateKey)), false);
});
