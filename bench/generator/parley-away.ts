// Messages for devices that are away, as Parley has them: stored through the protocol, pulled by who comes back.
import { directChatId } from '../../src/protocol/direct.ts';
import { limits } from '../../src/protocol/limits.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { bodyHeadBytes, counterAt, isBodyHead, writeBodyHead } from './body.ts';
import { type Account, Device, DeviceFailed } from './device.ts';
import type { Endpoint } from './socket.ts';
import type { Away } from './speaker.ts';

export const parleyAway: Away = { prepare: async () => undefined, store, comeBack };

/** As many open at a time as the protocol allows. */
async function store(endpoint: Endpoint, from: Account, to: Account, messages: number, bodyBytes: number): Promise<void> {
  const device = await Device.connect(endpoint, from);
  const chatId = directChatId(from.userId, to.userId);
  try {
    for (let counter = 0, after = 0; counter < messages; ) {
      const answers: Promise<unknown>[] = [];
      for (; counter < messages && answers.length < limits.openSendsPerChatMax; counter += 1) {
        const number = device.nextNumber();
        const body = Buffer.alloc(bodyBytes, 'parley ');
        writeBodyHead(body, 0, 0, counter, 0);
        answers.push(device.ask({ kind: 'send', chatId, number, after, contentType: 'application/octet-stream', body, peer: to.userId }, number));
        after = number;
      }
      await Promise.all(answers);
    }
  } finally {
    device.destroy();
  }
}

/** Connects, resumes with nothing, pulls what moved. */
async function comeBack(endpoint: Endpoint, account: Account): Promise<readonly number[]> {
  const device = await Device.connect(endpoint, account);
  try {
    const request = device.nextRequest();
    const moved = await device.ask({ kind: 'resume', request, incarnation: '', cursors: [], last: true }, request);
    if (moved.kind !== 'moved') throw new DeviceFailed(`${moved.kind} instead of moved`);
    const counters: number[] = [];
    for (const row of moved.rows) await pull(device, row.chatId, row.head, counters);
    return counters;
  } finally {
    device.destroy();
  }
}

async function pull(device: Device, chatId: ChatId, upTo: number, counters: number[]): Promise<void> {
  for (let through = 0, head = upTo; through < head; ) {
    const request = device.nextRequest();
    const answer = await device.ask({ kind: 'pull', request, chatId, after: through, upTo, limit: limits.pullEntriesMax }, request);
    if (answer.kind !== 'entries') throw new DeviceFailed(`${answer.kind} instead of entries`);
    for (const { body } of answer.entries) {
      const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
      if (body.byteLength >= bodyHeadBytes && isBodyHead(view, 0)) counters.push(counterAt(view, 0));
    }
    ({ through, head } = answer);
  }
}
