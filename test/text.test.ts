import { describe, expect, test } from 'vitest';
import {
  agree,
  capital,
  cutList,
  fit,
  oneLine,
  plural,
  printable,
  quote,
  quoteList,
  sentence,
  some,
} from '../src/text.ts';

test('numbers and their words', () => {
  expect([0, 1, 2].map((n) => plural(n, 'copy', 'copies'))).toEqual(['0 copies', '1 copy', '2 copies']);
  expect(plural(3, 'pod')).toBe('3 pods');
  expect([1, 2].map((n) => agree(n, 'is', 'are'))).toEqual(['is', 'are']);
});

test('lists name the first few, and how many more there are', () => {
  expect(some(['a', 'b', 'c'])).toBe('a, b, c');
  expect(some(['a', 'b', 'c', 'd'])).toBe('a, b, c and 1 more');
  expect(quoteList(['a', 'a', 'b', 'c', 'd', 'e', 'f'])).toBe('"a", "b", "c", "d", "e" and 1 more');
});

test('sentences begin large and end with one stop', () => {
  expect(capital('copy x')).toBe('Copy x');
  expect(['no', 'no!', 'no.'].map(sentence)).toEqual(['no.', 'no!', 'no.']);
});

describe('a text of a stranger', () => {
  const hostile = 'a\r\n\u001b[2Jb\u202Ec\u2028d\u0000';
  test('comes on one line, without what turns or clears a terminal', () => {
    expect(fit(hostile)).toBe('a [2Jb c d');
    expect(oneLine('a\n\n b')).toBe('a b');
    expect(quote(hostile)).toBe('"a???[2Jb?c?d?"');
    expect(printable(hostile)).toBe('a\\u{d}\\u{a}\\u{1b}[2Jb\\u{202e}c\\u{2028}d\\u{0}');
  });
  test('is no longer than there is room for', () => {
    expect(fit('x'.repeat(301))).toBe(`${'x'.repeat(300)}...`);
    expect(fit('x'.repeat(300))).toBe('x'.repeat(300));
    expect(fit('x'.repeat(10), 5)).toBe('xxxxx...');
    expect(quote('x'.repeat(81))).toBe(JSON.stringify(`${'x'.repeat(77)}...`));
    expect(quote('x'.repeat(80))).toBe(JSON.stringify('x'.repeat(80)));
    expect(cutList(['aaaa', 'b', 'c'], 2, 6)).toEqual(['aa', 'b']);
  });
});
