// Socket.IO as a peer: installed from the npm registry into a folder beside node_modules' own cache, with the version that is named here.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NoProgram } from '../../../scripts/services/debian.ts';
import type { Peer } from '../peer.ts';
import { anonymous, PeerProgram } from '../program.ts';

const version = '4.8.4';
const installMsMax = 5 * 60_000;
const program = fileURLToPath(new URL('./program.ts', import.meta.url));

export const socketio: Peer = {
  name: 'Socket.IO',
  says: 'its WebSocket transport alone, in memory; no identity, nothing kept',
  async start({ accounts, core, say }) {
    const folder = have(say);
    const started = await PeerProgram.start({ arguments: [program, folder], core, ready: /^\{"port":(\d+)\}$/, startMsMax: 20_000 });
    const path = '/socket.io/?EIO=4&transport=websocket';
    return { target: started.target('Socket.IO', 'socketio', Number(started.said[1]), anonymous(accounts), path), version };
  },
};

/** Throws NoProgram. */
function have(say: (text: string) => void): string {
  const folder = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'parley', `socket.io-${version}`);
  if (existsSync(join(folder, 'node_modules', 'socket.io', 'package.json'))) return folder;
  say(`Installing socket.io ${version} with npm into ${folder} …`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  try {
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '-E', `socket.io@${version}`], { cwd: folder, stdio: 'ignore', timeout: installMsMax });
  } catch (cause) {
    throw new NoProgram(`Installing Socket.IO failed. Try \`npm install socket.io@${version}\` in ${folder}.`, { cause });
  }
  return folder;
}
