// uWebSockets.js keeps the contract; where it has to load, it loads.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadUws } from '../../src/transport/load.uws.ts';
import { chooseTransport } from '../../src/transport/server.choice.ts';
import { uwsServer } from '../../src/transport/server.uws.ts';
import { socketServerContract } from './server.contract.ts';

const mustLoad = process.platform === 'linux' && process.arch === 'x64';
const chosen = chooseTransport('auto');

if (mustLoad || chosen.transport === 'uws') socketServerContract('uws', uwsServer(loadUws().uws), { idleTimeoutMs: 8_000 });

test('the native library is chosen where it loads, and it loads on linux-x64', (t) => {
  t.diagnostic(`transport: ${chosen.transport} (${chosen.library})`);
  if (mustLoad) assert.equal(chosen.transport, 'uws');
  assert.equal(chosen.transport === 'ws', chosen.fallbackBecause !== undefined);
});

test('without a native library the choice falls back and says why, unless it was wanted by name', () => {
  const absent = (): never => {
    throw new Error('needs a newer libc');
  };
  const { transport, library, fallbackBecause } = chooseTransport('auto', absent);
  assert.deepEqual([transport, library, fallbackBecause], ['ws', 'ws', 'needs a newer libc']);
  assert.throws(() => chooseTransport('uws', absent), /newer libc/);
});

test('ws can be wanted by name', () => {
  const { transport, fallbackBecause } = chooseTransport('ws');
  assert.deepEqual([transport, fallbackBecause], ['ws', undefined]);
});
