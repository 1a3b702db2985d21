/** The record of what Pullpass wrote into an object, as annotations that others can edit, too. */
import { describe, expect, test } from 'vitest';
import type { ApiObject } from '../../src/kube/list.ts';
import type { Notes } from '../../src/proxies/copy-record.ts';
import { firstVersionWrote, forgotten, isRecorded, recorded, recordedByOthers } from '../../src/proxies/copy-record.ts';

const KEY = 'pullpass.dev/copies';
const bare: ApiObject = { metadata: { name: 'x' } };
const object = (record: unknown): ApiObject => ({
  metadata: { name: 'x', annotations: { [KEY]: typeof record === 'string' ? record : JSON.stringify(record) } },
});
const after = (notes: Notes): unknown => {
  const value = notes[KEY];
  return typeof value === 'string' ? JSON.parse(value) : value;
};
const of = (copyName: string, instance = 'pullpass-system') => ({ copyName, instance });
const everywhere = (): boolean => true;

describe('what is recorded', () => {
  test('is a name at a place', () => {
    const known = object({ '/a': ['one'], '/b': [] });
    expect(isRecorded(known, '/a', of('one'))).toBe(true);
    for (const [place, name] of [
      ['/a', 'two'],
      ['/b', 'one'],
      ['/c', 'one'],
    ] as const)
      expect(isRecorded(known, place, of(name))).toBe(false);
    expect(isRecorded(bare, '/a', of('one'))).toBe(false);
  });

  test.each(['{', '[]', '{"/a":"one"}', '{"/a":[1]}', 'null', ''])('is nothing where the annotation is %j', (text) => {
    expect(isRecorded(object(text), '/a', of('one'))).toBe(false);
    expect(after(recorded(object(text), '/a', of('one'), false))).toEqual({ '/a': ['one'] });
  });
});

describe('a name that is written', () => {
  test('joins the others at a place for several, sorted, once', () => {
    expect(after(recorded(bare, '/a', of('one'), false))).toEqual({ '/a': ['one'] });
    expect(after(recorded(object({ '/a': ['two'] }), '/a', of('one'), false))).toEqual({ '/a': ['one', 'two'] });
    expect(recorded(object({ '/a': ['one'] }), '/a', of('one'), false)).toEqual({});
  });

  test('takes the place of the others where there is room for one', () => {
    expect(after(recorded(object({ '/a': ['two'] }), '/a', of('one'), true))).toEqual({ '/a': ['one'] });
    expect(recorded(object({ '/a': ['one'] }), '/a', of('one'), true)).toEqual({});
  });

  test('leaves other places alone, and the text depends on no order', () => {
    const text = recorded(object({ '/z': ['x'] }), '/a', of('one'), false)[KEY];
    expect(text).toBe('{"/a":["one"],"/z":["x"]}');
    expect(recorded(object({ '/a': ['one'] }), '/z', of('x'), false)[KEY]).toBe(text);
  });
});

describe('two installations', () => {
  const both = object({ '/a': ['one', 'one@tools', 'two@tools', 'x@y@z'] });

  test('know their own entries', () => {
    expect(isRecorded(both, '/a', of('two', 'tools'))).toBe(true);
    expect(isRecorded(both, '/a', of('two'))).toBe(false);
    // Versions that named no installation wrote the bare name.
    expect(isRecorded(object({ '/a': ['two'] }), '/a', of('two', 'tools'))).toBe(true);
  });

  test('add and take back their own, and nothing else', () => {
    expect(after(recorded(object({ '/a': ['one'] }), '/a', of('two', 'tools'), false))).toEqual({
      '/a': ['one', 'two@tools'],
    });
    expect(after(recorded(object({ '/a': ['two'] }), '/a', of('two', 'tools'), false))).toEqual({
      '/a': ['two@tools'],
    });
    expect(after(forgotten(both, everywhere, of('two', 'tools')))).toEqual({ '/a': ['one', 'one@tools', 'x@y@z'] });
    expect(after(forgotten(both, everywhere, of('one')))).toEqual({ '/a': ['one@tools', 'two@tools', 'x@y@z'] });
  });

  test('see whose copy a place names', () => {
    expect(recordedByOthers(both, '/a', [of('one')])).toEqual([of('one', 'tools'), of('two', 'tools'), of('x', 'y@z')]);
    expect(recordedByOthers(both, '/a', [of('two', 'tools')])).toEqual([of('one'), of('x', 'y@z')]);
    expect(recordedByOthers(bare, '/a', [of('one')])).toEqual([]);
  });
});

describe('a name that is taken back', () => {
  const known = object({ '/a': ['one', 'two'], '/b': ['one'] });

  test('is forgotten at the places that are meant, and the rest stays', () => {
    expect(after(forgotten(known, (place) => place === '/a', of('one')))).toEqual({ '/a': ['two'], '/b': ['one'] });
    expect(after(forgotten(known, everywhere, of('one')))).toEqual({ '/a': ['two'] });
  });

  test('takes the whole annotation with it when it was the last', () => {
    expect(forgotten(object({ '/b': ['one'] }), everywhere, of('one'))).toEqual({ [KEY]: null });
  });

  test('that was never recorded changes nothing', () => {
    expect(forgotten(object('{"/a":["one"]}'), everywhere, of('three'))).toEqual({});
    expect(forgotten(bare, everywhere, of('one'))).toEqual({});
  });
});

describe('the first version wrote a field', () => {
  const managed = (manager: string, fieldsV1?: Record<string, unknown>): ApiObject => ({
    metadata: {
      name: 'x',
      managedFields: [
        { manager: 'kubectl', fieldsV1: {} },
        { manager, ...(fieldsV1 && { fieldsV1 }) },
      ],
    },
  });
  const field = { 'f:spec': { 'f:imagePullSecrets': {} } };

  test.each<[string, ApiObject, string]>([
    ['as its manager, the field itself', managed('pullpass', field), '/spec/imagePullSecrets'],
    ['what is around the field', managed('pullpass', field), '/spec'],
    ['as a whole, with all that is in it', managed('pullpass', field), '/spec/imagePullSecrets/0/name'],
    ['whose name has a slash or a tilde', managed('pullpass', { 'f:a/b': { 'f:~c': {} } }), '/a~1b/~0c'],
  ])('%s', (_, owned, pointer) => {
    expect(firstVersionWrote(owned, pointer)).toBe(true);
  });

  test.each<[string, ApiObject, string]>([
    ['of an object that says nothing of it', bare, '/spec/imagePullSecrets'],
    ['of another manager', managed('somebody', field), '/spec/imagePullSecrets'],
    ['of the manager of this version', managed('pullpass-proxies', field), '/spec/imagePullSecrets'],
    ['beside its own', managed('pullpass', field), '/spec/other'],
    ['without any', managed('pullpass'), '/spec'],
    ['below one that is not the whole', managed('pullpass', { 'f:spec': { 'f:a': {} } }), '/spec/b/c'],
    ['below something that is no field', managed('pullpass', { 'f:spec': null }), '/spec/b'],
    ['that only objects of JavaScript have', managed('pullpass', {}), '/constructor'],
  ])('is not true %s', (_, owned, pointer) => {
    expect(firstVersionWrote(owned, pointer)).toBe(false);
  });
});
