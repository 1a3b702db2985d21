/** What a registry answered, which may belong to anybody. */
import { expect, test } from 'vitest';
import { redactText } from '../../../src/audit/observe/redact.ts';

test('logins, queries and tokens are left out, wherever they stand', () => {
  expect(redactText('get "https://u:p@a.b/c?sig=1&x" (http://c?d), see https://e/f?g=h#i and what? no')).toBe(
    'get "https://***@a.b/c?..." (http://c?... see https://e/f?... and what? no',
  );
  expect(redactText('Authorization: Bearer abcdefghij')).toBe('Authorization: Bearer ***');
});

test('a text made of the beginnings of URLs costs no more than any other', () => {
  const cost = (text: string): number => {
    const from = performance.now();
    for (let i = 0; i < 50; i++) redactText(text);
    return performance.now() - from;
  };
  const rounds = [0, 1, 2].map(
    () => cost('https://'.repeat(500) + 'a'.repeat(1_000_000)) / cost('a'.repeat(1_004_000)),
  );
  // It was several thousand times as much.
  expect(Math.min(...rounds)).toBeLessThan(500);
});
