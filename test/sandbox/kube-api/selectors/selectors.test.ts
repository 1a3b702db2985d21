/** Selectors: the conformance suite checks what they match; here are edge cases of their grammars. */
import { describe, expect, test } from 'vitest';
import { parseRequirements } from './field-selector.ts';
import { parseLabelSelector } from './label-selector.ts';

describe('label selectors', () => {
  const matches = (selector: string, labels: Record<string, string> | undefined): boolean =>
    parseLabelSelector(selector)(labels);
  test('match nothing special when empty', () =>
    expect([matches('', undefined), matches(' ', { a: 'b' })]).toEqual([true, true]));
  test('take white space anywhere', () => expect(matches('  a  in ( b , c ) , d ', { a: 'c', d: '' })).toBe(true));
  test('know prefixes', () => expect(matches('example.com/a=b', { 'example.com/a': 'b' })).toBe(true));
  test('count an absent label as different', () =>
    expect([matches('a!=b', {}), matches('a notin (b)', {})]).toEqual([true, true]));
  test('compare numbers only', () =>
    expect([matches('a>5', { a: '10' }), matches('a>5', { a: 'x' }), matches('a<5', {})]).toEqual([
      true,
      false,
      false,
    ]));
  test('know the empty value', () =>
    expect([matches('a=', { a: '' }), matches('a=', {}), matches('a in (,b)', { a: '' })]).toEqual([
      true,
      false,
      true,
    ]));
  test.for(['a=b=c', 'a in', 'a in (b', '!', ',a', 'a,,b', 'a==b c', 'a!'])('refuse %s', (selector) =>
    expect(() => parseLabelSelector(selector)).toThrow(),
  );
});

test('field selectors know escapes and three operators', () => {
  expect(parseRequirements('a=b,c!=d\\,e,f==g')).toEqual([
    { path: 'a', negated: false, value: 'b' },
    { path: 'c', negated: true, value: 'd,e' },
    { path: 'f', negated: false, value: 'g' },
  ]);
});
