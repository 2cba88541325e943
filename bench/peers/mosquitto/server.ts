// mosquitto as a peer: Debian's package, MQTT 3.1.1 over TCP with a password, QoS 0, nothing kept.
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, haveProgram, type Wanted } from '../../../scripts/services/debian.ts';
import type { Peer } from '../peer.ts';
import { anonymous, PeerProgram } from '../program.ts';

const wanted: Wanted = { program: 'mosquitto', from: 'mosquitto', variable: 'PARLEY_MOSQUITTO', elsewhere: 'https://mosquitto.org/download' };
const passwords: Wanted = { program: 'mosquitto_passwd', from: 'mosquitto', variable: 'PARLEY_MOSQUITTO_PASSWD', elsewhere: 'https://mosquitto.org/download' };
const password = 'bench';

export const mosquitto: Peer = {
  name: 'mosquitto',
  says: 'MQTT 3.1.1 over TCP, QoS 0, one user with a password for all; a topic a user or room, nothing kept; for who is away QoS 1 in memory',
  async start({ accounts, core, folder, say }) {
    const program = haveProgram(wanted, say);
    const port = await freePort();
    const users = join(folder, 'users');
    execFileSync(haveProgram(passwords, say), ['-b', '-c', users, 'bench', password], { stdio: 'ignore' });
    const file = join(folder, 'mosquitto.conf');
    const user = process.getuid?.() === 0 ? 'user root\n' : ''; // else it may not read its own folder
    const settings = [
      'allow_anonymous false',
      `password_file ${users}`,
      'persistence false',
      'set_tcp_nodelay true',
      'sys_interval 0',
      'max_queued_messages 0',
      'max_inflight_messages 0',
    ];
    const log = ['log_dest stderr', 'log_type notice', 'log_type information', 'log_type error', 'connection_messages false'];
    await writeFile(file, `${user}listener ${port} 127.0.0.1\n${[...settings, ...log].join('\n')}\n`);
    const started = await PeerProgram.start({ program, arguments: ['-c', file], core, ready: /mosquitto version (\S+) running/, startMsMax: 20_000 });
    return { target: started.target('mosquitto', 'mqtt', port, anonymous(accounts, password)), version: started.said[1] as string };
  },
};
