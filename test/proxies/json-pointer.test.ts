/** Fields of an object by their path. */
import { expect, test } from 'vitest';
import { escapePart, readField } from '../../src/proxies/json-pointer.ts';

const object = { spec: { list: ['a', { name: 'b' }], 'a/b': { '~c': 1 }, nothing: null, text: 'x' } };

test.each<[string, unknown]>([
  ['', object],
  ['/spec/list/0', 'a'],
  ['/spec/list/1/name', 'b'],
  ['/spec/a~1b/~0c', 1],
  ['/spec/nothing', undefined],
  ['/spec/other', undefined],
  ['/other', undefined],
  ['/spec/constructor', undefined],
  ['/spec/list/2', undefined],
])('%j is read', (pointer, value) => {
  expect(readField(object, pointer)).toEqual({ value });
});

test.each([
  ['/other/a', '/other'],
  ['/other/a/b', '/other'],
  ['/spec/nothing/a', '/spec/nothing'],
  ['/spec/text/a/b', '/spec/text'],
  ['/spec/a~1b/x/y', '/spec/a~1b/x'],
])('%j has no parent: %j is missing', (pointer, missingParent) => {
  expect(readField(object, pointer)).toEqual({ missingParent });
});

test('a part with a slash or a tilde is one part', () => {
  expect(escapePart('a/~1/b~')).toBe('a~1~01~1b~0');
  expect(readField({ 'a/~1/b~': 1 }, `/${escapePart('a/~1/b~')}`)).toEqual({ value: 1 });
});
