import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { digestOf } from '../../src/credentials/digest.ts';

test('digests are equal for equal content under one key, and for nothing else', () => {
  const [key, other] = [randomBytes(32), randomBytes(32)];
  expect(digestOf('content', key)).toBe(digestOf(Buffer.from('content'), key));
  expect(digestOf('content', key)).not.toBe(digestOf('content ', key));
  expect(digestOf('content', key)).not.toBe(digestOf('content', other));
});

test('a digest is no plain hash, which could be looked up', () => {
  const digest = digestOf('content', randomBytes(32));
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect(digest).not.toBe(createHash('sha256').update('content').digest('hex'));
});
