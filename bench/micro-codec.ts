// Frames per second through the codec, one core, no network. Run as `node bench/micro-codec.ts`; prints microseconds a frame, the best of several rounds.
import { decodeEntry, decodeFromDevice, decodeToDevice, encodeEntry, encodeEntryFrame, encodeFrame, encodeShared } from '../src/protocol/codec.ts';
import { directChatId } from '../src/protocol/direct.ts';
import { type Entry, entryKinds } from '../src/protocol/messages.ts';
import { idFrom } from '../src/structures/ids.ts';

const rounds = 12;
const framesPerRound = 100_000;

const ann = idFrom<'user'>('u', new Uint8Array(15).fill(201));
const bob = idFrom<'user'>('u', new Uint8Array(15).fill(17));
const device = idFrom<'device'>('d', new Uint8Array(15).fill(99));
const chatId = directChatId(ann, bob);
const contentType = 'text/plain';
const body = new Uint8Array(100).fill(65);
const number = 1_795_000_000_000 * 1_024;

const send = { kind: 'send', chatId, number, after: number - 1_024, contentType, body, peer: null } as const;
const sent = { kind: 'sent', number, chatId, seq: 70_000, atMs: 1_795_000_000_000 } as const;
const delivered = { kind: 'delivered', chatId, seq: 70_000 } as const;
const entry: Entry = { chatId, seq: 70_000, entryKind: entryKinds.message, author: ann, device, number, countable: 69_000, atMs: 1_795_000_000_000, contentType, body };
const cursors = Array.from({ length: 20 }, (_, at) => ({
  chatId: directChatId(ann, idFrom<'user'>('u', new Uint8Array(15).fill(at))),
  seq: 1_000 + at,
  receiptsVersion: 70_000 + at,
}));
const resume = { kind: 'resume', request: 1_234_567, incarnation: '0123456789abcdef', cursors, last: true } as const;
const pull = { kind: 'pull', request: 1_234_568, chatId, after: 1_000, upTo: 1_002, limit: 1_000 } as const;
const resumeBytes = encodeFrame(resume);
const pullBytes = encodeFrame(pull);
const sendBytes = encodeFrame(send);
const sentBytes = encodeFrame(sent);
const entryFrameBytes = encodeEntryFrame(entry);
const entryBytes = encodeEntry(entry);
const deliveredBytes = encodeFrame(delivered);

/** What was made is looked at, or the optimiser would leave the making out. */
let seen = 0;
const jobs: Record<string, () => unknown> = {
  'decode send': () => decodeFromDevice(sendBytes),
  'decode delivered': () => decodeFromDevice(deliveredBytes),
  'decode resume of 20': () => decodeFromDevice(resumeBytes),
  'decode pull': () => decodeFromDevice(pullBytes),
  'decode sent': () => decodeToDevice(sentBytes),
  'decode entry frame': () => decodeToDevice(entryFrameBytes),
  'decode stored entry': () => decodeEntry(entryBytes),
  'encode send': () => encodeFrame(send),
  'encode sent': () => encodeFrame(sent),
  'encode sent, shared': () => encodeShared(sent),
  'encode entry frame': () => encodeEntryFrame(entry),
  'encode stored entry': () => encodeEntry(entry),
};

for (const [name, job] of Object.entries(jobs)) {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    const since = process.hrtime.bigint();
    for (let at = 0; at < framesPerRound; at += 1) if (job() !== undefined) seen += 1;
    best = Math.min(best, Number(process.hrtime.bigint() - since) / framesPerRound);
  }
  console.log(`${name.padEnd(22)} ${(best / 1_000).toFixed(2)} µs`);
}
if (seen !== rounds * framesPerRound * Object.keys(jobs).length) throw new Error('A frame was not made.');
