// The baseline as a target: started beside the server under test, on the same core, driven by the same generator.
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { idFrom } from '../../src/structures/ids.ts';
import type { Account } from '../generator/device.ts';
import { Pinned } from './pinned.ts';
import type { Target } from './target.ts';

export interface BaselineOptions {
  readonly accounts: number;
  readonly core: number | undefined;
  /** Without gathering: see bench/baseline.ts. */
  readonly plain: boolean;
  /** A CPU profile of it is written there when it ends. */
  readonly profileTo?: string | undefined;
}

const startMsMax = 20_000;
const program = fileURLToPath(new URL('../baseline.ts', import.meta.url));
const tokenLike = 'x'.repeat(320); // about as long as a real one: the same bytes to decode

export async function startBaseline({ accounts, core, plain, profileTo }: BaselineOptions): Promise<Target> {
  let port = 0;
  const profile = profileTo === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profileTo, '--cpu-prof-name', 'baseline.cpuprofile'];
  const pinned = await Pinned.start({
    arguments: [...profile, program, ...(plain ? ['--plain'] : [])],
    core,
    startMsMax,
    ready: (line) => {
      const announced = line.match(/^\{"port":(\d+)\}$/);
      port = Number(announced?.[1] ?? 0);
      return announced !== null;
    },
  });
  return {
    name: 'baseline',
    transport: 'uws',
    protocol: 'parley',
    endpoint: { host: '127.0.0.1', port, path: '/' },
    accounts: Array.from({ length: accounts }, baselineAccount),
    pid: pinned.pid,
    says: async () => null,
    endedWhy: () => pinned.endedWhy,
    stop: () => pinned.stop(),
  };
}

/** The baseline has no identity: it names a user after the device. */
export function baselineAccount(): Account {
  const bits = randomBytes(15);
  return { userId: idFrom<'user'>('u', bits), deviceId: idFrom<'device'>('d', bits), accessToken: tokenLike };
}
