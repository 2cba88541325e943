// Whether what left a server was durable before: judged from its system calls alone.
import { decodeToDevice } from '../../src/protocol/codec.ts';
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

interface Written {
  /** The log with the frames of its own format taken out, so that a body is never torn. */
  readonly content: Buffer;
  /** The call that wrote the byte at that place of `content`. */
  callAt(place: number): Call;
  readonly syncs: readonly Call[];
}

/**
 * For each `sent` and each `entry` of a known body: the entry's bytes were written, then an fdatasync of the same file began and was over, and only then the frame began to leave.
 * `bodyOf`: the body by `nameOf`. `sizes`: of the log files when the watching began.
 */
export function judgeDurability(calls: readonly Call[], bodyOf: ReadonlyMap<string, Uint8Array>, sizes: ReadonlyMap<string, number>): Findings {
  const logs = [...new Set(calls.map(({ target }) => target))].filter((target) => /\/db\/\d+\.log$/.test(target)).map((target) => writtenTo(target, calls, sizes.get(target) ?? 0));
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
  for (const { content, callAt, syncs } of logs) {
    const place = content.indexOf(body);
    if (place < 0) continue;
    const write = callAt(place + body.byteLength - 1);
    const sync = syncs.find(({ began }) => began > write.over);
    if (sync === undefined) return 'its bytes were never synced';
    return sync.over < departure.began ? undefined : `it left at ${departure.began}, the sync of its bytes was over at ${sync.over}`;
  }
  return 'its bytes were never written to a log';
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
    return framesOf(all, start).map(({ from, payload }) => ({ frame: decodeToDevice(payload), call: (sends.findLast((one) => one.from <= from) as { call: Call }).call }));
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

/** LevelDB's log format: blocks of 32 KB, in them records with a header of seven bytes; less than that at a block's end is filling. */
const blockBytes = 32 * 1024;
const headerBytes = 7;

function writtenTo(target: string, calls: readonly Call[], size: number): Written {
  const writes = calls.filter((call) => call.target === target && call.bytes.byteLength > 0);
  const raw = Buffer.concat(writes.map(({ bytes }) => bytes));
  const starts: number[] = [];
  for (let at = 0, nth = 0; nth < writes.length; nth += 1) {
    starts.push(at);
    at += (writes[nth] as Call).bytes.byteLength;
  }
  const parts: Buffer[] = [];
  const places: { readonly place: number; readonly raw: number }[] = [];
  let place = 0;
  for (let at = 0; at < raw.byteLength; ) {
    const left = blockBytes - ((size + at) % blockBytes);
    if (left < headerBytes) {
      at += left;
      continue;
    }
    const length = raw.readUInt16LE(at + 4);
    places.push({ place, raw: at + headerBytes });
    parts.push(raw.subarray(at + headerBytes, at + headerBytes + length));
    place += length;
    at += headerBytes + length;
  }
  return {
    content: Buffer.concat(parts),
    callAt(wanted) {
      const record = places.findLast((one) => one.place <= wanted) as { readonly place: number; readonly raw: number };
      const rawAt = record.raw + wanted - record.place;
      return writes[starts.findLastIndex((start) => start <= rawAt)] as Call;
    },
    syncs: calls.filter((call) => call.target === target && (call.name === 'fdatasync' || call.name === 'fsync') && call.result === 0),
  };
}
