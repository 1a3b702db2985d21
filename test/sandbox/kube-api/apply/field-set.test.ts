/** Set operations on field sets, and their serialized form. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FieldSet, pathText } from './field-set.ts';

const set = (...paths: string[][]): FieldSet => {
  const result = new FieldSet();
  for (const path of paths) result.add(path);
  return result;
};
const element = fc.constantFrom('f:a', 'f:b', 'v:"x"', 'k:{"name":"n"}');
const anySet = fc
  .array(fc.array(element, { minLength: 1, maxLength: 3 }), { maxLength: 8 })
  .map((paths) => set(...paths));
const same = (a: FieldSet, b: FieldSet): void => {
  expect(a.toJson()).toEqual(b.toJson());
};

test('marks an owned container with a dot', () => {
  expect(set(['f:data'], ['f:data', 'f:k']).toJson()).toEqual({ 'f:data': { '.': {}, 'f:k': {} } });
  expect(set(['f:data', 'f:k']).toJson()).toEqual({ 'f:data': { 'f:k': {} } });
  expect(set(['f:data']).toJson()).toEqual({ 'f:data': {} });
});

test('survives being written and read', () => {
  fc.assert(
    fc.property(anySet, (a) => {
      same(FieldSet.fromJson(a.toJson()), a);
    }),
  );
});

describe('is a set', () => {
  test('a minus a is nothing', () => {
    fc.assert(
      fc.property(anySet, (a) => {
        expect(a.difference(a).empty).toBe(true);
      }),
    );
  });
  test('a minus b and a and b are a', () =>
    fc.assert(
      fc.property(anySet, anySet, (a, b) => {
        same(a.difference(b).union(a.intersection(b)), a);
      }),
    ));
  test('union is commutative', () =>
    fc.assert(
      fc.property(anySet, anySet, (a, b) => {
        same(a.union(b), b.union(a));
      }),
    ));
});

test('taking away a container leaves what is in it', () => {
  expect(
    set(['f:data'], ['f:data', 'f:k'])
      .difference(set(['f:data']))
      .toJson(),
  ).toEqual({ 'f:data': { 'f:k': {} } });
});

test('writes paths as conflicts name them', () => {
  expect(pathText(['f:metadata', 'f:labels', 'f:app.kubernetes.io/name'])).toBe(
    '.metadata.labels.app.kubernetes.io/name',
  );
  expect(pathText(['f:spec', 'f:ports', 'k:{"containerPort":80,"protocol":"TCP"}', 'f:name'])).toBe(
    '.spec.ports[containerPort=80,protocol="TCP"].name',
  );
  expect(pathText(['f:metadata', 'f:finalizers', 'v:"a/b"'])).toBe('.metadata.finalizers[="a/b"]');
});
