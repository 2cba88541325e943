// Recorded bytes of frames, one file a recording. `node test/protocol/golden.ts --record` records the examples that have none; what is recorded is never written again.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeFrame, type FromDevice, type ToDevice } from '../../src/protocol/codec.ts';
import { examples } from './examples.ts';

export interface Recording {
  readonly name: string;
  /** As it was when it was recorded: later fields are not in it. */
  readonly frame: FromDevice | ToDevice;
  readonly hex: string;
}

const folder = join(import.meta.dirname, 'golden');

export function recordings(): readonly Recording[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => {
      const { frame, hex } = JSON.parse(readFileSync(join(folder, file), 'utf8'), (_, value) => (isBytes(value) ? Uint8Array.from(Buffer.from(value.hex, 'hex')) : value));
      return { name: file.slice(0, -'.json'.length), frame, hex };
    });
}

/** Gives the names of what was recorded now. */
function recordNew(): readonly string[] {
  const there = new Set(recordings().map(({ name }) => name));
  const missing = Object.entries(examples).filter(([name]) => !there.has(name));
  for (const [name, frame] of missing) {
    const text = JSON.stringify({ frame, hex: hexOf(encodeFrame(frame)) }, (_, value) => (value instanceof Uint8Array ? { hex: hexOf(value) } : value), 2);
    writeFileSync(join(folder, `${name}.json`), `${text}\n`, { flag: 'wx' });
  }
  return missing.map(([name]) => name);
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

function isBytes(value: unknown): value is { readonly hex: string } {
  return typeof value === 'object' && value !== null && Object.keys(value).join() === 'hex';
}

if (process.argv[1] === import.meta.filename && process.argv.includes('--record')) {
  console.log(
    recordNew()
      .map((name) => `recorded ${name}`)
      .join('\n') || 'nothing new',
  );
}
