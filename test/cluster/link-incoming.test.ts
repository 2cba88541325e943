// What a node knows of those that speak to it is bounded.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeEnvelope, joined } from '../../src/cluster/envelope-codec.ts';
import { Incoming } from '../../src/cluster/link-incoming.ts';
import { ann, room } from './envelopes.ts';

const nodesMax = 4_096;

test('of more nodes than it keeps in mind, the one that was heard last the longest ago is forgotten', () => {
  let heard = 0;
  const ignore = (): void => undefined;
  const receiver = { fromNode: () => void (heard += 1), forUser: ignore, forChat: ignore, forWatchers: ignore };
  const incoming = new Incoming({ receiver, events: { fromAll: ignore }, tellLost: (why) => assert.fail(why), onFault: (fault) => assert.fail(fault) });
  const confirm = encodeEnvelope('node', { kind: 'toChat', chatId: room, forwarded: false, command: { kind: 'confirm', userId: ann } });
  const isHeard = (node: number, number: number): boolean => {
    const before = heard;
    incoming.fromNode(joined([confirm], { kind: 'from', node: `n${node}`, life: 7, number }));
    return heard > before;
  };
  for (let node = 0; node < nodesMax; node += 1) assert.ok(isHeard(node, 1));
  assert.ok(isHeard(0, 2));
  assert.ok(isHeard(nodesMax, 1), 'pushes out the second');
  assert.ok(!isHeard(0, 2) && !isHeard(nodesMax, 1) && !isHeard(2, 1), 'known: they have said it before');
  assert.ok(isHeard(1, 1), 'and is heard as if for the first time');
  assert.deepEqual([incoming.counts.envelopes, incoming.counts.again, incoming.counts.gaps], [nodesMax + 6, 3, 0]);
});
