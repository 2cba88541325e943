// Finds uWebSockets.js, which has one native library for each system and version of Node.
import { createRequire } from 'node:module';
import type { Uws } from './uws.d.ts';

/** A library that was found, by the name of its package. */
export interface LoadedUws {
  readonly uws: Uws;
  readonly library: string;
}

/** The official package wherever somebody has installed it, else the leaf built for this machine and this Node. Throws with what was tried and why each did not load. */
export function loadUws(): LoadedUws {
  const require = createRequire(import.meta.url);
  const libraries = ['uWebSockets.js', `@uwsjs/${process.platform}-${process.arch}-${process.versions.node.split('.')[0]}`];
  const failures: string[] = [];
  for (const library of libraries) {
    try {
      return { uws: require(library) as Uws, library };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      failures.push(`${library}: ${code === 'MODULE_NOT_FOUND' ? 'not installed' : message}`);
    }
  }
  throw new Error(`No native WebSocket library loads here (${failures.join('; ')}).`);
}
