// The operator's command: what the cluster looks like, what a chat's log is like, drain, backup, restore.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { backup, restore } from './backups.ts';
import { check, drain, hottest, nodes, shards, shrink, where } from './cluster.ts';

const usage = `parley nodes                who is there, as one node sees it: state, shards, sessions, chats, feature level
parley shards               how the 4096 shards are spread
parley where CHAT           which node should own a chat
parley check CHAT           whether its log is dense, its appends a whole chain, and no member's inbox behind it; exit code 1 if not
parley hottest              the chats of one node that are written to most
parley drain NODE           has a node hand its chats over, send its devices elsewhere and end; returns when it has gone
parley shrink               says to a node that the nodes it does not see are not coming back
parley backup TO            a whole copy of the data in TO, an empty or new directory; also while the node serves (not in a cluster: see the README)
parley restore FROM         a backup into the data directory, which must be empty or new; stop the node first
options: --data DIR         the data directory (default PARLEY_DATA, else .parley)
         --ops URL          a node's operators' listener (default http://127.0.0.1:8082)`;

/** The exit code. */
type Run = (place: string, options: { readonly directory: string; readonly ops: string }) => Promise<number>;

const told = (says: string): number => {
  console.log(says);
  return 0;
};
const alone: Readonly<Record<string, Run>> = {
  nodes: async (_, { ops }) => told(await nodes(ops)),
  shards: async (_, { ops }) => told(await shards(ops)),
  hottest: async (_, { ops }) => told(await hottest(ops)),
  shrink: async (_, { ops }) => told(await shrink(ops)),
};
const withPlace: Readonly<Record<string, Run>> = {
  where: async (chatId, { ops }) => told(await where(ops, chatId)),
  drain: async (node, { ops }) => told(await drain(ops, node, (text) => console.log(text))),
  async check(chatId, { ops }) {
    const [says, isGood] = await check(ops, chatId);
    console.log(says);
    return isGood ? 0 : 1;
  },
  backup: async (to, { directory, ops }) => told(await backup(directory, resolve(to), ops)),
  restore: async (from, { directory }) => told(await restore(resolve(from), directory)),
};

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { data: { type: 'string' }, ops: { type: 'string' }, help: { type: 'boolean' } } });
  const [command = '', place] = positionals;
  const directory = resolve(values.data ?? process.env['PARLEY_DATA'] ?? '.parley');
  const ops = (values.ops ?? `http://127.0.0.1:${process.env['PARLEY_OPS_PORT'] ?? 8082}`).replace(/\/+$/, '');
  const run = Object.hasOwn(alone, command) ? alone[command] : place !== undefined && Object.hasOwn(withPlace, command) ? withPlace[command] : undefined;
  if (values.help === true || run === undefined) {
    console.log(usage);
    return values.help === true ? 0 : 2;
  }
  return run(place ?? '', { directory, ops });
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error((error as Error).message);
    process.exitCode = 1;
  },
);
