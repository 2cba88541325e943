// The operator's command: `parley backup`, `parley restore`.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { backup, restore } from './backups.ts';

const usage = `parley backup TO            a whole copy of the data in TO, an empty or new directory; also while the node serves
parley restore FROM         a backup into the data directory, which must be empty or new; stop the node first
options: --data DIR         the data directory (default PARLEY_DATA, else .parley)
         --ops URL          the node's operator listener (default http://127.0.0.1:8082)`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { data: { type: 'string' }, ops: { type: 'string' }, help: { type: 'boolean' } } });
  const [command, place] = positionals;
  const directory = resolve(values.data ?? process.env['PARLEY_DATA'] ?? '.parley');
  const ops = values.ops ?? `http://127.0.0.1:${process.env['PARLEY_OPS_PORT'] ?? 8082}`;
  if (values.help === true || place === undefined || (command !== 'backup' && command !== 'restore')) {
    console.log(usage);
    return values.help === true ? 0 : 2;
  }
  console.log(command === 'backup' ? await backup(directory, resolve(place), ops) : await restore(resolve(place), directory));
  return 0;
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
