// Clocks that jump, for one process: libfaketime (Debian) stands between it and the machine's clock. Timers and what measures spans go on undisturbed.
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { haveFile, type Wanted } from './debian.ts';

const wanted: Wanted = { program: 'libfaketimeMT.so.1', from: 'libfaketime', variable: 'PARLEY_FAKETIME', elsewhere: 'https://github.com/wolfcw/libfaketime' };
const folders = ['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu/faketime`);
/** The library looks at its file this often; a jump shows after this long at most. */
export const clockShowsMs = 1_000;

export class JumpingClock {
  /** For the process that is to live by this clock. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #folder: string;

  private constructor(library: string, folder: string) {
    this.#folder = folder;
    this.environment = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: join(folder, 'clock'),
      FAKETIME_CACHE_DURATION: `${clockShowsMs / 1_000}`,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DONT_RESET: '1',
    };
  }

  /** Right at first. Throws NoProgram where there is no libfaketime and none can be had. */
  static async start(say: (text: string) => void = () => undefined): Promise<JumpingClock> {
    const clock = new JumpingClock(haveFile(wanted, folders, say), await mkdtemp(join(tmpdir(), 'parley-clock-')));
    await clock.jumpTo(0);
    return clock;
  }

  /** From the machine's clock; 0: right again. */
  async jumpTo(aheadMs: number): Promise<void> {
    const file = join(this.#folder, 'clock');
    await writeFile(`${file}.new`, `${aheadMs < 0 ? '-' : '+'}${Math.abs(aheadMs) / 1_000}\n`);
    await rename(`${file}.new`, file); // never half written: its reader takes an empty one for a date
  }

  async stop(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
