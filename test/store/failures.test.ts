// What became of a statement that failed, by what the driver says of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors, types } from 'cassandra-driver';
import { isAboutCredentials, outcomeOf, reasonOf, tlsFaultOf } from '../../src/store/errors.cql.ts';

const { responseErrorCodes } = types;
const response = (code: number, says = 'no'): Error => new (errors.ResponseError as unknown as new (code: number, message: string) => Error)(code, says);
const noHost = (innerErrors: Record<string, unknown> | null, message?: string): Error =>
  new (errors.NoHostAvailableError as unknown as new (innerErrors: unknown, message?: string) => Error)(innerErrors, message);
const coded = (code: string): Error => Object.assign(new Error(code), { code });

test('what cannot work is refused', () => {
  for (const error of [new TypeError('a value'), response(responseErrorCodes.syntaxError), response(responseErrorCodes.serverError, 'Mutation of 20.0 MiB is too large')])
    assert.equal(outcomeOf(error), 'refused');
});

test('what nobody began is absent, for certain', () => {
  const all = [
    response(responseErrorCodes.unavailableException),
    coded('ECONNREFUSED'),
    noHost({ a: 'Host considered as DOWN', b: coded('EHOSTUNREACH') }),
    noHost({}),
    noHost(null, 'Connecting after shutdown is not supported'),
  ];
  for (const error of all) assert.equal(outcomeOf(error), 'absent', error.message);
});

test('whatever else may have been carried out', () => {
  for (const error of [response(responseErrorCodes.writeTimeout), coded('ECONNRESET'), noHost({ a: 'Host considered as DOWN', b: coded('ECONNRESET') })])
    assert.equal(outcomeOf(error), 'unknown', error.message);
});

test('the reason is one line, also where the driver tried no node', () => {
  assert.equal(reasonOf(noHost({ a: 'down', b: coded('ECONNREFUSED') })), 'a: down; b: ECONNREFUSED');
  assert.equal(reasonOf(noHost({})), 'no node of the store is up');
  assert.equal(reasonOf(noHost(null, 'Connecting after shutdown is not supported')), 'no node of the store is up');
  assert.equal(reasonOf('text'), 'text');
});

test('credentials and TLS are told apart from all else, also among the reasons of several nodes', () => {
  assert.ok(isAboutCredentials(noHost({ a: response(responseErrorCodes.badCredentials) })));
  assert.ok(!isAboutCredentials(noHost(null)) && !isAboutCredentials(coded('ECONNREFUSED')));
  assert.match(tlsFaultOf(noHost({ a: coded('ERR_TLS_CERT_ALTNAME_INVALID') })) ?? '', /PARLEY_CQL_TLS_NAME/);
  assert.equal(tlsFaultOf(noHost(null)), undefined);
});
