import { expect, test } from 'vitest';
import { createPartedStore } from '../../src/kube/parted-store.ts';
import type { Stored } from '../../src/kube/store.ts';

const object = (namespace: string, name: string, resourceVersion: string): Stored => ({
  ...{ namespace, name, uid: `${namespace}-${name}`, resourceVersion },
});
function made() {
  const store = createPartedStore(['a', 'b']);
  const changes: string[] = [];
  store.onChange((now, before) => changes.push(`${before?.name ?? ''}>${now?.name ?? ''}`));
  return { store, changes, names: () => [...store.all()].map(({ namespace, name }) => `${namespace}/${name}`) };
}

test('is one store of all its parts, and tells every change once', () => {
  const { store, changes, names } = made();
  store.part('a').replace([object('a', 'x', '1')], '1');
  store.put(object('b', 'y', '1'));
  expect([names(), store.size]).toEqual([['a/x', 'b/y'], 2]);
  expect(store.get('b', 'y')).toBe([...store.in('b')][0]);
  store.remove('a', 'x');
  expect([names(), changes]).toEqual([['b/y'], ['>x', '>y', 'x>']]);
});

test('a list of one namespace says nothing of the other', () => {
  const { store, names } = made();
  store.part('a').replace([object('a', 'x', '1')], '1');
  store.part('b').replace([], '9');
  expect(names()).toEqual(['a/x']);
});

test('a watch that is behind another one loses nothing', () => {
  const { store, names } = made();
  store.part('a').replace([object('a', 'x', '100')], '100');
  store.part('a').remove('a', 'x', '200');
  // Version 150: in one store for all, this object would count as deleted before 200.
  store.part('b').put(object('b', 'y', '150'));
  expect(names()).toEqual(['b/y']);
  // In its own namespace the late answer of a write does.
  store.put(object('a', 'x', '150'));
  expect(names()).toEqual(['b/y']);
});

test('a list of all replaces each part', () => {
  const { store, names } = made();
  store.put(object('a', 'x', '1'));
  store.put(object('b', 'y', '1'));
  store.replace([object('b', 'z', '2')], '2');
  expect(names()).toEqual(['b/z']);
});

test('what is in no part is not kept', () => {
  const { store, names } = made();
  store.put(object('c', 'x', '1'));
  store.remove('c', 'x');
  expect([names(), store.get('c', 'x'), [...store.in('c')]]).toEqual([[], undefined, []]);
  expect(() => store.part('c')).toThrow('no part for namespace c');
});
