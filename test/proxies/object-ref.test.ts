/** Where a custom object is, and what is missing when it is not there. */
import { describe, expect, test } from 'vitest';
import type { ProxyKube } from '../../src/proxies/adapter.ts';
import { absence, collectionPath, groupOf } from '../../src/proxies/object-ref.ts';
import type { ObjectRef } from '../../src/proxies/object-ref.ts';

const cache: ObjectRef = {
  apiVersion: 'kubefledged.io/v1alpha2',
  resource: 'imagecaches',
  kind: 'ImageCache',
  namespace: 'team',
  name: 'base',
};
const secret = { ...cache, apiVersion: 'v1', resource: 'secrets' };

test('objects of a group, of the core, and of no namespace have their paths', () => {
  expect(collectionPath(cache)).toBe('/apis/kubefledged.io/v1alpha2/namespaces/team/imagecaches');
  expect(collectionPath(secret)).toBe('/api/v1/namespaces/team/secrets');
  expect(collectionPath({ ...cache, namespace: undefined })).toBe('/apis/kubefledged.io/v1alpha2/imagecaches');
  expect(collectionPath({ ...cache, namespace: 'a/b' })).toContain('/a%2Fb/');
  expect([groupOf(cache), groupOf(secret)]).toEqual(['kubefledged.io', '']);
});

describe('what is missing', () => {
  const said = async (of: ObjectRef, groups: Record<string, object>) => {
    const kube = { get: (path: string) => Promise.resolve(groups[path]) } as ProxyKube;
    return (await absence(kube, of, 'kube-fledged', 'ImageCache "team/base"')).message;
  };
  const installed = { '/apis/kubefledged.io/v1alpha2': { resources: [{ name: 'others' }, { name: 'imagecaches' }] } };
  const unknown =
    'the API server does not know ImageCache (imagecaches of kubefledged.io/v1alpha2): ' +
    'install kube-fledged, or remove the cache proxy from the configuration';

  test('is the object, where its kind is known', async () => {
    const message = 'ImageCache "team/base" does not exist: create it, or correct "object" of the cache proxy';
    expect(await said(cache, installed)).toBe(message);
    expect(await said(secret, { '/api/v1': { resources: [{ name: 'secrets' }] } })).toBe(message);
  });

  test.each<[string, Record<string, object>]>([
    ['nothing of its group', {}],
    ['its group with nothing in it', { '/apis/kubefledged.io/v1alpha2': {} }],
    ['other kinds of its group', { '/apis/kubefledged.io/v1alpha2': { resources: [{ name: 'others' }] } }],
  ])('is the product, where the API server knows %s', async (_, groups) => {
    expect(await said(cache, groups)).toBe(unknown);
  });
});
