// Whether what left a server was durable before: judged from its system calls alone.
import { decodeToDevice } from '../../src/protocol/codec.ts';
import { singly } from '../e2e/singly.ts';
import type { Call } from './trace.ts';

/** A frame that left, and the system call with which its first byte did. */
interface Departure {
  readonly frame: ReturnType<typeof decodeToDevice>;
  readonly call: Call;
}

export interface Findings {
  /** Frames that tell of an entry, and when its bytes had been synced. */
  readonly sent: number;
  readonly pushed: number;
  /** In words; empty where each of them left after its sync. */
  readonly tooEarly: readonly string[];
}

/** What happened to one file of the journal. */
interface Written {
  readonly writes: readonly Call[];
  readonly syncs: readonly Call[];
}

/**
 * For each `sent` and each `entry` of a known body: the entry's bytes were written, then an fdatasync of the same file began and was over, and only then the frame began to leave.
 * `bodyOf`: the body by `nameOf`.
 */
export function judgeDurability(calls: readonly Call[], bodyOf: ReadonlyMap<string, Uint8Array>): Findings {
  const logs = [...new Set(calls.map(({ target }) => target))].filter((target) => /\/journal\/\d+$/.test(target)).map((target) => writtenTo(target, calls));
  const findings = { sent: 0, pushed: 0, tooEarly: [] as string[] };
  for (const { frame, call } of departures(calls)) {
    if (frame.kind !== 'sent' && frame.kind !== 'entry') continue;
    const body = bodyOf.get(nameOf(frame));
    if (body === undefined) continue;
    if (frame.kind === 'sent') findings.sent += 1;
    else findings.pushed += 1;
    const objection = objectionTo(call, body, logs);
    if (objection !== undefined) findings.tooEarly.push(`${frame.kind} ${frame.number}: ${objection}`);
  }
  return findings;
}

/** Devices draw their numbers from the clock, so those of two chats may be the same. */
export function nameOf({ chatId, number }: { readonly chatId: string; readonly number: number }): string {
  return `${chatId} ${number}`;
}

function objectionTo(departure: Call, body: Uint8Array, logs: readonly Written[]): string | undefined {
  for (const { writes, syncs } of logs) {
    const write = writes.find(({ bytes }) => bytes.indexOf(body) >= 0);
    if (write === undefined) continue;
    const sync = syncs.find(({ began }) => began > write.over);
    if (sync === undefined) return 'its bytes were never synced';
    return sync.over < departure.began ? undefined : `it left at ${departure.began}, the sync of its bytes was over at ${sync.over}`;
  }
  return 'its bytes were never written to the journal';
}

/** What was sent on each connection, frame by frame. */
function departures(calls: readonly Call[]): readonly Departure[] {
  const streams = new Map<string, { bytes: Buffer[]; calls: { call: Call; from: number }[]; length: number }>();
  for (const call of calls) {
    if (!call.target.startsWith('TCP') || call.bytes.byteLength === 0) continue;
    const stream = streams.get(call.target) ?? { bytes: [], calls: [], length: 0 };
    streams.set(call.target, stream);
    stream.calls.push({ call, from: stream.length });
    stream.bytes.push(call.bytes);
    stream.length += call.bytes.byteLength;
  }
  return [...streams.values()].flatMap(({ bytes, calls: sends }) => {
    const all = Buffer.concat(bytes);
    const start = all.indexOf('\r\n\r\n') + 4;
    if (!all.subarray(0, start).toString('latin1').startsWith('HTTP/1.1 101')) return [];
    return framesOf(all, start).flatMap(({ from, payload }) => {
      const { call } = sends.findLast((one) => one.from <= from) as { call: Call };
      return singly(decodeToDevice(payload)).map((frame) => ({ frame, call }));
    });
  });
}

/** The binary frames of a server: unmasked, whole. */
function framesOf(bytes: Buffer, start: number): { readonly from: number; readonly payload: Buffer }[] {
  const frames: { from: number; payload: Buffer }[] = [];
  for (let at = start; at + 2 <= bytes.byteLength; ) {
    const short = (bytes[at + 1] as number) & 127;
    const header = short < 126 ? 2 : short === 126 ? 4 : 10;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
    if (((bytes[at] as number) & 15) === 2) frames.push({ from: at, payload: bytes.subarray(at + header, at + header + length) });
    at += header + length;
  }
  return frames;
}

/** A commit is one write to the journal, so a body stands whole in one of its calls. */
function writtenTo(target: string, calls: readonly Call[]): Written {
  const own = calls.filter((call) => call.target === target);
  return {
    writes: own.filter(({ bytes }) => bytes.byteLength > 0),
    syncs: own.filter(({ name, result }) => (name === 'fdatasync' || name === 'fsync') && result === 0),
  };
}
