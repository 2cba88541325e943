// The settings of the way to NATS: what may be said, and what does not go together.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { type LinkOptions, linkOptionsOf, linkSettings } from '../../src/cluster/link-settings.ts';

const local = { PARLEY_NATS: 'nats://127.0.0.1:4222' };
const optionsOf = (environment: Readonly<Record<string, string>> = {}): LinkOptions => linkOptionsOf(z.object(linkSettings).parse({ ...local, ...environment })) as LinkOptions;

test('without PARLEY_NATS the node is alone, and other settings of NATS are then a mistake; with it, there is no login unless one is set', () => {
  assert.equal(linkOptionsOf(z.object(linkSettings).parse({})), undefined);
  assert.throws(() => linkOptionsOf(z.object(linkSettings).parse({ PARLEY_NATS_TOKEN: 't', PARLEY_NATS_TLS: 'yes' })), /PARLEY_NATS_TOKEN, PARLEY_NATS_TLS: set PARLEY_NATS too/);
  assert.deepEqual(optionsOf(), { servers: ['nats://127.0.0.1:4222'], login: { by: 'nothing' }, tls: undefined, prefix: 'parley', pendingBytesMax: 33_554_432 });
});

test('several servers, each way to log in, and TLS, which a certificate means too', () => {
  assert.deepEqual(optionsOf({ PARLEY_NATS: 'nats://a:4222, nats://b:4222' }).servers, ['nats://a:4222', 'nats://b:4222']);
  assert.deepEqual(optionsOf({ PARLEY_NATS_USER: 'u', PARLEY_NATS_PASSWORD: 'p' }).login, { by: 'password', user: 'u', password: 'p' });
  assert.deepEqual(optionsOf({ PARLEY_NATS_TOKEN: 't' }).login, { by: 'token', token: 't' });
  assert.deepEqual(optionsOf({ PARLEY_NATS_NKEY: 'f' }).login, { by: 'nkey', file: 'f' });
  assert.deepEqual(optionsOf({ PARLEY_NATS_CREDS: 'f' }).login, { by: 'creds', file: 'f' });
  assert.deepEqual(optionsOf({ PARLEY_NATS_TLS: 'yes' }).tls, {});
  assert.deepEqual(optionsOf({ PARLEY_NATS: 'tls://a:4222' }).tls, {});
  assert.deepEqual(optionsOf({ PARLEY_NATS_TLS_CA: 'ca' }).tls, { caFile: 'ca' });
  assert.deepEqual(optionsOf({ PARLEY_NATS_TLS_CERT: 'c', PARLEY_NATS_TLS_KEY: 'k' }).tls, { certFile: 'c', keyFile: 'k' });
});

test('what does not go together, or could carry a secret into a log, is refused by name', () => {
  assert.throws(() => optionsOf({ PARLEY_NATS_USER: 'u', PARLEY_NATS_TOKEN: 't' }), /PARLEY_NATS_USER, PARLEY_NATS_TOKEN.* one of them/);
  assert.throws(() => optionsOf({ PARLEY_NATS_PASSWORD: 'p' }), /set PARLEY_NATS_USER too/);
  assert.throws(() => optionsOf({ PARLEY_NATS_TLS_CERT: 'c' }), /PARLEY_NATS_TLS_CERT and PARLEY_NATS_TLS_KEY: set both/);
  for (const url of ['nats://user:password@a:4222', 'http://a', 'a:4222', ',']) assert.throws(() => optionsOf({ PARLEY_NATS: url }), /PARLEY_NATS/, url);
  for (const prefix of ['', 'a.b', 'a b', '>', 'a'.repeat(33)]) assert.throws(() => optionsOf({ PARLEY_NATS_PREFIX: prefix }), /PARLEY_NATS_PREFIX/, prefix);
  assert.throws(() => optionsOf({ PARLEY_NATS_PENDING_BYTES: '1000' }), /PARLEY_NATS_PENDING_BYTES/);
});
