/** Edits of an object that others write, too: only what is ours changes. */
import { describe, expect, test } from 'vitest';
import type { ApiObject } from '../../src/kube/list.ts';
import { addReference, annotate, findReference, isRecord, missing } from '../../src/proxies/object-edit.ts';
import { applyPatch } from '../plan/json-patch.ts';

type Cache = ApiObject & { spec?: { pull?: unknown } };
const LIST = '/spec/pull';
const cache = (spec?: Cache['spec'], annotations?: Record<string, string>): Cache => ({
  metadata: { name: 'x', ...(annotations && { annotations }) },
  ...(spec && { spec }),
});

describe('a reference is added', () => {
  const added = (object: Cache) => {
    const edit = addReference(object, LIST, 'ours');
    return 'problem' in edit ? edit.problem : applyPatch(object, edit.patch).spec?.pull;
  };

  test('at the end of the list, or as the first of a new one', () => {
    expect(added(cache({ pull: [{ name: 'theirs' }] }))).toEqual([{ name: 'theirs' }, { name: 'ours' }]);
    expect(added(cache({}))).toEqual([{ name: 'ours' }]);
    expect(added(cache({ pull: null }))).toEqual([{ name: 'ours' }]);
  });

  test('not a second time, whatever else is in the list', () => {
    expect(addReference(cache({ pull: ['x', null, { name: 'theirs' }, { name: 'ours' }] }), LIST, 'ours')).toEqual({
      patch: [],
    });
    expect(added(cache({ pull: ['ours', { other: 'ours' }] }))).toEqual(['ours', { other: 'ours' }, { name: 'ours' }]);
  });

  test('not where there is no list, and the problem says where it should be', () => {
    expect(added(cache())).toBe('has no /spec: create it first');
    expect(added(cache({ pull: 'a string' }))).toBe('has no list at /spec/pull');
    expect(missing('/spec')).toEqual({ problem: 'has no /spec: create it first' });
  });
});

describe('a reference is found', () => {
  const remaining = (pull: unknown) => {
    const object = cache({ pull });
    return findReference(object, LIST, 'ours').map(({ place, remove }) => [
      place,
      applyPatch(object, remove).spec?.pull,
    ]);
  };

  test('at its place, and its removal leaves all others: of two the first goes', () => {
    expect(remaining([{ name: 'theirs' }, { name: 'ours' }])).toEqual([[LIST, [{ name: 'theirs' }]]]);
    expect(remaining([{ name: 'ours', kept: 1 }, { name: 'ours' }])).toEqual([[LIST, [{ name: 'ours' }]]]);
  });

  test.each([[[]], [[{ name: 'theirs' }]], ['ours'], [null], [['ours']]])('not in %j', (pull) => {
    expect(remaining(pull)).toEqual([]);
  });

  test('not in an object without the parent of the list', () => {
    expect(findReference(cache(), LIST, 'ours')).toEqual([]);
  });
});

describe('annotations', () => {
  const annotated = (object: Cache, values: Record<string, string | null>) =>
    applyPatch(object, annotate(object, values)).metadata.annotations;

  test('are set and removed, and those of others stay', () => {
    expect(annotated(cache({}, { theirs: 'x', 'a/b': 'old', '~': 'old' }), { 'a/b': 'new', '~': null })).toEqual({
      theirs: 'x',
      'a/b': 'new',
    });
  });

  test('are made where there are none', () => {
    expect(annotated(cache(), { 'a/b': 'new' })).toEqual({ 'a/b': 'new' });
  });

  test('that are to be removed and are not there need no patch', () => {
    expect(annotate(cache(), { gone: null })).toEqual([]);
    expect(annotate(cache({}, { theirs: 'x' }), { gone: null })).toEqual([]);
    expect(annotated(cache(), { gone: null, kept: 'x' })).toEqual({ kept: 'x' });
  });
});

test('a record is an object with fields, and nothing else', () => {
  expect([{}, { a: 1 }, [], null, 'text', undefined].map(isRecord)).toEqual([true, true, false, false, false, false]);
});
