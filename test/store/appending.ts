// A process that appends as fast as it can to the store in argv[2], until it is killed. Says `open`, then `<chat> <seq>` for each entry that was acknowledged.
import { writeSync } from 'node:fs';
import { openLevel } from './level.ts';
import { appendOf, chatOf } from './samples.ts';

export const chatCount = 40;

async function appendForEver(messages: Awaited<ReturnType<typeof openLevel>>['messages'], n: number): Promise<void> {
  const chatId = chatOf(n);
  let { tip, lastSeq } = await messages.open(chatId);
  for (;;) {
    const count = 1 + (lastSeq % 3);
    const next = tip + 1;
    await messages.append(appendOf(chatId, { lastSeq, count, builtOn: tip, tip: next, ...(lastSeq % 32 === 0 && { fold: new Uint8Array(500) }), body: `${n} `.repeat(300) }));
    tip = next;
    lastSeq += count;
    writeSync(1, `${n} ${lastSeq}\n`); // to the pipe before anything else happens
  }
}

if (process.argv[1]?.endsWith('appending.ts') === true) {
  // A small buffer, so that kills also hit compactions; a journal that holds enough for files of packs.
  const { messages } = await openLevel(process.argv[2] as string, { writeBufferBytes: 128 * 1024, journalBytes: 1024 * 1024 });
  writeSync(1, 'open\n');
  await Promise.all(Array.from({ length: chatCount }, (_, n) => appendForEver(messages, n)));
}
