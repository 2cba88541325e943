// Plain `ws` on Node as a peer: the package that Parley itself has.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Peer } from '../peer.ts';
import { anonymous, PeerProgram } from '../program.ts';

const program = fileURLToPath(new URL('./program.ts', import.meta.url));

export const ws: Peer = {
  name: 'ws',
  says: 'a map of users and rooms on Node; no identity, no order, nothing kept',
  async start({ accounts, core }) {
    const started = await PeerProgram.start({ arguments: [program], core, ready: /^\{"port":(\d+)\}$/, startMsMax: 20_000 });
    const version = JSON.parse(readFileSync(createRequire(import.meta.url).resolve('ws/package.json'), 'utf8')).version as string;
    return { target: started.target('ws', 'ws', Number(started.said[1]), anonymous(accounts)), version };
  },
};
