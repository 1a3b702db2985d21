import { expect, test } from 'vitest';
import { MAX_NAMESPACES, parseNamespaceList } from '../../src/config/namespace-list.ts';

const many = (n: number): string => Array.from({ length: n }, (_, i) => `team-${i}`).join(',');

test('names are kept in their order, with or without spaces', () => {
  expect(parseNamespaceList('b, a ,c-1')).toEqual({ ok: true, namespaces: ['b', 'a', 'c-1'] });
});

test('as many as are allowed, and not one more', () => {
  expect(parseNamespaceList(many(MAX_NAMESPACES))).toMatchObject({ ok: true });
  expect(parseNamespaceList(many(MAX_NAMESPACES + 1))).toEqual({
    ok: false,
    problem: 'has 51 names: at most 50. For more, leave it out, and use cluster-wide rights.',
  });
});

test.each([
  ['', /^is empty: name namespaces, or leave it out/],
  [' ', /^is empty/],
  ['a,,b', /^has an empty name/],
  ['a,', /^has an empty name/],
  ['a,b,a', /^names "a" twice/],
  ['Team', /^"Team" is not a valid name: lower-case/],
  ['a.b', /^"a.b" is not a valid name/],
  ['team-*', /^"team-\*" is not a valid name/],
  ['-a', /^"-a" is not a valid name/],
  ['x'.repeat(64), /is longer than 63 characters\.$/],
  ['a\nb', /^"a\?b" is not a valid name/],
])('%j is refused in one line', (text, problem) => {
  const parsed = parseNamespaceList(text);
  expect(parsed).toMatchObject({ ok: false, problem: expect.stringMatching(problem) as string });
  expect('problem' in parsed && parsed.problem).not.toContain('\n');
});
