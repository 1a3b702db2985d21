/** The table of Go's own tests of filepath.Match (path/filepath/match_test.go, Go 1.26). */
import { expect, test } from 'vitest';
import { toByteString } from '../../src/credentials/byte-string.ts';
import { goGlobMatches } from '../../src/credentials/go-glob.ts';

test.each([
  ['abc', 'abc', true],
  ['*', 'abc', true],
  ['*c', 'abc', true],
  ['a*', 'a', true],
  ['a*', 'abc', true],
  ['a*', 'ab/c', false],
  ['a*/b', 'abc/b', true],
  ['a*/b', 'a/c/b', false],
  ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
  ['a*b*c*d*e*/f', 'axbxcxdxexxx/f', true],
  ['a*b*c*d*e*/f', 'axbxcxdxe/xxx/f', false],
  ['a*b*c*d*e*/f', 'axbxcxdxexxx/fff', false],
  ['a*b?c*x', 'abxbbxdbxebxczzx', true],
  ['a*b?c*x', 'abxbbxdbxebxczzy', false],
  ['ab[c]', 'abc', true],
  ['ab[b-d]', 'abc', true],
  ['ab[e-g]', 'abc', false],
  ['ab[^c]', 'abc', false],
  ['ab[^b-d]', 'abc', false],
  ['ab[^e-g]', 'abc', true],
  ['a\\*b', 'a*b', true],
  ['a\\*b', 'ab', false],
  ['a?b', 'a☺b', true],
  ['a[^a]b', 'a☺b', true],
  ['a???b', 'a☺b', false],
  ['a[^a][^a][^a]b', 'a☺b', false],
  ['[a-ζ]*', 'α', true],
  ['*[a-ζ]', 'A', false],
  ['a?b', 'a/b', false],
  ['a*b', 'a/b', false],
  ['[\\]a]', ']', true],
  ['[\\-]', '-', true],
  ['[x\\-]', 'x', true],
  ['[x\\-]', '-', true],
  ['[x\\-]', 'z', false],
  ['[\\-x]', 'x', true],
  ['[\\-x]', '-', true],
  ['[\\-x]', 'a', false],
  ['*x', 'xxx', true],
])('%s on %s: %s', (pattern, name, match) => {
  expect(goGlobMatches(toByteString(pattern), toByteString(name))).toBe(match);
});

test.each([
  ['[]a]', ']'],
  ['[-]', '-'],
  ['[x-]', 'x'],
  ['[x-]', '-'],
  ['[-x]', 'x'],
  ['[-x]', '-'],
  ['\\', 'a'],
  ['[a-b-c]', 'a'],
  ['[', 'a'],
  ['[^', 'a'],
  ['[^bc', 'a'],
  ['a[', 'a'],
  ['a[', 'ab'],
  ['a/b[', 'x'],
])('%s is malformed, and matches nothing', (pattern, name) => {
  expect(goGlobMatches(pattern, name)).toBe(false);
});
