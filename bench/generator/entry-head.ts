// What the load wants to know of an entry, taken by position: nothing is decoded, nothing allocated.
import { entryKinds } from '../../src/protocol/messages.ts';
import { counterAt, dueMsAt, isBodyHead, senderAt } from './body.ts';

export interface EntryHead {
  seq: number;
  /** Of the body: see body.ts. */
  sender: number;
  counter: number;
  dueMs: number;
}

/** What `readHead` read last. */
export const lastHead: EntryHead = { seq: 0, sender: 0, counter: 0, dueMs: 0 };

/** Reads an entry whose seq begins at `seqStart` and whose body of `bodyBytes` ends at `end` into `lastHead`; false when it is no measured message or has another form. */
export function readHead(bytes: Buffer, view: DataView, seqStart: number, end: number, bodyBytes: number): boolean {
  let at = seqStart;
  let seq = bytes[at] as number;
  if (seq < 0x80) at += 1;
  else if (seq === 0xcd) {
    seq = view.getUint16(at + 1);
    at += 3;
  } else if (seq === 0xce) {
    seq = view.getUint32(at + 1);
    at += 5;
  } else if (seq === 0xcc) {
    seq = bytes[at + 1] as number;
    at += 2;
  } else return false;
  const body = end - bodyBytes;
  if (bytes[at] !== entryKinds.message || body < at || !isBodyHead(view, body)) return false;
  lastHead.seq = seq;
  lastHead.sender = senderAt(view, body);
  lastHead.counter = counterAt(view, body);
  lastHead.dueMs = dueMsAt(view, body);
  return true;
}
