// Groups that are too large for a push to each: one publish to all sockets, and the same promises.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeToDevice } from '../../src/protocol/codec.ts';
import { entryKinds } from '../../src/protocol/messages.ts';
import type { ChatId } from '../../src/structures/ids.ts';
import { type Device, textsOf } from './device.ts';
import { about, overEachTransport } from './served.ts';

const size = 40;

overEachTransport(`a group of ${size}`, (served) => {
  test('hears every message once and in order, and the sender gets sent instead', async () => {
    const { owner, members, chatId } = await crowd();
    for (let nth = 0; nth < 20; nth += 1) await owner.say(chatId, `message ${nth}`);
    const texts = Array.from({ length: 20 }, (_, nth) => `message ${nth}`);
    for (const member of members) {
      await member.next('entry', (entry) => entry.chatId === chatId && entry.seq === 22);
      assert.deepEqual(textsOf(once(member, chatId)), texts);
      assert.deepEqual(
        once(member, chatId).map(({ seq }) => seq),
        ascending(once(member, chatId)),
      );
    }
    await owner.settled();
    assert.deepEqual(textsOf(owner.all('entry').filter(about(chatId))), []);
  });

  test('where everybody writes at once each hears all of it, several entries a frame', async () => {
    const { owner, members, chatId } = await crowd();
    const everybody = [owner, ...members];
    const told = await Promise.all(everybody.flatMap((device) => Array.from({ length: 4 }, (_, nth) => device.say(chatId, `${device.userId} ${nth}`))));
    const last = Math.max(...told.map(({ seq }) => seq));
    for (const device of everybody) {
      const isOwn = (at: number): boolean => everybody[Math.floor(at / 4)] === device;
      const own = told.filter((_, at) => isOwn(at)).map(({ seq }) => seq);
      for (const { seq } of told.filter((_, at) => !isOwn(at))) await device.next('entry', (entry) => entry.chatId === chatId && entry.seq === seq); // some come over NATS
      const heard = once(device, chatId).filter(({ entryKind }) => entryKind === entryKinds.message);
      const seqs = heard.map(({ seq }) => seq);
      assert.deepEqual(
        [...new Set([...seqs, ...own])].sort((one, other) => one - other),
        Array.from({ length: told.length }, (_, at) => last - told.length + 1 + at),
      );
      for (const { seq, author } of heard) assert.equal(author === device.userId, own.includes(seq));
    }
    const came = [...(members[0] as Device).client.journal.read()].flatMap(({ direction, bytes }) => (direction === 'in' ? [decodeToDevice(bytes)] : []));
    const together = came.flatMap((frame) => (frame.kind === 'pushed' ? frame.entries : []));
    assert(together.length > 1);
    assert.deepEqual([...new Set(together.map(({ seq }) => seq))], ascending(together));
  });

  test('takes in a member who comes late, and lets one go who is removed', async () => {
    const { owner, members, chatId } = await crowd();
    const late = await served.user();
    const { seq: added } = await owner.askFor('sent', { kind: 'addMembers', chatId, number: owner.number(), after: owner.after(chatId), userIds: [late.userId] });
    await late.next('entry', ({ seq }) => seq === added);
    const gone = members[7] as Device;
    const removal = await owner.askFor('sent', { kind: 'removeMember', chatId, number: owner.number(), after: owner.after(chatId), userId: gone.userId });
    const said: number[] = [];
    for (let nth = 0; nth < 10; nth += 1) said.push((await owner.say(chatId, `after the removal ${nth}`)).seq);
    const last = said.at(-1) as number;
    for (const member of [late, ...members]) if (member !== gone) await member.next('entry', ({ seq }) => seq === last);
    await gone.settled();
    assert.deepEqual(
      gone.all('entry').filter((entry) => entry.chatId === chatId && entry.seq > removal.seq),
      [],
    );
    assert(gone.all('entry').some((entry) => entry.seq === removal.seq && entry.entryKind === entryKinds.removed));
    assert.deepEqual(
      (await late.pullAll(chatId)).map(({ seq }) => seq),
      [added, removal.seq, ...said],
    );
    assert.deepEqual((await gone.pullAll(chatId)).at(-1)?.seq, removal.seq);
  });

  test('a device that comes back resumes, hears the chat again, and has missed nothing', async () => {
    const { owner, members, chatId } = await crowd();
    const before = members[3] as Device;
    await before.close();
    for (let nth = 0; nth < 5; nth += 1) await owner.say(chatId, `while away ${nth}`);
    const back = await served.connect(before.account);
    const cursors = [{ chatId, seq: 2, receiptsVersion: 0 }];
    const moved = await back.askFor('moved', { kind: 'resume', request: back.request(), incarnation: back.welcome.incarnation, cursors, last: true });
    assert.deepEqual(
      moved.rows.map(({ head }) => head),
      [7],
    );
    // Joining the audience is told with the head from which on it pushes; what came between is pulled.
    const joined = await back.next('moved', ({ request, rows }) => request === 0 && rows.some((row) => row.chatId === chatId));
    const { seq } = await owner.say(chatId, 'are you back?');
    await back.next('entry', (entry) => entry.chatId === chatId && entry.seq === seq);
    const pulled = await back.pullAll(chatId, 2);
    assert.deepEqual(
      pulled.map((entry) => entry.seq),
      [3, 4, 5, 6, 7, 8],
    );
    assert.equal(joined.rows[0]?.head, 7);
  });

  test("typing and the receipts of others are left out, one's own other device still hears of reading", async () => {
    const { owner, members, chatId } = await crowd();
    const [ann, bob] = members as [Device, Device];
    const second = await served.another(ann);
    const { seq } = await owner.say(chatId, 'read this');
    await ann.next('entry', (entry) => entry.seq === seq);
    ann.tell({ kind: 'typing', chatId, on: true });
    ann.tell({ kind: 'read', chatId, seq });
    assert.equal((await second.next('receipt', about(chatId))).read, seq);
    await bob.settled();
    assert.deepEqual(
      bob.frames.filter(({ kind }) => kind === 'receipt' || kind === 'typingBy'),
      [],
    );
  });

  /** A group of that size, all of whom are connected and hear it. */
  async function crowd(): Promise<{ readonly owner: Device; readonly members: readonly Device[]; readonly chatId: ChatId }> {
    const owner = await served.user();
    const members = await served.users(size - 1);
    const chatId = await owner.group(
      'crowd',
      members.map(({ userId }) => userId),
    );
    for (const member of members) await member.next('entry', (entry) => entry.chatId === chatId && entry.entryKind === entryKinds.grown);
    return { owner, members, chatId };
  }
});

/** What a device was pushed of the chat, each seq once: while a chat has just grown, pushes come both ways. */
function once(device: Device, chatId: string) {
  const bySeq = new Map(
    device
      .all('entry')
      .filter(about(chatId))
      .map((entry) => [entry.seq, entry]),
  );
  return [...bySeq.values()];
}

function ascending(entries: readonly { readonly seq: number }[]): readonly number[] {
  return entries.map(({ seq }) => seq).sort((one, other) => one - other);
}
