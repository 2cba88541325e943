// What src/transport/server.ts promises, tried on real sockets. Every implementation passes it.
import { describe } from 'node:test';
import type { ListenSockets } from '../../src/transport/server.ts';
import { endsContract, silenceContract } from './contract-ends.ts';
import { framesContract } from './contract-frames.ts';
import { upgradeContract } from './contract-upgrade.ts';
import { windowContract } from './contract-window.ts';

/** `idleTimeoutMs`: the shortest that the library keeps. */
export function socketServerContract(name: string, listen: ListenSockets, { idleTimeoutMs }: { readonly idleTimeoutMs: number }): void {
  describe(`the ${name} socket server`, { concurrency: 2 }, () => {
    silenceContract(name, listen, idleTimeoutMs); // waits most of the time, so beside the others
    describe(`${name}, one after the other`, { concurrency: 1 }, () => {
      framesContract(name, listen);
      upgradeContract(name, listen);
      windowContract(name, listen);
      endsContract(name, listen);
    });
  });
}
