// Entries for the benchmarks of stores: of 100 bytes, from one device.
import type { Entry } from '../src/protocol/messages.ts';
import { type ChatId, idFrom } from '../src/structures/ids.ts';

const author = idFrom<'user'>('u', new Uint8Array(15));
const device = idFrom<'device'>('d', new Uint8Array(15));
const body = new Uint8Array(100).fill(97);

export function entriesOf(chatId: ChatId, after: number, count: number): readonly Entry[] {
  return Array.from({ length: count }, (_, at) => {
    const seq = after + 1 + at;
    return { chatId, seq, entryKind: 1, author, device, number: seq * 1_024, countable: seq, atMs: 1_800_000_000_000 + seq, contentType: 'text/plain', body };
  });
}
