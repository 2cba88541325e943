// What leaves for other nodes leaves memory as well, once the server has confirmed it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outgoing } from '../../src/cluster/link-outgoing.ts';
import { keptByYoung } from '../structures/young.ts';

test('young collections take what former turns have said to another node, however long both have been busy', () => {
  const envelopeBytes = 32 * 1024;
  const turns = 400;
  let published = 0;
  const outgoing = new Outgoing({ bytesMax: 1024 * 1024, publish: () => void (published += 1), headOf: () => undefined });
  outgoing.open();
  const kept = keptByYoung(turns, () => {
    outgoing.add('node', new Uint8Array(envelopeBytes).fill(1));
    outgoing.endTurn();
    outgoing.confirm(outgoing.mark());
  });
  assert.equal(published, turns + 1);
  assert.ok(kept < (turns * envelopeBytes) / 4, `${Math.round(kept / envelopeBytes)} envelopes of ${turns} are still there`);
});
