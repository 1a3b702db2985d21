/** What `pullpass wait` reads of a cluster, second by second. */
import { expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { createLook } from '../../src/commands/wait-look.ts';
import { configuration, sourceConfig } from '../plan/observations.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import { dockerConfig, rawSecret } from '../sources/worlds.ts';

const NAMESPACES = '/api/v1/namespaces';
const COPIES = '/api/v1/secrets';
const SOURCES = '/api/v1/namespaces/pullpass-system/secrets';
const SOURCE = rawSecret({ namespace: 'pullpass-system', name: 'upstream-registry', content: dockerConfig('one') });

/** A cluster with one opted-in namespace at a time; the first lists may fail. */
function watched({ failures = 0 } = {}) {
  let namespace = 'team-a';
  const { client, calls } = scriptedClient(({ path }) => {
    if (path.endsWith('/pullpass-state')) throw refusal(404);
    if (path === NAMESPACES && failures-- > 0) throw refusal(503);
    const metadata = { name: namespace, uid: namespace, resourceVersion: '1' };
    const optedIn = { metadata: { ...metadata, annotations: { 'pullpass.dev/sync': 'enabled' } } };
    return { metadata: {}, items: path === NAMESPACES ? [optedIn] : path === SOURCES ? [SOURCE] : [] };
  });
  const { look } = createLook({ client, configuration: configuration([sourceConfig()]), namespace: 'pullpass-system' });
  return {
    rename: (name: string) => void (namespace = name),
    behind: async (whole: boolean) => (await look(whole))[0]?.copies.behind,
    reads: () =>
      [NAMESPACES, '/api/v1/serviceaccounts', COPIES, SOURCES].map(
        (of) => calls.filter(({ path }) => path === of).length,
      ),
  };
}

test('namespaces and ServiceAccounts are read with a whole look only, copies and sources with each', async () => {
  const { behind, reads, rename } = watched();
  expect(await behind(true)).toEqual(['team-a']);
  rename('team-b');
  expect([await behind(false), await behind(false)]).toEqual([['team-a'], ['team-a']]);
  expect(reads()).toEqual([1, 1, 3, 3]);
  expect(await behind(true)).toEqual(['team-b']);
  expect(reads()).toEqual([2, 2, 4, 4]);
});

test('after a first look that failed the next one is whole, whatever was asked for', async () => {
  const { behind } = watched({ failures: 1 });
  await expect(behind(true)).rejects.toThrow('503');
  expect(await behind(false)).toEqual(['team-a']);
});

test('counts what a product made of the login of this source, with the login in force', async () => {
  const login = (password: string) => ({
    type: 'kubernetes.io/dockerconfigjson',
    data: rawSecret({ content: dockerConfig(password) }).data,
  });
  const kuik = {
    name: 'kuik',
    kind: 'kube-image-keeper',
    source: 'upstream',
    registry: 'registry.test',
    object: { kind: 'ClusterReplicatedImageSet', name: 'set' },
    copyNamespace: 'kuik-system',
  };
  const { client } = scriptedClient(({ path, query }) => {
    if (path.endsWith('/pullpass-state')) throw refusal(404);
    if (path.endsWith('/set'))
      return {
        metadata: { name: 'set', uid: 'u' },
        spec: {
          upstreams: [
            { registry: 'registry.test', credentialSecret: { name: 'upstream-registry', namespace: 'kuik-system' } },
          ],
        },
      };
    const derived = ['one', 'before'].map((password, i) => ({
      metadata: {
        namespace: `team-${i}`,
        name: 'kuik-upstream-registry-0123456789abcdef',
        labels: { 'kuik.enix.io/owner-uid': 'u' },
      },
      ...login(password),
    }));
    const items = query?.['labelSelector'] === 'kuik.enix.io/owner-uid=u' ? derived : path === SOURCES ? [SOURCE] : [];
    return { metadata: {}, items };
  });
  const { cacheProxies } = configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: [sourceConfig()],
    cacheProxies: [kuik],
  });
  const { look, elsewhere } = createLook({
    client,
    configuration: { ...configuration([sourceConfig()]), cacheProxies },
    namespace: 'pullpass-system',
  });
  await look(true);
  expect(await elsewhere({ source: 'another' })).toEqual({ behind: [], unseen: [], also: [] });
  const { behind, unseen, also } = await elsewhere({ source: 'upstream' });
  expect(behind.map(({ line }) => line)).toEqual([
    expect.stringMatching(
      /^cache proxy kuik: 1 of 2 Secrets .* another login: namespace team-1: recreate the pods there, or see PP064 in `pullpass audit`$/,
    ),
  ]);
  expect([unseen, also]).toEqual([[], [expect.stringMatching(/^cache proxy kuik: also held by /)]]);
});
