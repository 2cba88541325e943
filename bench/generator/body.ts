// What a measured message carries in its body, so that every delivery can be judged for a few nanoseconds: when it was due, who sent it, and that sender's count in the chat.

/** Bytes at the start of every measured body: mark (4), sender (4), counter (4), due time in ms of the machine's clock as a double (8). */
export const bodyHeadBytes = 20;
/** From `performance.now()` of this process to a clock that all processes of this machine share (CLOCK_MONOTONIC): who receives may not be who has sent. */
const sharedMs = Math.round((Number(process.hrtime.bigint()) / 1e6 - performance.now()) * 1_024) / 1_024;
const mark = 0x50524c59; // "PRLY"

/** `sender`: index among all members of the run; `counter`: 0, 1, 2 … per sender; `dueMs`: when the schedule wanted it sent, latency counts from there. */
export function writeBodyHead(into: Buffer, at: number, sender: number, counter: number, dueMs: number): void {
  into.writeUInt32BE(mark, at);
  into.writeUInt32BE(sender, at + 4);
  into.writeUInt32BE(counter, at + 8);
  into.writeDoubleBE(dueMs + sharedMs, at + 12);
}

/** Whether a measured body begins there. */
export function isBodyHead(view: DataView, at: number): boolean {
  return view.getUint32(at) === mark;
}

export function senderAt(view: DataView, at: number): number {
  return view.getUint32(at + 4);
}

export function counterAt(view: DataView, at: number): number {
  return view.getUint32(at + 8);
}

export function dueMsAt(view: DataView, at: number): number {
  return view.getFloat64(at + 12) - sharedMs;
}

/** The moment of this process's clock as a moment of the clock that all share. */
export function sharedFrom(nowMs: number): number {
  return nowMs + sharedMs;
}

/** And back. */
export function nowFrom(sharedAtMs: number): number {
  return sharedAtMs - sharedMs;
}
