// The table of `npm run cluster`: what each node says of itself, in a line; drawn in place on a terminal, only at changes in a log.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster } from '../../scripts/services/cluster.ts';
import type { ClusterNode } from '../../scripts/services/cluster-node.ts';
import { ClusterTable } from '../../scripts/services/cluster-table.ts';

interface Fake {
  readonly name: string;
  readonly isRunning: boolean;
  readonly reasons?: readonly string[];
  readonly answers?: boolean;
}

function clusterOf(nodes: readonly Fake[]): Cluster {
  const seen = nodes.filter(({ isRunning }) => isRunning).map(({ name }) => ({ node: name, state: 'up', sessions: 2, chats: 3, isSuspected: false }));
  const shards = Object.fromEntries(seen.map(({ node }) => [node, 4_096 / seen.length]));
  let entries = 0;
  const fakes = nodes.map(({ name, isRunning, reasons = [], answers = true }) => ({
    name,
    isRunning,
    apiUrl: `http://${name}`,
    parley: { pid: 4_711 },
    view: async () => (answers ? { node: name, standing: 'whole', level: 1, shards, nodes: seen } : Promise.reject(new Error('silent'))),
    ready: async () => ({ ready: reasons.length === 0, reasons }),
    metrics: async () =>
      new Map([
        ['parley_sessions', 2],
        ['parley_chats_awake', 3],
        ['parley_entries_total', (entries += 1_000)],
        ['parley_superseded_total', 5],
      ]),
  }));
  return { nodes: fakes as unknown as ClusterNode[] } as Cluster;
}

function screen(isTTY: boolean): { readonly isTTY: boolean; text: string; write(text: string): void } {
  return {
    isTTY,
    text: '',
    write(text) {
      this.text += text;
    },
  };
}

test('each node has its line: shards, sessions, and why it is not ready', async () => {
  const shown = screen(false);
  const nodes = [
    { name: 'n1', isRunning: true },
    { name: 'n2', isRunning: true, reasons: ['draining'] },
    { name: 'n3', isRunning: false },
    { name: 'n4', isRunning: true, answers: false },
  ];
  const table = new ClusterTable(clusterOf(nodes), shown);
  await table.draw();
  const [head, n1, n2, n3, n4] = shown.text.split('\n');
  assert.match(head ?? '', /^node +pid +state +shards +sessions +chats +entries\/s/);
  assert.match(n1 ?? '', /^n1 +4711 +up, sees 3 +1365\.\d+ +2 +3 .*http:\/\/n1$/);
  assert.match(n2 ?? '', /^n2 +4711 +draining /);
  assert.match(n3 ?? '', /^n3 +not running$/);
  assert.match(n4 ?? '', /^n4 +4711 +does not answer$/);
});

test('in a log it is said again only when nodes change; on a terminal it is drawn in place, with rates', async () => {
  const cluster = clusterOf([{ name: 'n1', isRunning: true }]);
  const [log, terminal] = [screen(false), screen(true)];
  const inLog = new ClusterTable(cluster, log);
  await inLog.draw();
  const { length } = log.text;
  await inLog.draw();
  assert.equal(log.text.length, length);
  const inPlace = new ClusterTable(cluster, terminal);
  await inPlace.draw();
  await inPlace.draw();
  assert.ok(terminal.text.includes('\u001b[2A'), 'up by its two lines');
  assert.match(terminal.text.split('\u001b[2A')[1] ?? '', /n1 .* 3 +\d{3,}/, 'entries a second');
});
