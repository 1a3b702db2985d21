/** Label selectors in annotations of other tools. */
import { expect, test } from 'vitest';
import { selectorText } from '../../src/config/label-selector.ts';
import { selectorOf } from '../../src/migrate/selectors.ts';

const read = (...texts: string[]): string | undefined => {
  const selector = selectorOf(texts);
  return selector && selectorText(selector);
};

test.each([
  ['env=prod', 'env=prod'],
  [' env == prod , example.com/tier != x ', 'env=prod,example.com/tier!=x'],
  ['env in (a, b),tier notin (c)', 'env in (a,b),tier!=c'],
  ['a,!b,! c', 'a,!b,!c'],
  ['in in (in),notin', 'in=in,notin'],
])('%j', (text, same) => {
  expect(read(text)).toBe(same);
  expect(read(text, text)).toBe(same);
});

test.each([
  '',
  ' ',
  ',',
  'a,',
  ',a',
  'a,,b',
  'a=',
  'a in ()',
  'a in (b,)',
  'a in(b)',
  '!a=b',
  '!a in (b)',
  'a>1',
  'a b',
  'a=b c',
  '-a',
  'a=-b',
  'a/b/c',
  'a=1,a=2',
  'a\u2026',
  `${'a'.repeat(64)}=b`,
  `a=${'b'.repeat(64)}`,
  `a in (${Array.from({ length: 251 }, (_, i) => i).join()})`,
])('%j: nobody is sure', (text) => {
  expect(read(text)).toBeUndefined();
});

test('100 values, and whatever a tenant writes is read in no time', () => {
  const values = Array.from({ length: 100 }, (_, i) => `v${i}`).join();
  expect(read(`a in (${values})`)).toBe(`a in (${values})`);
  for (const part of ['a', 'a ', 'a in (', 'a,', '!', '('])
    expect([part, read(part.repeat(100_000))]).toEqual([part, undefined]);
});
