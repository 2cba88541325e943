// Passwords, kept as argon2id. Hashing is dear on purpose, so only so many are under way at once, and only so many wait.
import { randomBytes } from 'node:crypto';
import { argon2id, hash, verify } from 'argon2';
import type { Passwords } from './auth.ts';

/** OWASP's smallest recommended setting for argon2id. */
export const argon2Cost = { memoryCost: 19 * 1_024, timeCost: 2, parallelism: 1 } as const;

export const passwordLimits = {
  /** Each takes 19 MiB and a thread of libuv's pool of four, which the embedded store's reads and syncs need too. */
  atOnceMax: 2,
  waitingMax: 64,
} as const;

export interface Argon2Options {
  readonly atOnceMax?: number;
  readonly waitingMax?: number;
}

export async function argon2Passwords({ atOnceMax = passwordLimits.atOnceMax, waitingMax = passwordLimits.waitingMax }: Argon2Options = {}): Promise<Passwords> {
  const gate = gateOf(atOnceMax, waitingMax);
  // For a handle that nobody has: the same work as for one that exists, so that time does not tell them apart.
  const nobodys = await hash(randomBytes(32), { type: argon2id, ...argon2Cost });
  return {
    hash: (password) => gate(() => hash(canonical(password), { type: argon2id, ...argon2Cost })),
    verify: (password, encoded) => gate(async () => (await verify(encoded ?? nobodys, canonical(password))) && encoded !== undefined),
  };
}

/** The same password typed on another keyboard may come as other code points. */
function canonical(password: string): string {
  return password.normalize('NFKC');
}

function gateOf(atOnceMax: number, waitingMax: number): <Value>(job: () => Promise<Value>) => Promise<Value | 'busy'> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (job) => {
    if (running >= atOnceMax) {
      if (waiting.length >= waitingMax) return 'busy';
      await new Promise<void>((go) => waiting.push(go)); // the place of the one that ends is handed on: `running` stays
    } else running += 1;
    try {
      return await job();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
