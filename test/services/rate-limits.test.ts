// What counts as one address, and how an operator changes the table.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressKey, rateRules, scaledRules } from '../../src/services/rate-limits.ts';

test('an IPv4 address counts by itself, mapped into IPv6 or not', () => {
  assert.equal(addressKey('192.0.2.7'), '192.0.2.7');
  assert.equal(addressKey('::ffff:192.0.2.7'), '192.0.2.7');
});

test('the IPv6 addresses of one customer count as one, however they are written', () => {
  const one = addressKey('2001:db8:0:7:1:2:3:4');
  assert.equal(one, '2001:db8:0:7::/64');
  for (const same of ['2001:DB8:0:7::1', '2001:db8:0000:0007:ffff:ffff:ffff:ffff', '2001:db8::7:1:2:3:4', '2001:db8:0:7::%eth0']) assert.equal(addressKey(same), one, same);
  for (const other of ['2001:db8:0:8::1', '2001:db8::1', '::1']) assert.notEqual(addressKey(other), one, other);
  assert.equal(addressKey('::1'), addressKey('0:0:0:0:0:0:0:1'));
});

test('a factor scales every rule and leaves at least one point', () => {
  assert.equal(scaledRules(10).registerByAddress.points, rateRules.registerByAddress.points * 10);
  for (const [name, rule] of Object.entries(scaledRules(0))) assert.equal(rule.points, 1, name);
});

test('each rule is counted under a name of its own', () => {
  for (const [name, rule] of Object.entries(rateRules)) assert.equal(rule.name, name);
});
