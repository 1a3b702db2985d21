/** How shapes decide what is merged, compared and removed field by field or item by item. */
import { expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { keyedList, string, stringList, strings, struct, type StructShape } from '../schema/shape.ts';
import { compare, fieldSetOf, merge, remove } from './typed.ts';

const shape: StructShape = struct('Thing', {
  labels: strings,
  atomic: stringList,
  set: { type: 'list', items: string, ownership: 'set' },
  items: keyedList(struct('Item', { name: string, value: string }), ['name']),
  whole: struct('Whole', { a: string, b: string }, { atomic: true }),
});

test('field sets know containers, items and leaves', () => {
  const object: JsonObject = {
    labels: { a: 'b' },
    atomic: ['x'],
    set: ['s'],
    items: [{ name: 'n', value: 'v' }],
    whole: { a: '1' },
  };
  expect(fieldSetOf(object, shape).toJson()).toEqual({
    'f:labels': { 'f:a': {} },
    'f:atomic': {},
    'f:set': { 'v:"s"': {} },
    'f:items': { 'k:{"name":"n"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
    'f:whole': {},
  });
  expect(fieldSetOf({ labels: {} }, shape).toJson()).toEqual({ 'f:labels': {} });
});

test('a difference names what came, changed and went', () => {
  const { added, modified, removed } = compare(
    { labels: { a: '1', b: '2' }, atomic: ['x'] },
    { labels: { a: '9', c: '3' }, atomic: ['x', 'y'], set: ['s'] },
    shape,
  );
  expect(added.toJson()).toEqual({ 'f:labels': { 'f:c': {} }, 'f:set': { '.': {}, 'v:"s"': {} } });
  expect(modified.toJson()).toEqual({ 'f:atomic': {}, 'f:labels': { 'f:a': {} } });
  expect(removed.toJson()).toEqual({ 'f:labels': { 'f:b': {} } });
});

test('merging keeps the others and the order of what is applied', () => {
  const items = (...names: string[]): JsonObject => ({ items: names.map((name) => ({ name })) });
  expect(merge(items('a', 'b', 'c'), items('c', 'x', 'a'), shape)).toEqual(items('b', 'c', 'x', 'a'));
  expect(merge({ items: [{ name: 'a', value: '1' }] }, items('a'), shape)).toEqual({
    items: [{ name: 'a', value: '1' }],
  });
  expect(merge({ atomic: ['a'], whole: { a: '1' } }, { atomic: ['b'], whole: { b: '2' } }, shape)).toEqual({
    atomic: ['b'],
    whole: { b: '2' },
  });
});

test('removing takes items out of lists and keys out of maps', () => {
  const object: JsonObject = {
    labels: { a: '1', b: '2' },
    set: ['s', 't'],
    items: [{ name: 'n', value: 'v' }, { name: 'm' }],
  };
  const gone = fieldSetOf({ labels: { a: '1' }, set: ['s'], items: [{ name: 'm' }] }, shape);
  expect(remove(object, gone, shape)).toEqual({ labels: { b: '2' }, set: ['t'], items: [{ name: 'n', value: 'v' }] });
});
