import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GLOB, globMatches, matchNames } from '../../src/plan/glob.ts';

describe('globMatches', () => {
  test.each([
    ['default', 'default', true],
    ['default', 'defaults', false],
    ['default', 'a-default', false],
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'anything', true],
    ['**', 'a', true],
    ['?', '', false],
    ['?', 'a', true],
    ['?', 'ab', false],
    ['?*', '', false],
    ['?*', 'abc', true],
    ['kube-*', 'kube-', true],
    ['kube-*', 'kube', false],
    ['*-system', 'pullpass-system', true],
    ['*-system', '-system', true],
    ['*-system', 'system', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['*ab', 'aab', true],
    ['*a?b', 'aaab', true],
    ['team-?-*', 'team-a-prod', true],
    ['team-?-*', 'team-ab-prod', false],
    // Nothing but the two wildcards means anything but itself.
    ['a.c', 'abc', false],
    ['a.c', 'a.c', true],
    ['[a]', 'a', false],
  ])('%j on %j is %j', (pattern, name, matches) => {
    expect(globMatches(pattern, name)).toBe(matches);
  });

  test('agrees with a matcher that tries every way there is', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
    const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
    fc.assert(fc.property(pattern, name, (p, n) => globMatches(p, n) === tryEverything(p, n)), { numRuns: 5_000 });
  });

  test('a pattern made to backtrack costs no more than pattern times name', () => {
    // A compiled regular expression would need 2^200 steps here; this test would then not end.
    const pattern = `${'*a'.repeat(200)}*b`;
    expect(globMatches(pattern, 'a'.repeat(20_000))).toBe(false);
    expect(globMatches(pattern, `${'a'.repeat(20_000)}b`)).toBe(true);

    const { name, reads } = counted('a'.repeat(253));
    expect(globMatches(`${'*a'.repeat(60)}*b`, name)).toBe(false);
    expect(reads()).toBeLessThan(253 * 122);
  });

  test('a pattern as long as an annotation can be is read once', () => {
    const { name: pattern, reads } = counted('*'.repeat(256 * 1024));
    expect(globMatches(pattern, 'default')).toBe(true);
    expect(reads()).toBeLessThan(2 * 256 * 1024);
  });
});

describe('matchNames', () => {
  test.each<[string[], string[], string[]]>([
    [[], [], ['default', '']],
    [['default'], ['default'], ['builder']],
    [['default', 'builder'], ['default', 'builder'], ['ci']],
    [['*', '!ci-*'], ['default'], ['ci-1']],
    // Order is of no account: an exclusion wins wherever it stands.
    [['!ci-*', '*'], ['default'], ['ci-1']],
    [['ci-1', '!ci-*'], [], ['ci-1', 'default']],
    [['!ci-*'], ['default', 'builder'], ['ci-1']],
    [['!*'], [], ['default']],
    [['!a', '!b'], ['c'], ['a', 'b']],
  ])('%j takes %j and not %j', (patterns, taken, left) => {
    const matches = matchNames(patterns);
    expect(taken.filter((name) => !matches(name))).toEqual([]);
    expect(left.filter(matches)).toEqual([]);
  });

  test('names that mean something to JavaScript are names like any other', () => {
    const matches = matchNames(['constructor', '__proto__']);
    expect(['constructor', '__proto__'].every(matches)).toBe(true);
    expect(['toString', 'prototype', ''].some(matches)).toBe(false);
  });
});

test.each([
  ['default', true], ['*', true], ['!ci-*', true], ['a.b-c?', true],
  ['', false], ['!', false], ['!!a', false], ['a!', false], ['Upper', false], ['a b', false], ['a,b', false], ['ä', false], ['a\n', false],
])('%j is a pattern: %j', (pattern, is) => {
  expect(GLOB.test(pattern)).toBe(is);
});

/** The meaning, written down without a thought of cost. */
function tryEverything(pattern: string, name: string): boolean {
  if (pattern === '') return name === '';
  const rest = pattern.slice(1);
  if (pattern.startsWith('*')) return tryEverything(rest, name) || (name !== '' && tryEverything(pattern, name.slice(1)));
  return name !== '' && (pattern.startsWith('?') || pattern[0] === name[0]) && tryEverything(rest, name.slice(1));
}

/** A text that counts how often one of its characters is read. */
function counted(text: string): { name: string; reads: () => number } {
  let reads = 0;
  const proxy = new Proxy(Object(text) as object, {
    get(target, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads++;
      return Reflect.get(target, key, target) as unknown;
    },
  });
  return { name: proxy as unknown as string, reads: () => reads };
}
