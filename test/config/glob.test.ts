import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_ANNOTATION } from '../../src/plan/bounds.ts';
import { GLOB, globMatches, matchNames } from '../../src/config/glob.ts';

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
    fc.assert(
      fc.property(pattern, name, (p, n) => globMatches(p, n) === tryEverything(p, n)),
      { numRuns: 5_000 },
    );
  });

  test('agrees with a matcher that goes back to the last star, on whatever names and patterns', () => {
    const characters = fc.constantFrom('a', 'b', '-', '.', '*', '?', 'ä', '\u{1f600}', '\ud83d');
    const pattern = fc.string({ unit: characters, maxLength: 80 });
    const name = fc.string({ unit: characters, maxLength: 40 });
    fc.assert(
      fc.property(pattern, name, (p, n) => globMatches(p, n) === greedy(p, n)),
      { numRuns: 5_000 },
    );
  });

  test('a pattern made to backtrack costs no more than pattern times name', () => {
    // A compiled regular expression would need 2^200 steps here; this test would then not end.
    const pattern = `${'*a'.repeat(200)}*b`;
    expect(globMatches(pattern, 'a'.repeat(20_000))).toBe(false);
    expect(globMatches(pattern, `${'a'.repeat(20_000)}b`)).toBe(true);
    expect(globMatches('*'.repeat(256 * 1024), 'default')).toBe(true);
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

  test('a list means what its patterns mean one by one', () => {
    const glob = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), minLength: 1, maxLength: 12 });
    const list = fc.array(
      fc.tuple(fc.boolean(), glob).map(([excludes, pattern]) => (excludes ? `!${pattern}` : pattern)),
      { minLength: 1, maxLength: 20 },
    );
    const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
    fc.assert(
      fc.property(list, name, (patterns, n) => {
        const [out, listed] = [patterns.filter((p) => p.startsWith('!')), patterns.filter((p) => !p.startsWith('!'))];
        const expected =
          (listed.length === 0 || listed.some((p) => greedy(p, n))) && !out.some((p) => greedy(p.slice(1), n));
        return matchNames(patterns)(n) === expected;
      }),
      { numRuns: 3_000 },
    );
  });

  test('the worst list that counts costs a small part of what it costs to try its patterns one by one', () => {
    const pattern = `*${'a'.repeat(128)}b`;
    const patterns = Array.from({ length: Math.floor(MAX_ANNOTATION / (pattern.length + 1)) }, () => pattern);
    const names = Array.from({ length: 100 }, (_, i) => `${'a'.repeat(250)}${100 + i}`);
    const each = timeOf(() => expect(names.filter((name) => patterns.some((p) => greedy(p, name)))).toEqual([]));
    // In truth a fiftieth.
    expect(timeOf(() => expect(names.filter(matchNames(patterns))).toEqual([]))).toBeLessThan(each / 8);
  });

  test('names that mean something to JavaScript are names like any other', () => {
    const matches = matchNames(['constructor', '__proto__']);
    expect(['constructor', '__proto__'].every(matches)).toBe(true);
    expect(['toString', 'prototype', ''].some(matches)).toBe(false);
  });
});

test.each([
  ['default', true],
  ['*', true],
  ['!ci-*', true],
  ['a.b-c?', true],
  ['', false],
  ['!', false],
  ['!!a', false],
  ['a!', false],
  ['Upper', false],
  ['a b', false],
  ['a,b', false],
  ['ä', false],
  ['a\n', false],
])('%j is a pattern: %j', (pattern, is) => {
  expect(GLOB.test(pattern)).toBe(is);
});

/** The meaning, written down without a thought of cost. */
function tryEverything(pattern: string, name: string): boolean {
  if (pattern === '') return name === '';
  const rest = pattern.slice(1);
  if (pattern.startsWith('*'))
    return tryEverything(rest, name) || (name !== '' && tryEverything(pattern, name.slice(1)));
  return name !== '' && (pattern.startsWith('?') || pattern[0] === name[0]) && tryEverything(rest, name.slice(1));
}

/** As cheap as it gets with one pattern at a time: what this was before. */
function greedy(pattern: string, name: string): boolean {
  let p = 0;
  let n = 0;
  let star = -1;
  let taken = 0;
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p++;
      taken = n;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === name[n])) {
      p++;
      n++;
    } else if (star >= 0) {
      p = star + 1;
      n = ++taken;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** The quickest of three, in milliseconds: others use the machine as well. */
function timeOf(run: () => void): number {
  return Math.min(
    ...[1, 2, 3].map(() => {
      const from = performance.now();
      run();
      return performance.now() - from;
    }),
  );
}
