// The table of peers and its place in a document.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { thisMachine } from '../../bench/output/machine.ts';
import { documentWith, type Table, tableOf } from '../../bench/peers/table.ts';

const cell = (side: string, value: number | null, voidWhy?: string) => ({ side, value, p99Ms: null, voidWhy });
const table: Table = {
  rows: ['one-to-one', 'idle'],
  columns: ['ws', 'Parley', 'NATS'].map((name) => ({ name, version: '1.2.3', says: 'as it is' })),
  cells: [
    [cell('ws', 40_000), cell('Parley', 20_000), cell('NATS', 120_000, 'the generator was busy'), cell('ejabberd', null, 'not there')],
    [cell('ws', null), cell('Parley', 3_000), cell('NATS', null)],
  ],
  machine: thisMachine(),
  at: new Date('2026-11-25'),
  seconds: 6,
};

test('values are multiples of ws, void ones say so, without ws they stand in full, and who is missing is named', () => {
  const text = tableOf(table);
  assert.match(text, /\| one-to-one \| 40,000 \| 0\.50 \| 3\.0 \(void\) \|/);
  assert.match(text, /\| idle \| – \| 3,000 \| – \|/);
  assert.match(text, /- void: NATS, one-to-one: the generator was busy\./);
  assert.match(text, /Could not be started here: ejabberd\./);
  assert.match(text, /on 2026-11-25: /);
  assert.doesNotMatch(text, /NO RATE/);
  assert.match(tableOf({ ...table, rateMax: 4_000 }), /NO RATE ABOVE 4,000/);
});

test('a document gets its table once, and a new one in its place', () => {
  const first = documentWith('# What it costs\n\nText.\n', 'OLD');
  assert.match(first, /^# What it costs\n\nText\.\n\n## Beside other servers\n\n<!-- .* -->\n\nOLD\n\n<!-- .* -->\n$/);
  const second = documentWith(`${first}\n## After\n`, 'NEW');
  assert.ok(second.includes('NEW') && !second.includes('OLD') && second.endsWith('## After\n'));
  assert.equal(documentWith('', 'T').startsWith('# Performance\n\n## Beside'), true);
});
