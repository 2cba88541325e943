// ejabberd as a peer: Debian's package, run by Erlang itself without distribution (no epmd is left behind), on a folder of its own, with accounts made as it starts.
import { readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, haveProgram, type Wanted } from '../../../scripts/services/debian.ts';
import type { DeviceId, UserId } from '../../../src/structures/ids.ts';
import type { Account } from '../../generator/device.ts';
import type { Peer, PeerOptions, Started } from '../peer.ts';
import { PeerProgram } from '../program.ts';
import { archivePath, host, password, yamlOf } from './settings.ts';

const wanted: Wanted = { program: 'ejabberdctl', from: 'ejabberd', variable: 'PARLEY_EJABBERD', elsewhere: 'https://www.ejabberd.im' };
const erlang: Wanted = { program: 'erl', from: 'erlang-base', variable: 'PARLEY_ERL', elsewhere: 'https://www.erlang.org' };
const libraries = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib', '/lib'];

export const ejabberd: Peer = {
  name: 'ejabberd',
  says: 'XMPP over TCP, SASL PLAIN against Mnesia, no archive: kept is what is missed, and thrown away when it is sent',
  start: (options) => start('ejabberd', options, false),
};

export const ejabberdWithArchive: Peer = {
  name: 'ejabberd with archive',
  says: 'the same with mod_mam on Mnesia: kept by the server, written to disk without waiting for it',
  start: (options) => start('ejabberd with archive', options, true),
};

async function start(name: string, { accounts, core, folder, say }: PeerOptions, archive: boolean): Promise<Started> {
  haveProgram(wanted, say);
  const erl = haveProgram(erlang, say);
  const port = await freePort();
  await mkdir(join(folder, 'mnesia'), { recursive: true });
  await writeFile(join(folder, 'ejabberd.yml'), yamlOf(port, archive));
  const registered = `[ejabberd_auth:try_register(<<"user", (integer_to_binary(N))/binary>>, <<"${host}">>, <<"${password}">>) || N <- lists:seq(0, ${accounts - 1})]`;
  const ready = `{ok, _} = application:ensure_all_started(ejabberd), ${registered}, {ok, Version} = application:get_key(ejabberd, vsn), io:format("ejabberd ~s stands~n", [Version]).`;
  const settings = ['-mnesia', 'dir', `"${join(folder, 'mnesia')}"`, '-ejabberd', 'config', `"${join(folder, 'ejabberd.yml')}"`, 'log_path', `"${join(folder, 'ejabberd.log')}"`];
  const calm = ['+S', '1:1', '+sbwt', 'none', '+sbwtdcpu', 'none', '+sbwtdio', 'none', '+P', '250000', '+Q', '65536']; // it shares the core with others that rest
  const program = await PeerProgram.start({
    program: erl,
    arguments: [...calm, '-noinput', '-pa', ...codePaths(), ...settings, '-eval', ready],
    core,
    environment: { HOME: folder, ERL_CRASH_DUMP_SECONDS: '0' },
    ready: /^ejabberd (\S+) stands/,
    startMsMax: 120_000,
  });
  const users = Array.from({ length: accounts }, (_, at): Account => ({ userId: `user${at}` as UserId, deviceId: `user${at}` as DeviceId, accessToken: password }));
  return { target: program.target(name, 'xmpp', port, users, archive ? archivePath : '/'), version: program.said[1] as string };
}

/** Where the package keeps its modules. */
function codePaths(): readonly string[] {
  for (const library of libraries) {
    try {
      const found = readdirSync(library).filter((entry) => /^ejabberd-\d/.test(entry));
      if (found.length > 0) return found.map((entry) => join(library, entry, 'ebin'));
    } catch {} // not on this machine
  }
  return [];
}
