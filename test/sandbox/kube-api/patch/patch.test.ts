/** The three patch formats. The conformance suite compares them with the real server; here are the edge cases. */
import { describe, expect, test } from 'vitest';
import type { Json, JsonObject } from '../json.ts';
import { atomicList, keyedList, string, struct, type ListShape } from '../schema/shape.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { applyStrategicMerge } from './strategic-merge.ts';

describe('strategic merge', () => {
  const finalizers: ListShape = { type: 'list', items: string, ownership: 'set', mergeKey: '' };
  const shape = struct('Thing', {
    items: keyedList(struct('Item', { name: string, list: atomicList(string) }), ['name']),
    replaced: atomicList(string),
    finalizers,
  });
  const items = (...names: string[]): JsonObject => ({ items: names.map((name) => ({ name })) });
  const cases: [what: string, target: JsonObject, patch: JsonObject, result: JsonObject][] = [
    ['puts new items first', items('a', 'b'), items('c'), items('c', 'a', 'b')],
    ['keeps the order of items that were there', items('a', 'b', 'c'), items('b'), items('a', 'b', 'c')],
    [
      'merges within an item',
      { items: [{ name: 'a', list: ['1'], x: '1' }] },
      { items: [{ name: 'a', list: ['2'] }] },
      { items: [{ name: 'a', list: ['2'], x: '1' }] },
    ],
    ['deletes an item', items('a', 'b'), { items: [{ name: 'a', $patch: 'delete' }] }, items('b')],
    ['deletes an item that is not there', items('a'), { items: [{ name: 'z', $patch: 'delete' }] }, items('a')],
    [
      'orders without changing',
      items('a', 'b'),
      { '$setElementOrder/items': [{ name: 'b' }, { name: 'a' }] },
      items('b', 'a'),
    ],
    ['replaces an object', { labels: { a: '1' } }, { labels: { $patch: 'replace', b: '2' } }, { labels: { b: '2' } }],
    [
      'retains keys',
      { spec: { a: '1', b: '2' } },
      { spec: { $retainKeys: ['b', 'c'], c: '3' } },
      { spec: { b: '2', c: '3' } },
    ],
    ['deletes by null', { a: '1', b: { c: '2' } }, { a: null, b: { c: null } }, { b: {} }],
    ['replaces lists without a key', { replaced: ['a'] }, { replaced: ['b'] }, { replaced: ['b'] }],
    ['unites scalars', { finalizers: ['a', 'b'] }, { finalizers: ['b', 'c'] }, { finalizers: ['a', 'b', 'c'] }],
  ];
  test.for(cases)('%s', ([, target, patch, result]) => {
    expect(applyStrategicMerge(target, patch, shape)).toEqual(result);
  });
});

describe('JSON patch', () => {
  const apply = (document: Json, ...operations: JsonObject[]): Json => applyJsonPatch(document, operations);
  test('reads escaped pointers', () => {
    expect(apply({ 'a/b': { 'c~d': 1 } }, { op: 'replace', path: '/a~1b/c~0d', value: 2 })).toEqual({
      'a/b': { 'c~d': 2 },
    });
  });
  test('changes nothing when one operation fails', () => {
    const document = { a: [1] };
    expect(() =>
      apply(document, { op: 'add', path: '/a/-', value: 2 }, { op: 'test', path: '/a', value: [1] }),
    ).toThrow();
    expect(document).toEqual({ a: [1] });
  });
  test('copies by value', () => {
    expect(
      apply({ a: { b: 1 } }, { op: 'copy', from: '/a', path: '/c' }, { op: 'replace', path: '/c/b', value: 2 }),
    ).toEqual({ a: { b: 1 }, c: { b: 2 } });
  });
  test('compares objects whatever the order of their keys', () => {
    expect(() => apply({ a: { x: 1, y: 2 } }, { op: 'test', path: '/a', value: { y: 2, x: 1 } })).not.toThrow();
  });
});

test('merge patch, the examples of RFC 7396', () => {
  const examples: [target: Json, patch: Json, result: Json][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, result] of examples) expect(applyMergePatch(target, patch)).toEqual(result);
});
