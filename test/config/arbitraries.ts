/** Configurations as people write them: any of the optional keys may be missing. */
import fc from 'fast-check';
import { WITHOUT_ENDPOINT } from '../../src/config/cache-proxies.ts';
import type { CacheProxyKind } from '../../src/config/cache-proxies.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import type { Configuration } from '../../src/config/schema.ts';

const NAMESPACES = ['registry-cache', 'caches', 'pullpass-system'];
/** Where the default guard admits copies. */
const TEAMS = ['team-a', 'team-b'];
const REGISTRIES = [
  'docker.io',
  'quay.io',
  'registry.corp:5000',
  'https://harbor.corp:8443/hub',
  'r.registries.svc:5001',
];
const ALIASES = [
  'mirror.corp:5002',
  'harbor.corp/dockerhub',
  'https://a.corp:8444/x',
  'http://b.corp',
  '*.corp:7000',
  '[2001:db8::1]:5003',
  'mirror.registries.svc:5004',
];
const URLS = [
  'http://hub-cache.registry-cache:5000',
  'https://cache.corp:8445/base',
  'http://hub',
  'http://hub.caches.svc:5005',
  'https://hub.caches.svc.cluster.local.',
  'http://hub.other.svc.k8s.corp:5006/',
  'http://hub-0.hub.stateful.svc:5000',
  'https://10.0.0.5:5443',
  'HTTPS://Cache.CORP:08446',
  'http://[2001:db8::2]:5007/x',
  'https://cache.example.com',
];

const some = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const flag = fc.boolean();

const source = (i: number): fc.Arbitrary<object> =>
  fc.record({
    name: fc.constant(`s${i}`),
    secret: fc.record({ namespace: some(...NAMESPACES), name: some(`source-${i}`, 'shared-source') }),
    copyName: fc.constant(`copy-${i}`),
    aliases: maybe(
      fc.uniqueArray(some(...ALIASES), { maxLength: 3 }).chain((hosts) =>
        fc.tuple(
          ...hosts.map((host) =>
            fc.oneof(
              some(...REGISTRIES).map((from) => ({ host, from })),
              some('alias-login', `alias-login-${i}`).map((secret) => ({ host, login: { secret } })),
            ),
          ),
        ),
      ),
    ),
    namespaces: maybe(
      some(
        { selector: { matchLabels: { tier: 'a', 'example.com/env': '' } } },
        {
          selector: {
            matchExpressions: [
              { key: 'env', operator: 'In', values: ['a', 'b'] },
              { key: 'env', operator: 'NotIn', values: ['c'] },
            ],
          },
        },
        {
          selector: {
            matchLabels: { env: 'a' },
            matchExpressions: [
              { key: 'x.corp/y', operator: 'Exists' },
              { key: 'z', operator: 'DoesNotExist', values: [] },
            ],
          },
        },
      ),
    ),
    copyMetadata: maybe(some({ labels: { team: 'a' } }, { annotations: { 'example.com/x': "it's {{ x }}\n" } })),
    canary: maybe(some({}, { seconds: 5 })),
    healing: maybe(some({ mode: 'dry-run' }, { mode: 'evict' })),
  });

const namedSecret = (...names: string[]): fc.Arbitrary<object> =>
  fc.record({ namespace: some(...NAMESPACES), name: some(...names) });

/** What is of one kind only. */
const ofKind = (kind: CacheProxyKind, i: number): fc.Arbitrary<object> => {
  const secret = namedSecret(`login-${i}`);
  const workload = maybe(
    fc.record({
      kind: maybe(some('Deployment', 'StatefulSet', 'DaemonSet')),
      namespace: some(...NAMESPACES),
      name: some('cache', `cache-${i}`),
    }),
  );
  const api = { url: some(...URLS), admin: fc.record({ secret: namedSecret('admin', `admin-${i}`) }) };
  const named = fc.constant(`thing-${i}`);
  switch (kind) {
    case 'distribution':
    case 'zot':
      return fc.record({ secret, workload });
    case 'distribution-helper':
      return fc.record({ secret });
    case 'template':
      return fc.record({ secret, workload, files: fc.constant({ f: '{{auth}}' }) });
    case 'harbor':
      return fc.record({ ...api, endpoint: named, endpointUrl: some('https://registry.corp:8447') });
    case 'nexus':
    case 'artifactory':
      return fc.record({ ...api, repository: named });
    case 'gitlab':
      return fc.record({ ...api, group: named });
    case 'webhook':
      return fc.record(api);
    case 'kube-image-keeper':
      return fc
        .tuple(
          some('ReplicatedImageSet', 'ClusterReplicatedImageSet', 'ImageSetMirror', 'ClusterImageSetMirror'),
          some(...TEAMS),
        )
        .map(([of, namespace]) => ({
          object: { kind: of, name: `thing-${i}`, ...(!of.startsWith('Cluster') && { namespace }) },
          copyNamespace: namespace,
        }));
    case 'kube-fledged':
    case 'image-puller':
      return fc.record({ object: fc.record({ namespace: some(...TEAMS), name: named }) });
    case 'custom-resource':
      return fc
        .record({
          object: fc.record({
            apiVersion: some('example.com/v1', 'v1'),
            resource: some('things', 'others'),
            name: named,
            namespace: maybe(some(...TEAMS)),
          }),
          path: fc.constant('/spec/pullSecret'),
          copyNamespace: maybe(some(...TEAMS)),
        })
        .map(({ object, copyNamespace, ...rest }) => ({
          ...rest,
          object,
          copyNamespace: object.namespace === undefined ? (copyNamespace ?? 'team-a') : copyNamespace,
        }));
  }
};

const probe = fc.record({
  url: some(...URLS),
  repository: fc.constant('corp/probe'),
  login: maybe(fc.record({ secret: namedSecret('probe-login') })),
  push: maybe(fc.record({ secret: namedSecret('probe-push', 'probe-login') })),
});

const proxy = (kind: CacheProxyKind, i: number, sources: number): fc.Arbitrary<object> =>
  fc
    .tuple(
      fc.record({
        name: fc.constant(`p${i}`),
        kind: fc.constant(kind),
        source: fc.nat(sources - 1).map((n) => `s${n}`),
        registry: kind === 'gitlab' ? some('docker.io') : some(...REGISTRIES),
        probe: WITHOUT_ENDPOINT.has(kind) ? fc.constant(undefined) : maybe(probe),
      }),
      ofKind(kind, i),
    )
    .map(([shared, own]) => ({ ...shared, ...own }));

export const KINDS: readonly CacheProxyKind[] = [
  'distribution',
  'distribution-helper',
  'zot',
  'template',
  'harbor',
  'nexus',
  'artifactory',
  'gitlab',
  'webhook',
  'kube-image-keeper',
  'kube-fledged',
  'image-puller',
  'custom-resource',
];

/** `kinds`: of the cache proxies, one each. */
export const documentWith = (kinds: readonly CacheProxyKind[]): fc.Arbitrary<Document> =>
  fc
    .integer({ min: 1, max: 3 })
    .chain((sources) =>
      fc.record({
        sources: fc.tuple(...Array.from({ length: sources }, (_, i) => source(i))),
        cacheProxies: maybe(fc.tuple(...kinds.map((kind, i) => proxy(kind, i, sources)))),
        registries: maybe(
          fc.subarray([
            { host: 'plain.corp', plainHttp: true },
            { host: 'plain.corp:8080', plainHttp: true },
            { host: 'tls.corp:8448', plainHttp: false },
            { host: 'cache.registries.svc:5008' },
          ]),
        ),
        retiredCopyNames: maybe(fc.subarray(['old-1', 'old-2'])),
        schedules: maybe(fc.record({ audit: maybe(fc.constant('0 * * * *')), timeZone: maybe(fc.constant('UTC')) })),
        reports: maybe(fc.record({ reportObject: maybe(flag) })),
      }),
    )
    .map(({ reports, ...document }) => ({
      apiVersion: 'pullpass.dev/v1alpha1',
      kind: 'Configuration',
      ...document,
      ...(document.schedules?.audit !== undefined && { audit: reports }),
    }))
    // Without the keys that are missing.
    .map((document) => JSON.parse(JSON.stringify(document)) as Document);

export type Document = Record<string, unknown>;

export const documents: fc.Arbitrary<Document> = fc
  .array(some(...KINDS), { maxLength: 4 })
  .chain((kinds) => documentWith(kinds));

/** @throws for one that is not valid: then it is the arbitrary that must be mended. */
export const read = (document: Document): Configuration => configurationSchema.parse(document);
