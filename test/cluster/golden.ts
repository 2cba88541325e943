// Recorded bytes of messages between nodes, one file a recording. `node test/cluster/golden.ts --record` records the examples that have none; what is recorded is never written again.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeEnvelope } from '../../src/cluster/envelope-codec.ts';
import { type Example, examples } from './envelopes.ts';

export interface Recording extends Example {
  readonly hex: string;
}

const folder = join(import.meta.dirname, 'golden');

export function recordings(): readonly Recording[] {
  return readdirSync(folder).map((file) => {
    const recorded = JSON.parse(readFileSync(join(folder, file), 'utf8'), (_, value) => (isBytes(value) ? Uint8Array.from(Buffer.from(value.bytesHex, 'hex')) : value));
    return { name: file.slice(0, -'.json'.length), ...recorded };
  });
}

/** Gives the names of what was recorded now. */
function recordNew(): readonly string[] {
  const there = new Set(recordings().map(({ name }) => name));
  const missing = examples.filter(({ name }) => !there.has(name));
  for (const { name, address, envelope } of missing) {
    const text = JSON.stringify(
      { address, envelope, hex: hexOf(encodeEnvelope(address, envelope)) },
      (_, value) => (value instanceof Uint8Array ? { bytesHex: hexOf(value) } : value),
      2,
    );
    writeFileSync(join(folder, `${name}.json`), `${text}\n`, { flag: 'wx' });
  }
  return missing.map(({ name }) => name);
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

function isBytes(value: unknown): value is { readonly bytesHex: string } {
  return typeof value === 'object' && value !== null && Object.keys(value).join() === 'bytesHex';
}

if (process.argv[1] === import.meta.filename && process.argv.includes('--record')) {
  console.log(
    recordNew()
      .map((name) => `recorded ${name}`)
      .join('\n') || 'nothing new',
  );
}
