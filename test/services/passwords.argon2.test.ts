// Passwords are kept dearly, but never so dearly that hashing takes the server over.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { argon2Passwords } from '../../src/services/passwords.argon2.ts';

test('a password is kept as argon2id with the recommended cost, salted', async () => {
  const passwords = await argon2Passwords();
  const [first, second] = await Promise.all([passwords.hash('correct horse'), passwords.hash('correct horse')]);
  assert.match(first, /^\$argon2id\$v=19\$m=19456,p=1,t=2\$/);
  assert.notEqual(first, second);
});

test('the right password is right, another is wrong, and nobody has any', async () => {
  const passwords = await argon2Passwords();
  const encoded = await passwords.hash('correct horse');
  assert.equal(await passwords.verify('correct horse', encoded), true);
  assert.equal(await passwords.verify('correct horsf', encoded), false);
  assert.equal(await passwords.verify('correct horse', undefined), false);
});

test('a password is the same whichever code points a keyboard makes it of', async () => {
  const passwords = await argon2Passwords();
  assert.equal(await passwords.verify('cafe\u0301 au lait', await passwords.hash('caf\u00e9 au lait')), true);
});

test('an unknown handle costs as much work as a wrong password', async () => {
  const passwords = await argon2Passwords();
  const encoded = await passwords.hash('correct horse');
  const cost = async (of: string | undefined): Promise<number> => {
    const began = process.cpuUsage(); // not the clock's time: other programs take some of that
    for (let round = 0; round < 4; round += 1) await passwords.verify('wrong horse', of);
    const { user, system } = process.cpuUsage(began);
    return user + system;
  };
  const ratio = (await cost(undefined)) / (await cost(encoded));
  assert.ok(ratio > 0.4 && ratio < 2.5, `an unknown handle costs ${ratio.toFixed(2)} times as much`);
});

test('only so many are hashed at once, only so many wait, and the others are told busy', async () => {
  const passwords = await argon2Passwords({ atOnceMax: 1, waitingMax: 2 });
  const answers = await Promise.all(Array.from({ length: 5 }, (_, at) => passwords.hash(`password ${at}`)));
  assert.deepEqual(
    answers.map((answer) => answer === 'busy'),
    [false, false, false, true, true],
  );
  assert.notEqual(await passwords.hash('password again'), 'busy', 'there is room again');
});
