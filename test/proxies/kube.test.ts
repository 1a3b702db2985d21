/** What adapters do with Secrets, on API servers that answer for themselves. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { V1Secret } from '@kubernetes/client-node';
import { isRace } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { paths } from '../../src/kube/paths.ts';
import { UserError } from '../../src/errors.ts';
import { createProxyKube } from '../../src/proxies/kube.ts';
import type { ProxyKube } from '../../src/proxies/adapter.ts';
import { onEachServer } from '../integration/env/servers.ts';
import { openBench, shared, workloadIn } from './render-fixture.ts';
import type { Bench } from './render-fixture.ts';

const encoded = (data: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]));

onEachServer((server) => {
  let bench: Bench;
  let kube: ProxyKube;
  beforeEach(async () => {
    bench = await openBench(server(), (namespace) => ({ ...shared(namespace), workload: workloadIn(namespace) }));
    kube = bench.context.kube;
  });
  afterEach(async () => bench.close());

  const ref = (): { namespace: string; name: string } => shared(bench.namespace).secret;
  const apply = (
    data: Record<string, string>,
    more: { type?: string; annotations?: Record<string, string> } = {},
  ): Promise<void> => kube.applySecret({ ...ref(), data, ...more });
  const failure = async (doing: Promise<unknown>): Promise<Error> => {
    const error: unknown = await doing.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof Error)) throw new Error('it did not fail');
    expect(error.message).not.toContain('\n');
    return error;
  };
  /** Somebody else's Secret of the same name, made as `kubectl create` makes it. */
  const somebodyMakes = (
    data: Record<string, string>,
    { metadata, ...body }: Partial<V1Secret> = {},
  ): Promise<V1Secret> =>
    bench.admin.create(
      paths.secrets(bench.namespace),
      {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'Opaque',
        ...body,
        metadata: { ...metadata, name: ref().name },
        data: encoded(data),
      },
      { query: { fieldManager: 'somebody' } },
    );
  /** A kube in whose applySecret `meanwhile` happens between the look and the write. */
  const kubeWith = (meanwhile: () => Promise<unknown>): ProxyKube => {
    const client: KubeClient = {
      ...bench.client,
      get: <T>(...call: Parameters<KubeClient['get']>) => bench.client.get<T>(...call).finally(meanwhile),
    };
    return createProxyKube({
      client,
      proxy: 'hub-cache',
      instance: 'pullpass-system',
      signal: new AbortController().signal,
    });
  };

  describe('applySecret', () => {
    test('makes the Secret, and says whose it is', async () => {
      await apply({ login: 'pässword' }, { annotations: { 'example.com/note': 'x' } });
      expect(await bench.secret()).toMatchObject({
        type: 'Opaque',
        data: encoded({ login: 'pässword' }),
        metadata: {
          labels: { 'app.kubernetes.io/managed-by': 'pullpass', 'pullpass.dev/cache-proxy': 'hub-cache' },
          annotations: { 'example.com/note': 'x' },
          managedFields: [{ manager: 'pullpass', operation: 'Apply' }],
        },
      });
    });

    test('writes nothing where nothing differs', async () => {
      await apply({ a: '1', b: '2' });
      bench.writes.length = 0;
      await apply({ b: '2', a: '1' });
      expect(bench.writes).toEqual([]);
    });

    test('updates in place, and puts right what others changed of ours', async () => {
      await apply({ login: 'old' });
      const uid = (await bench.secret())?.metadata?.uid;
      await bench.admin.patch(
        paths.secrets(bench.namespace, ref().name),
        'application/merge-patch+json',
        { data: encoded({ login: 'meddled' }), metadata: { labels: { 'pullpass.dev/cache-proxy': 'other' } } },
        { query: { fieldManager: 'somebody' } },
      );
      await apply({ login: 'new' });
      expect(await bench.secret()).toMatchObject({
        metadata: { uid, labels: { 'pullpass.dev/cache-proxy': 'hub-cache' } },
        data: encoded({ login: 'new' }),
      });
    });

    test('takes away a key that is no longer wanted', async () => {
      await apply({ old: 'pw', kept: 'pw' });
      await apply({ kept: 'pw' });
      expect(await bench.data()).toEqual({ kept: 'pw' });
    });

    test('leaves a Secret alone that somebody else made, and says what to do', async () => {
      await somebodyMakes({ login: 'theirs' });
      const error = await failure(apply({ login: 'ours' }));
      expect(error).toBeInstanceOf(UserError);
      expect(error.message).toBe(
        `cache proxy "hub-cache": Secret ${bench.namespace}/hub-cache-login was not made by Pullpass and is ` +
          'left alone: delete or rename it, or annotate it pullpass.dev/adopt="true" to let Pullpass take it ' +
          'over',
      );
      expect(await bench.data()).toEqual({ login: 'theirs' });
      expect(bench.writes).toEqual([]);
    });

    test('takes over a Secret that says so, and keeps the keys that are not ours', async () => {
      await somebodyMakes(
        { login: 'theirs', haSharedSecret: 'kept' },
        { metadata: { annotations: { 'pullpass.dev/adopt': 'true' } } },
      );
      await apply({ login: 'ours' });
      expect(await bench.data()).toEqual({ login: 'ours', haSharedSecret: 'kept' });
      bench.writes.length = 0;
      await apply({ login: 'ours' });
      expect(bench.writes).toEqual([]);
    });

    test('never turns the copy of a source into a Secret of a cache proxy', async () => {
      await somebodyMakes(
        { login: 'x' },
        { metadata: { labels: { 'app.kubernetes.io/managed-by': 'pullpass', 'pullpass.dev/source': 'upstream' } } },
      );
      expect((await failure(apply({ login: 'ours' }))).message).toContain('is the copy of a source');
      expect(await bench.data()).toEqual({ login: 'x' });
    });

    test.each(['type', 'immutable'])('replaces a Secret of ours whose %s stands in the way', async (what) => {
      await somebodyMakes(
        { username: 'u', password: 'p' },
        {
          metadata: { labels: { 'pullpass.dev/cache-proxy': 'hub-cache' } },
          ...(what === 'type' ? { type: 'kubernetes.io/basic-auth' } : { immutable: true }),
        },
      );
      await apply({ login: 'ours' });
      expect(await bench.secret()).toMatchObject({ type: 'Opaque', data: encoded({ login: 'ours' }) });
      expect(await bench.data()).toEqual({ login: 'ours' });
    });

    test('does not delete what was only given to us', async () => {
      await somebodyMakes(
        { username: 'u', password: 'p' },
        { metadata: { annotations: { 'pullpass.dev/adopt': 'true' } }, type: 'kubernetes.io/basic-auth' },
      );
      expect((await failure(apply({ login: 'ours' }))).message).toContain(
        'is of type kubernetes.io/basic-auth, not Opaque, which cannot be changed: delete it',
      );
      expect(await bench.data()).toEqual({ username: 'u', password: 'p' });
    });

    test('says that the namespace is missing', async () => {
      const namespace = `${bench.namespace}-not`;
      const admin = createProxyKube({
        client: bench.admin,
        proxy: 'hub-cache',
        instance: 'pullpass-system',
        signal: new AbortController().signal,
      });
      expect((await failure(admin.applySecret({ namespace, name: 'x', data: { login: 'pw' } }))).message).toBe(
        `cache proxy "hub-cache": namespace "${namespace}" is not there: create it, or correct secret.namespace`,
      );
    });

    test('repeats nothing of what the server says about the body', async () => {
      expect((await failure(apply({ 'no key: hunter2': 'pw' }))).message).not.toContain('hunter2');
    });
  });

  describe('a Secret that comes up between the look and the write', () => {
    test('with the same key is not written', async () => {
      const error = await failure(
        kubeWith(() => somebodyMakes({ login: 'theirs' })).applySecret({ ...ref(), data: { login: 'ours' } }),
      );
      expect(isRace(error)).toBe(true);
      expect(await bench.secret()).toMatchObject({ data: encoded({ login: 'theirs' }) });
    });

    test('with other keys is given back as it was', async () => {
      let theirs: V1Secret | undefined;
      const error = await failure(
        kubeWith(async () => {
          theirs = await somebodyMakes({ other: 'theirs' }, { metadata: { labels: { app: 'theirs' } } });
        }).applySecret({ ...ref(), data: { login: 'ours' } }),
      );
      expect(error.message).toContain('was not made by Pullpass');
      const now = await bench.secret();
      expect(now?.data).toEqual(theirs?.data);
      expect(now?.metadata?.labels).toEqual({ app: 'theirs' });
    });

    test('in place of ours is not written', async () => {
      await apply({ login: 'old' });
      const swap = async (): Promise<void> => {
        await bench.admin.delete(paths.secrets(bench.namespace, ref().name));
        await somebodyMakes({ login: 'theirs' });
      };
      expect(isRace(await failure(kubeWith(swap).applySecret({ ...ref(), data: { login: 'new' } })))).toBe(true);
      expect(await bench.data()).toEqual({ login: 'theirs' });
    });

    test('in place of ours that was to be replaced is not deleted', async () => {
      await apply({ username: 'u', password: 'p' }, { type: 'kubernetes.io/basic-auth' });
      const swap = async (): Promise<void> => {
        await bench.admin.delete(paths.secrets(bench.namespace, ref().name));
        await somebodyMakes({ login: 'theirs' });
      };
      expect(isRace(await failure(kubeWith(swap).applySecret({ ...ref(), data: { login: 'new' } })))).toBe(true);
      expect(await bench.data()).toEqual({ login: 'theirs' });
    });
  });

  test('readSecret gives plain text, and says which Secret is missing', async () => {
    expect((await failure(kube.readSecret(ref()))).message).toBe(
      `cache proxy "hub-cache": Secret ${bench.namespace}/hub-cache-login is not there: create it, or correct its name in the configuration`,
    );
    await somebodyMakes({ username: 'admin', password: 'pässword' });
    expect(await kube.readSecret(ref())).toEqual({ username: 'admin', password: 'pässword' });
  });

  test('get knows what is not there from what cannot be read', async () => {
    const at = (name: string): string => `/apis/apps/v1/namespaces/${bench.namespace}/deployments/${name}`;
    expect(await kube.get(at('hub-cache'))).toMatchObject({ metadata: { name: 'hub-cache' } });
    expect((await failure(kube.get(at('another')))).message).toContain('403');
    await bench.admin.delete(at('hub-cache'));
    expect(await kube.get(at('hub-cache'))).toBeUndefined();
  });

  test('patch writes under our name', async () => {
    const path = `/apis/apps/v1/namespaces/${bench.namespace}/deployments/hub-cache`;
    await kube.patch(path, 'application/json-patch+json', [
      { op: 'test', path: '/metadata/name', value: 'hub-cache' },
      { op: 'add', path: '/metadata/annotations', value: { 'example.com/x': 'y' } },
    ]);
    const { metadata } = await bench.admin.get<{
      metadata: { annotations: object; managedFields: { manager: string }[] };
    }>(path);
    expect(metadata.annotations).toMatchObject({ 'example.com/x': 'y' });
    expect(metadata.managedFields.map(({ manager }) => manager)).toContain('pullpass');
  });
});
