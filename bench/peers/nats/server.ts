// nats-server as a peer: Debian's package, core NATS with one token for all, nothing kept.
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, haveProgram, type Wanted } from '../../../scripts/services/debian.ts';
import type { Peer } from '../peer.ts';
import { anonymous, PeerProgram } from '../program.ts';

const wanted: Wanted = { program: 'nats-server', from: 'nats-server', variable: 'PARLEY_NATS_SERVER', elsewhere: 'https://nats.io/download' };
const token = 'bench-token-of-the-same-length-for-all';

export const nats: Peer = {
  name: 'NATS',
  says: 'core NATS over TCP, a token for all; a subject a user or room, nothing kept',
  async start({ accounts, core, folder, say }) {
    const program = haveProgram(wanted, say);
    const port = await freePort();
    const file = join(folder, 'nats.conf');
    await writeFile(file, `listen: "127.0.0.1:${port}"\nauthorization { token: "${token}" }\nmax_connections: 64K\nmax_pending: 256MB\nwrite_deadline: "30s"\n`);
    const started = await PeerProgram.start({ program, arguments: ['-c', file], core, ready: /Server is ready/, environment: { GOMAXPROCS: '1' }, startMsMax: 20_000 });
    const version = /v?(\d+\.\d+\.\d+)/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown';
    return { target: started.target('NATS', 'nats', port, anonymous(accounts, token)), version };
  },
};
