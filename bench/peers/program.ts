// A peer's process: pinned, on a temporary folder, stopped by its pid.
import type { Account } from '../generator/device.ts';
import type { ProtocolName } from '../generator/speakers.ts';
import { Pinned, type PinnedOptions } from '../targets/pinned.ts';
import { baselineAccount } from '../targets/started-baseline.ts';
import type { Target } from '../targets/target.ts';

export interface ProgramOptions extends Omit<PinnedOptions, 'ready'> {
  /** A line of its output that says that it takes connections. */
  readonly ready: RegExp;
}

export class PeerProgram {
  readonly #pinned: Pinned;
  /** What `ready` has found. */
  readonly said: RegExpMatchArray;

  private constructor(pinned: Pinned, said: RegExpMatchArray) {
    this.#pinned = pinned;
    this.said = said;
  }

  /** Throws StartFailed. */
  static async start({ ready, ...options }: ProgramOptions): Promise<PeerProgram> {
    let said: RegExpMatchArray | null = null;
    const pinned = await Pinned.start({ ...options, ready: (line) => (said ??= line.match(ready)) !== null });
    return new PeerProgram(pinned, said as unknown as RegExpMatchArray);
  }

  target(name: string, protocol: ProtocolName, port: number, accounts: readonly Account[], path = '/'): Target {
    const pinned = this.#pinned;
    return {
      name,
      transport: 'unknown',
      protocol,
      endpoint: { host: '127.0.0.1', port, path },
      accounts,
      pid: pinned.pid,
      says: async () => null,
      endedWhy: () => pinned.endedWhy,
      stop: () => pinned.stop(),
    };
  }
}

/** For servers that know nobody, or one secret for all. */
export function anonymous(count: number, accessToken?: string): readonly Account[] {
  return Array.from({ length: count }, () => ({ ...baselineAccount(), ...(accessToken !== undefined && { accessToken }) }));
}
