/** The render shape: two steps that end in the same state wherever they were cut off. */
import type { V1Deployment } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { paths } from '../../src/kube/paths.ts';
import { createProxyKube } from '../../src/proxies/kube.ts';
import type { CacheProxy, ProxyContext } from '../../src/proxies/adapter.ts';
import { render } from '../../src/proxies/render.ts';
import type { Files } from '../../src/proxies/render.ts';
import { describeCacheProxy } from '../conformance/cache-proxy.ts';
import type { ApiServer } from '../integration/env/api-server.ts';
import { onEachServer } from '../integration/env/servers.ts';
import { mac, openBench, renderFixture, shared, workloadIn } from './render-fixture.ts';
import type { Bench } from './render-fixture.ts';
import { rightsOf } from './rights-of.ts';
import type { UpstreamLogin } from '../../src/credentials/upstream.ts';

const files: Files = { user: ({ username }) => username, pass: ({ password }) => password };
const config = (namespace: string) => ({ ...shared(namespace), workload: workloadIn(namespace) });
const make = (namespace: string, of: Files = files): CacheProxy =>
  render(config(namespace), of, { when: 'at start', unseen: 'a process' });
const login = (password: string): UpstreamLogin => ({ registry: 'docker.io', username: 'robot', password });

/** Which targets show `login`, in the order Secret, workload. */
async function shown(bench: Bench, proxy: CacheProxy, wanted: UpstreamLogin): Promise<boolean[]> {
  const observed = await bench.observe(proxy);
  return proxy.targets.map((target, i) => target.fingerprint(observed[i], mac) === target.expected(wanted, mac));
}

async function withBench(
  server: ApiServer,
  run: (bench: Bench, proxy: CacheProxy) => Promise<void>,
  options?: { workload?: boolean },
): Promise<void> {
  const bench = await openBench(server, config, options);
  try {
    await run(bench, make(bench.namespace));
  } finally {
    await bench.close();
  }
}

onEachServer((server) => {
  describeCacheProxy('render without a workload', () =>
    renderFixture(
      server(),
      shared,
      (own) => render(own, files, { when: 'again', unseen: 'a process' }),
      ({ data }) =>
        async () => {
          const { user, pass } = (await data()) ?? {};
          return user === undefined || pass === undefined ? undefined : { username: user, password: pass };
        },
    ),
  );

  describe('render', () => {
    test('writes the Secret and rolls the workload, then nothing more', () =>
      withBench(server(), async (bench, proxy) => {
        expect(await shown(bench, proxy, login('pw-1'))).toEqual([false, false]);
        await proxy.apply(login('pw-1'), bench.context);
        expect(bench.writes).toEqual(['patch secrets 201', 'patch deployments 200']);
        expect(await shown(bench, proxy, login('pw-1'))).toEqual([true, true]);
        await proxy.apply(login('pw-1'), bench.context);
        expect(bench.writes).toHaveLength(2);
      }));

    test('a crash between Secret and roll leaves only the roll to do', () =>
      withBench(server(), async (bench, proxy) => {
        const crash: ProxyContext = {
          ...bench.context,
          kube: { ...bench.context.kube, patch: () => Promise.reject(new Error('killed')) },
        };
        await expect(proxy.apply(login('pw-1'), crash)).rejects.toThrow('killed');
        expect(await shown(bench, proxy, login('pw-1'))).toEqual([true, false]);
        bench.writes.length = 0;
        await proxy.apply(login('pw-1'), bench.context);
        expect(bench.writes).toEqual(['patch deployments 200']);
        expect(await shown(bench, proxy, login('pw-1'))).toEqual([true, true]);
      }));

    test('a roll changes one annotation of the pod template and nothing else', () =>
      withBench(server(), async (bench, proxy) => {
        const read = (): Promise<V1Deployment> =>
          bench.admin.get(`/apis/apps/v1/namespaces/${bench.namespace}/deployments/hub-cache`);
        const before = await read();
        await proxy.apply(login('pw-1'), bench.context);
        const after = await read();
        expect(after.metadata?.annotations).toEqual(before.metadata?.annotations);
        expect(after.metadata?.labels).toEqual(before.metadata?.labels);
        expect(after.spec).toEqual({
          ...before.spec,
          template: {
            ...before.spec?.template,
            metadata: {
              ...before.spec?.template.metadata,
              annotations: { 'example.com/kept': 'yes', 'pullpass.dev/login': await bench.rolledTo() },
            },
          },
        });
      }));

    test('without its workload it says so, with the Secret in place for when that comes', () =>
      withBench(
        server(),
        async (bench, proxy) => {
          await expect(proxy.apply(login('pw-1'), bench.context)).rejects.toThrow(
            `cache proxy "hub-cache": Deployment ${bench.namespace}/hub-cache is not there and cannot be rolled: ` +
              'install it, or correct "workload" in the configuration',
          );
          expect(await bench.data()).toEqual({ user: 'robot', pass: 'pw-1' });
          expect(await shown(bench, proxy, login('pw-1'))).toEqual([true, false]);
        },
        { workload: false },
      ));

    test('drift of the Secret or of the annotation shows', () =>
      withBench(server(), async (bench, proxy) => {
        await proxy.apply(login('pw-1'), bench.context);
        await bench.admin.patch(paths.secrets(bench.namespace, 'hub-cache-login'), 'application/merge-patch+json', {
          data: { pass: 'eA==' },
        });
        expect(await shown(bench, proxy, login('pw-1'))).toEqual([false, true]);
        await bench.admin.patch(
          `/apis/apps/v1/namespaces/${bench.namespace}/deployments/hub-cache`,
          'application/merge-patch+json',
          { spec: { template: { metadata: { annotations: { 'pullpass.dev/login': null } } } } },
        );
        expect(await shown(bench, proxy, login('pw-1'))).toEqual([false, false]);
        await proxy.apply(login('pw-1'), bench.context);
        expect(await shown(bench, proxy, login('pw-1'))).toEqual([true, true]);
      }));

    test('a key that the configuration no longer names shows, and goes', () =>
      withBench(server(), async (bench, proxy) => {
        await proxy.apply(login('pw-1'), bench.context);
        const smaller = make(bench.namespace, { pass: ({ password }) => password });
        expect(await shown(bench, smaller, login('pw-1'))).toEqual([false, false]);
        await smaller.apply(login('pw-1'), bench.context);
        expect(await bench.data()).toEqual({ pass: 'pw-1' });
        expect(await shown(bench, smaller, login('pw-1'))).toEqual([true, true]);
      }));

    test("somebody else's Secret never counts as ours, whatever it holds", () =>
      withBench(server(), async (bench, proxy) => {
        await proxy.apply(login('pw-1'), bench.context);
        await bench.admin.patch(paths.secrets(bench.namespace, 'hub-cache-login'), 'application/merge-patch+json', {
          metadata: { labels: null },
        });
        expect(await shown(bench, proxy, login('pw-1'))).toEqual([false, true]);
        await expect(proxy.apply(login('pw-1'), bench.context)).rejects.toThrow('was not made by Pullpass');
      }));

    test('another name of the cache proxy in the configuration takes the Secret along', () =>
      withBench(server(), async (bench, proxy) => {
        await proxy.apply(login('pw-1'), bench.context);
        const renamed = render({ ...shared(bench.namespace), name: 'hub-mirror' }, files, {
          when: 'again',
          unseen: 'a process',
        });
        expect(await shown(bench, renamed, login('pw-1'))).toEqual([false]);
        await renamed.apply(login('pw-1'), {
          ...bench.context,
          kube: createProxyKube({
            client: bench.client,
            proxy: 'hub-mirror',
            instance: 'pullpass-system',
            signal: bench.context.signal,
          }),
        });
        expect(await shown(bench, renamed, login('pw-1'))).toEqual([true]);
      }));
  });
});

test.each([
  ['Deployment', 'deployments'],
  ['StatefulSet', 'statefulsets'],
  ['DaemonSet', 'daemonsets'],
] as const)('a %s is watched and patched by name', (kind, resource) => {
  const own = { ...shared('cache'), workload: { kind, namespace: 'other', name: 'zot' } };
  const proxy = render(own, files, { when: 'at start', unseen: 'a process' });
  expect(proxy.targets.map(({ path, name }) => `${path}/${name}`)).toEqual([
    '/api/v1/namespaces/cache/secrets/hub-cache-login',
    `/apis/apps/v1/namespaces/other/${resource}/zot`,
  ]);
  expect(rightsOf(own)).toMatchObject([
    {
      apiGroup: '',
      resource: 'secrets',
      resourceNames: ['hub-cache-login'],
      namespace: 'cache',
      verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
    },
    {
      apiGroup: 'apps',
      resource,
      resourceNames: ['zot'],
      namespace: 'other',
      verbs: ['get', 'list', 'watch', 'patch'],
    },
  ]);
  expect(proxy.edited).toMatchObject({ apiGroup: 'apps', resource, namespace: 'other', name: 'zot' });
});
