// The head of a body for protocols of text: the same twenty bytes in hexadecimal. Bodies have as many characters as others have bytes.
import { bodyHeadBytes, counterAt, dueMsAt, senderAt, writeBodyHead } from '../generator/body.ts';

export const textHeadChars = 2 * bodyHeadBytes;

const digits = Buffer.from('0123456789abcdef');
const scratch = Buffer.alloc(bodyHeadBytes);
const scratchView = new DataView(scratch.buffer, scratch.byteOffset, scratch.byteLength);
const mark = Buffer.alloc(bodyHeadBytes);
writeBodyHead(mark, 0, 0, 0, 0);
const markText = Buffer.from(mark.toString('hex', 0, 4));

export function writeTextHead(into: Buffer, at: number, sender: number, counter: number, dueMs: number): void {
  writeBodyHead(scratch, 0, sender, counter, dueMs);
  for (let byte = 0; byte < bodyHeadBytes; byte += 1) {
    const value = scratch[byte] as number;
    into[at + 2 * byte] = digits[value >> 4] as number;
    into[at + 2 * byte + 1] = digits[value & 15] as number;
  }
}

/** Hands the head at `at` to `take`; false when none begins there. */
export function readTextHead(bytes: Buffer, at: number, end: number, take: (sender: number, counter: number, dueMs: number) => void): boolean {
  if (end - at < textHeadChars) return false;
  for (let one = 0; one < markText.byteLength; one += 1) if (bytes[at + one] !== markText[one]) return false;
  for (let byte = 4; byte < bodyHeadBytes; byte += 1) scratch[byte] = (digitValue(bytes[at + 2 * byte] as number) << 4) | digitValue(bytes[at + 2 * byte + 1] as number);
  take(senderAt(scratchView, 0), counterAt(scratchView, 0), dueMsAt(scratchView, 0));
  return true;
}

function digitValue(digit: number): number {
  return digit < 58 ? digit - 48 : digit - 87;
}
