/** One Secret with the logins of several cache proxies: each writes its part, and takes nothing from the others. */
import { describe, expect, test } from 'vitest';
import type { V1Deployment } from '@kubernetes/client-node';
import { policiesFor } from '../../src/admission/policies.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { paths } from '../../src/kube/paths.ts';
import { createProxies } from '../../src/proxies/kinds.ts';
import type { ConfiguredProxy } from '../../src/proxies/kinds.ts';
import { createProxyKube } from '../../src/proxies/kube.ts';
import { describeCacheProxy } from '../conformance/cache-proxy.ts';
import { onEachServer } from '../integration/env/servers.ts';
import { mac, openBench, renderFixture, shared, WORKLOAD, workloadIn } from './render-fixture.ts';
import type { Bench } from './render-fixture.ts';

const KEY = 'credentials.json';
/** What the one workload and the one Secret need is the same for each. */
const zots = (namespace: string, ...registries: string[]) =>
  registries.map((registry, i) => ({
    ...{ name: i === 0 ? shared(namespace).name : `zot-${i}`, kind: 'zot', source: 'upstream', registry },
    ...{ secret: shared(namespace).secret, workload: workloadIn(namespace) },
  }));
const helpers = (namespace: string) =>
  ['a.json', 'b.json'].map((key, i) => ({
    ...{ name: `helper-${i}`, kind: 'distribution-helper', source: 'upstream', registry: `r${i}.test`, key },
    secret: shared(namespace).secret,
  }));
const configured = (cacheProxies: object[]) =>
  configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: [{ name: 'upstream', secret: { namespace: 's', name: 's' }, copyName: 'c' }],
    cacheProxies,
  });
const rights = (namespace: string) => ({
  ...shared(namespace),
  kind: 'zot' as const,
  key: KEY,
  workload: workloadIn(namespace),
});

function proxiesOf(cacheProxies: object[]): (ConfiguredProxy & { registry: string })[] {
  return createProxies(configured(cacheProxies)).map((proxy) => ({ ...proxy, registry: proxy.config.registry }));
}
const login = (registry: string, password: string) => ({ registry, username: 'robot', password });
const told = (password: string) => ({ username: 'robot', password });
/** As the controller applies: under the name of the cache proxy. */
const apply = ({ config, adapter }: ConfiguredProxy, { client, context }: Bench, password: string): Promise<void> =>
  adapter.apply(login(config.registry, password), {
    ...context,
    kube: createProxyKube({ client, proxy: config.name, instance: 'pullpass-system', signal: context.signal }),
  });
const shows = async ({ config, adapter }: ConfiguredProxy, bench: Bench, password: string): Promise<boolean> => {
  const observed = await bench.observe(adapter);
  return adapter.targets.every(
    (target, i) => target.fingerprint(observed[i], mac) === target.expected(login(config.registry, password), mac),
  );
};
const file = async (bench: Bench): Promise<unknown> => JSON.parse((await bench.data())?.[KEY] ?? 'null');

onEachServer((server) => {
  for (const at of [0, 1])
    describeCacheProxy(`zot, login ${at + 1} of two`, () => {
      const hosts = ['docker.io', 'ghcr.io'];
      return renderFixture(
        server(),
        (namespace) => ({ ...rights(namespace), all: zots(namespace, ...(at === 0 ? hosts : hosts.toReversed())) }),
        ({ all }) => proxiesOf(all)[at]?.adapter ?? expect.fail(),
        ({ data }) =>
          async () =>
            (JSON.parse((await data())?.[KEY] ?? '{}') as Record<string, { username: string; password: string }>)[
              'registry-1.docker.io'
            ],
      );
    });

  describe('one zot with several upstreams', () => {
    const withBench = async (run: (bench: Bench, ...proxies: ConfiguredProxy[]) => Promise<void>): Promise<void> => {
      const bench = await openBench(server(), rights);
      try {
        await run(bench, ...proxiesOf(zots(bench.namespace, 'docker.io', 'ghcr.io', 'registry.corp:5000')));
      } finally {
        await bench.close();
      }
    };
    const annotations = async (bench: Bench): Promise<string[]> => {
      const { spec } = await bench.admin.get<V1Deployment>(
        `/apis/apps/v1/namespaces/${bench.namespace}/deployments/${WORKLOAD}`,
      );
      return Object.keys(spec?.template.metadata?.annotations ?? {}).filter((key) => key.includes('pullpass'));
    };

    test('has all in the one file, by host, and each is rolled once', () =>
      withBench(async (bench, hub, ghcr, corp) => {
        for (const [proxy, password] of [
          [hub, '1'],
          [ghcr, '2'],
          [corp, '3'],
        ] as const)
          if (proxy) await apply(proxy, bench, password);
        expect(await file(bench)).toEqual({
          'registry-1.docker.io': told('1'),
          'ghcr.io': told('2'),
          'registry.corp:5000': told('3'),
        });
        expect((await annotations(bench)).sort()).toEqual([
          'pullpass.dev/login',
          'zot-1.pullpass.dev/login',
          'zot-2.pullpass.dev/login',
        ]);
        bench.writes.length = 0;
        for (const [proxy, password] of [
          [hub, '1'],
          [ghcr, '2'],
          [corp, '3'],
        ] as const) {
          if (proxy === undefined) continue;
          expect(await shows(proxy, bench, password)).toBe(true);
          await apply(proxy, bench, password);
        }
        expect(bench.writes).toEqual([]);
      }));

    test('a new login of one changes nothing for the others, and one that is never given takes none away', () =>
      withBench(async (bench, hub, ghcr, corp) => {
        if (hub === undefined || ghcr === undefined || corp === undefined) return expect.fail();
        await apply(ghcr, bench, '2');
        await apply(hub, bench, '1');
        await apply(ghcr, bench, 'new');
        expect(await file(bench)).toEqual({ 'registry-1.docker.io': told('1'), 'ghcr.io': told('new') });
        expect([await shows(hub, bench, '1'), await shows(ghcr, bench, 'new'), await shows(corp, bench, '3')]).toEqual([
          true,
          true,
          false,
        ]);
      }));

    test('one that is added does not write or roll for the first', async () => {
      const bench = await openBench(server(), rights);
      const [alone] = proxiesOf(zots(bench.namespace, 'docker.io'));
      const [first] = proxiesOf(zots(bench.namespace, 'docker.io', 'ghcr.io'));
      if (alone === undefined || first === undefined) return expect.fail();
      await apply(alone, bench, '1');
      expect(await shows(first, bench, '1')).toBe(true);
      await bench.close();
    });

    test('one that is dropped from the configuration leaves the file, and so does what others wrote into it', () =>
      withBench(async (bench, hub, ghcr) => {
        if (hub === undefined || ghcr === undefined) return expect.fail();
        await apply(hub, bench, '1');
        await apply(ghcr, bench, '2');
        const [left] = proxiesOf(zots(bench.namespace, 'docker.io', 'registry.corp:5000'));
        if (left === undefined) return expect.fail();
        expect(await shows(left, bench, '1')).toBe(false);
        await apply(left, bench, '1');
        expect(await file(bench)).toEqual({ 'registry-1.docker.io': told('1') });
        expect(await shows(left, bench, '1')).toBe(true);
      }));

    test.each(['no JSON', '[1]', '{"ghcr.io":5}', '{"__proto__":{}}'])('a damaged file is made anew: %s', (damaged) =>
      withBench(async (bench, hub, ghcr) => {
        if (hub === undefined || ghcr === undefined) return expect.fail();
        await apply(hub, bench, '1');
        await bench.admin.patch(
          paths.secrets(bench.namespace, shared('').secret.name),
          'application/merge-patch+json',
          {
            data: { [KEY]: Buffer.from(damaged).toString('base64') },
          },
        );
        expect([await shows(hub, bench, '1'), await shows(ghcr, bench, '2')]).toEqual([false, false]);
        await apply(hub, bench, '1');
        await apply(ghcr, bench, '2');
        expect(await file(bench)).toEqual({ 'registry-1.docker.io': told('1'), 'ghcr.io': told('2') });
      }),
    );

    test('written at the same time, both end in it', () =>
      withBench(async (bench, hub, ghcr) => {
        if (hub === undefined || ghcr === undefined) return expect.fail();
        const all = [
          [hub, '1'],
          [ghcr, '2'],
        ] as const;
        // As the queue does: what does not match, or lost a race, is applied again.
        await expect
          .poll(async () => {
            await Promise.allSettled(all.map(([proxy, password]) => apply(proxy, bench, password)));
            return Promise.all(all.map(([proxy, password]) => shows(proxy, bench, password)));
          })
          .toEqual([true, true]);
      }));
  });

  test('helpers of Distribution have a key each, side by side', async () => {
    const bench = await openBench(server(), rights, { workload: false });
    const [one, two] = proxiesOf(helpers(bench.namespace));
    if (one === undefined || two === undefined) return expect.fail();
    await apply(one, bench, '1');
    await apply(two, bench, '2');
    await apply(one, bench, 'new');
    const answer = (host: string, password: string): string =>
      JSON.stringify({ ServerURL: host, Username: 'robot', Secret: password });
    expect(await bench.data()).toEqual({ 'a.json': answer('r0.test', 'new'), 'b.json': answer('r1.test', '2') });
    expect([await shows(one, bench, 'new'), await shows(two, bench, '2')]).toEqual([true, true]);
    await bench.close();
  });
});

test('the policies name the Secret once, for its first cache proxy, and let each roll the workload', () => {
  const text = JSON.stringify(policiesFor(configured(zots('n', 'docker.io', 'ghcr.io')), 'pullpass-system'));
  expect(text.match(/n\/hub-cache-login/g)).toHaveLength(1);
  expect(text).toContain('zot-1.pullpass.dev/login');
  expect(text).toContain('pullpass.dev/login');
});
