// Addresses as text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressText, addressTextOf } from '../../src/transport/upgrade.ts';

test('an address is written in its shortest usual form, and IPv4 as IPv4 however it came', () => {
  const v6 = (...groups: number[]): Uint8Array => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
  assert.equal(addressTextOf(Uint8Array.of(203, 0, 113, 9)), '203.0.113.9');
  assert.equal(addressTextOf(v6(0, 0, 0, 0, 0, 0xffff, 0xcb00, 0x7109)), '203.0.113.9');
  assert.equal(addressTextOf(v6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), '2001:db8::1');
  assert.equal(addressTextOf(v6(0, 0, 0, 0, 0, 0, 0, 1)), '::1');
  assert.equal(addressTextOf(new Uint8Array(0)), '');
  assert.equal(addressText('::ffff:203.0.113.9'), '203.0.113.9');
  assert.equal(addressText('2001:db8::1'), '2001:db8::1');
});
