// docs/protocol.md is what src/protocol says.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { protocolDocs, protocolDocsFile } from '../../scripts/protocol-docs.ts';
import { fromDeviceFrames, toDeviceFrames } from '../../src/protocol/codec.ts';

test('docs/protocol.md is up to date', () => {
  assert.ok(readFileSync(protocolDocsFile, 'utf8') === protocolDocs(), 'Run: npm run protocol-docs');
});

test('it names every frame, and every comment that stands beside a field', () => {
  const text = protocolDocs();
  for (const { type, kind } of [...fromDeviceFrames, ...toDeviceFrames]) assert.ok(text.includes(`### ${type} \`${kind}\``), kind);
  for (const file of ['connection', 'members', 'messages', 'sync']) {
    const source = readFileSync(new URL(`../../src/protocol/${file}.ts`, import.meta.url), 'utf8');
    for (const [, comment] of source.matchAll(/^ {2}\w+: .*?\/\/ (.*)$/gm)) assert.ok(text.includes(comment as string), `${file}.ts: "${comment}"`);
  }
  assert.ok(!text.includes('undefined'));
});
