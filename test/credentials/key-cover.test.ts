/** Which registry keys reach all that another one reaches. */
import { expect, test } from 'vitest';
import { covers, reachOf } from '../../src/credentials/key-cover.ts';

const wide = (one: string, other: string): boolean => covers(reachOf(one), reachOf(other));

test.each([
  ['quay.io', 'quay.io'],
  ['https://quay.io/v2/', 'quay.io'],
  ['quay.io', 'quay.io/team'],
  ['quay.io/te', 'quay.io/team'],
  ['*.io', 'quay.io'],
  ['*.io', 'quay.io/team'],
  ['*.io:5000', 'quay.io:5000'],
  ['*.io', '*.io/team'],
  ['docker.io', 'https://index.docker.io/v1/'],
  ['index.docker.io', 'docker.io'],
])('%s covers %s', (one, other) => {
  expect(wide(one, other)).toBe(true);
});

test.each([
  ['quay.io', 'ghcr.io'],
  ['quay.io/team', 'quay.io'],
  ['quay.io/team', 'quay.io/other'],
  ['quay.io', 'quay.io:5000'],
  ['*.io:5000', 'quay.io'],
  ['quay.io', '*.io'],
  ['*.io', 'a.quay.io'],
  ['*.*', 'q*.io'],
  ['docker.io', 'registry-1.docker.io'],
  ['docker.io', 'quay.io'],
  ['quay.io:x', 'quay.io:x'],
  ['quay.io:x', 'quay.io'],
  ['quay.io', 'quay.io:x'],
])('%s does not cover %s, or nobody can tell', (one, other) => {
  expect(wide(one, other)).toBe(false);
});
