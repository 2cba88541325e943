// Writes to a device storage until it is killed, and says what it has written. Run by storage.node.test.ts.
import { nodeStorage } from '../../src/sdk/storage.node.ts';

const storage = nodeStorage(process.argv[2] as string);
await storage.open();
for (let key = 1; ; key += 1) {
  await storage.write(
    [
      { kind: 'outbox', item: { key, number: key, chatId: null, command: { kind: 'createGroup', title: 'a', userIds: [] }, atMs: 0, sentSeq: null } },
      { kind: 'lastNumber', number: key },
    ],
    { sync: true },
  );
  process.stdout.write(`${key}\n`);
}
