/** When a Secret is ours, and when nothing has to be written. */
import { describe, expect, test } from 'vitest';
import { decode, isAsWanted, madeByUsAlone, ownedKeys, secretBody } from '../../src/proxies/rendered-secret.ts';
import type { ObservedSecret } from '../../src/proxies/rendered-secret.ts';

const WHOSE = { proxy: 'cache', instance: 'pullpass-system' };
const wanted = { namespace: 'caches', name: 'login', data: { user: 'robot', pass: 'pässword' } };
const applied = (...keys: string[]) => ({
  manager: 'pullpass',
  operation: 'Apply',
  fieldsV1: { 'f:data': Object.fromEntries(['.', ...keys.map((key) => `f:${key}`)].map((key) => [key, {}])) },
});

/** As the API server returns what was applied. */
function secret({ metadata, ...parts }: Partial<ObservedSecret> = {}): ObservedSecret {
  const { type, data, metadata: own } = secretBody(wanted, WHOSE);
  return {
    ...(type !== undefined && { type }),
    ...(data && { data }),
    ...parts,
    metadata: { name: 'login', labels: own?.labels ?? {}, managedFields: [applied('user', 'pass')], ...metadata },
  };
}

test('the body has exactly what is ours, and the guard where there is one', () => {
  expect(secretBody({ ...wanted, annotations: { note: 'x' } }, WHOSE, { uid: 'u', resourceVersion: '7' })).toEqual({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      namespace: 'caches',
      name: 'login',
      labels: {
        'app.kubernetes.io/managed-by': 'pullpass',
        'pullpass.dev/cache-proxy': 'cache',
        'pullpass.dev/instance': 'pullpass-system',
      },
      annotations: { note: 'x' },
      uid: 'u',
      resourceVersion: '7',
    },
    type: 'Opaque',
    data: { user: 'cm9ib3Q=', pass: 'cMOkc3N3b3Jk' },
  });
  expect(secretBody({ ...wanted, type: 'kubernetes.io/basic-auth' }, WHOSE)).toMatchObject({
    type: 'kubernetes.io/basic-auth',
  });
  expect(secretBody(wanted, WHOSE).metadata).not.toHaveProperty('annotations');
  expect(decode('cMOkc3N3b3Jk')).toBe('pässword');
});

describe('nothing is written', () => {
  test('where all is as wanted, whatever others added', () => {
    expect(isAsWanted(secret(), wanted, WHOSE)).toBe(true);
    const { labels = {} } = secret().metadata;
    const theirs = secret({
      data: { ...secret().data, theirs: 'eA==' },
      metadata: { name: 'login', labels: { ...labels, theirs: 'x' }, annotations: { theirs: 'x', note: 'x' } },
    });
    expect(isAsWanted(theirs, { ...wanted, annotations: { note: 'x' } }, WHOSE)).toBe(true);
  });

  test.each<[string, ObservedSecret]>([
    ['the type', secret({ type: 'kubernetes.io/basic-auth' })],
    ['a label', secret({ metadata: { name: 'login', labels: { 'pullpass.dev/cache-proxy': 'cache' } } })],
    ['all labels', { ...secret(), metadata: { name: 'login' } }],
    ['a value', secret({ data: { user: 'cm9ib3Q=', pass: 'eA==' } })],
    ['a key', secret({ data: { user: 'cm9ib3Q=' } })],
    ['all data', { metadata: secret().metadata, type: 'Opaque' }],
    [
      'a key of ours that is no longer wanted',
      secret({ metadata: { name: 'login', managedFields: [applied('old')] } }),
    ],
  ])('but not where %s differs', (_, found) => {
    expect(isAsWanted(found, wanted, WHOSE)).toBe(false);
  });

  test('but not where it is of another cache proxy, or lacks an annotation', () => {
    expect(isAsWanted(secret(), wanted, { ...WHOSE, proxy: 'another' })).toBe(false);
    expect(isAsWanted(secret(), wanted, { ...WHOSE, instance: 'another' })).toBe(false);
    expect(isAsWanted(secret(), { ...wanted, annotations: { note: 'x' } }, WHOSE)).toBe(false);
  });
});

test('the keys that we applied are ours, and no others', () => {
  const keys = (...managedFields: NonNullable<ObservedSecret['metadata']['managedFields']>) =>
    ownedKeys({ metadata: { name: 'login', managedFields } });
  expect(keys({ ...applied('theirs'), manager: 'kubectl' }, applied('a', 'b'))).toEqual(['a', 'b']);
  expect(keys({ ...applied('patched'), operation: 'Update' })).toEqual([]);
  expect([keys(), keys({ manager: 'pullpass', operation: 'Apply' })]).toEqual([[], []]);
  expect(ownedKeys({ metadata: { name: 'login' } })).toEqual([]);
});

test('a Secret that only we have written was made by our apply', () => {
  const by = (...managers: string[]) =>
    madeByUsAlone({ metadata: { name: 'login', managedFields: managers.map((manager) => ({ manager })) } });
  expect([by('pullpass'), by('pullpass', 'pullpass'), by('pullpass', 'kubectl'), by('kubectl')]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(madeByUsAlone({ metadata: { name: 'login' } })).toBe(true);
});
