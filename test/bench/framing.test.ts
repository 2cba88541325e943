// WebSocket frames as the generator writes and walks them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientFrame, FrameWalker, FramingBroken, opcodes, upgradeRequest } from '../../bench/generator/framing.ts';

/** A server's frame: unmasked, with the shortest length that fits. */
function serverFrame(payload: Uint8Array, opcode: number = opcodes.binary): Buffer {
  const size = payload.byteLength;
  const header = Buffer.alloc(size < 126 ? 2 : size < 65_536 ? 4 : 10);
  header[0] = 0x80 | opcode;
  header[1] = size < 126 ? size : size < 65_536 ? 126 : 127;
  if (header[1] === 126) header.writeUInt16BE(size, 2);
  if (header[1] === 127) header.writeBigUInt64BE(BigInt(size), 2);
  return Buffer.concat([header, payload]);
}

function payloads(): Buffer[] {
  return [0, 1, 125, 126, 300, 65_535, 65_536, 70_000].map((size, at) => Buffer.alloc(size, `${at}payload`));
}

/** Feeds `stream` in pieces through one buffer that is used again for every read, as the sockets do. */
function walked(stream: Buffer, pieceBytes: number): Buffer[] {
  const got: Buffer[] = [];
  const walker = new FrameWalker((opcode, bytes, view, start, end) => {
    assert.equal(opcode, opcodes.binary);
    assert.ok(view.byteLength >= end && (start === end || view.getUint8(start) === bytes[start]), 'the view sees the same bytes');
    got.push(Buffer.from(bytes.subarray(start, end)));
  });
  const inbox = Buffer.alloc(pieceBytes);
  const view = new DataView(inbox.buffer, inbox.byteOffset, inbox.byteLength);
  for (let at = 0; at < stream.byteLength; at += pieceBytes) walker.walk(inbox, view, stream.copy(inbox, 0, at, at + pieceBytes));
  return got;
}

test('frames of every length come out whole, wherever the reads cut them', () => {
  const expected = payloads();
  const stream = Buffer.concat(expected.map((payload) => serverFrame(payload)));
  for (const pieceBytes of [1, 2, 3, 7, 127, 1_000, 4_096, 65_540, stream.byteLength]) assert.deepEqual(walked(stream, pieceBytes), expected, `pieces of ${pieceBytes}`);
});

test('what a server may not send ends the walk with an error', () => {
  const walk = (...bytes: number[]) => {
    const buffer = Buffer.from([...bytes, ...Array<number>(12).fill(0)]);
    new FrameWalker(() => undefined).walk(buffer, new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength), buffer.byteLength);
  };
  assert.throws(() => walk(0x82, 0x85), FramingBroken, 'masked');
  assert.throws(() => walk(0x02, 0x05), FramingBroken, 'a fragment');
  assert.throws(() => walk(0xc2, 0x05), FramingBroken, 'compressed');
  assert.throws(() => walk(0x82, 127, 0, 0, 0, 0, 0x7f, 0, 0, 0), FramingBroken, 'larger than any frame of ours');
});

test('a client frame is masked, with a mask that leaves the payload as it is', () => {
  for (const payload of payloads()) {
    const frame = clientFrame(payload);
    const lengthBytes = payload.byteLength < 126 ? 0 : payload.byteLength < 65_536 ? 2 : 8;
    assert.equal(frame[0], 0x82);
    assert.equal((frame[1] as number) & 0x80, 0x80);
    assert.deepEqual([...frame.subarray(2 + lengthBytes, 6 + lengthBytes)], [0, 0, 0, 0]);
    assert.deepEqual(frame.subarray(6 + lengthBytes), payload);
    if (lengthBytes === 2) assert.equal(frame.readUInt16BE(2), payload.byteLength);
    if (lengthBytes === 8) assert.equal(frame.readBigUInt64BE(2), BigInt(payload.byteLength));
  }
});

test('the upgrade asks for our subprotocol under a key of its own', () => {
  const [one, other] = [upgradeRequest('127.0.0.1:1', '/'), upgradeRequest('127.0.0.1:1', '/')];
  assert.notEqual(one.accept, other.accept);
  assert.match(one.request, /Sec-WebSocket-Protocol: parley\.v1\r\n/);
});
