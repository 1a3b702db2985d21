import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { digestOf } from '../../src/credentials/digest.ts';

test('digests are equal for equal content under one key, and for nothing else', () => {
  const [key, other] = [randomBytes(32), randomBytes(32)];
  expect(digestOf('content', key)).toBe(digestOf(Buffer.from('content'), key));
  expect(digestOf('content', key)).not.toBe(digestOf('content ', key));
  expect(digestOf('content', key)).not.toBe(digestOf('content', other));
});

test('is the same whatever was digested in between, with as many contents as there may be, and with long ones', () => {
  const key = randomBytes(32);
  const contents = [...Array.from({ length: 7 }, (_, i) => `content ${i}`), 'x'.repeat(100_000)];
  for (const content of [...contents, ...contents, ...contents.toReversed()])
    expect(digestOf(content, key)).toBe(digestOf(Buffer.from(content), key));
});

test('a digest is no plain hash, which could be looked up', () => {
  const digest = digestOf('content', randomBytes(32));
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect(digest).not.toBe(createHash('sha256').update('content').digest('hex'));
});
