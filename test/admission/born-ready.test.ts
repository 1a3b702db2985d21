/** The policy that adds references to new pods, judged by a real API server: it decides as the planner does, and breaks no pod. */
import type { V1Pod, V1PodSpec } from '@kubernetes/client-node';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderBornReady } from '../../src/commands/born-ready-text.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { projectNamespace } from '../../src/observe/projections.ts';
import { MAX_PULL_SECRETS } from '../../src/plan/bounds.ts';
import { planNamespace } from '../../src/plan/namespace.ts';
import { configuration, CONTROLLER_NAMESPACE, createCluster, eventually } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { putPolicies, removePolicies } from '../integration/env/policies.ts';
import { findRealApi, minorOf, startRealApi } from '../integration/env/real-api.ts';
import type { ApiServer } from '../integration/env/api-server.ts';
import { account, copy } from '../plan/observations.ts';

const [SYNC, SOURCES, ACCOUNTS] = ['pullpass.dev/sync', 'pullpass.dev/sources', 'pullpass.dev/service-accounts'];
const ON = { [SYNC]: 'enabled' };
const real = findRealApi();
const minor = 'missing' in real ? 36 : minorOf(real.found);
const version = minor < 36 ? 'v1beta1' : 'v1';
const render = (of: Configuration, namespaces?: readonly string[]): string =>
  renderBornReady(of, { namespace: CONTROLLER_NAMESPACE, version, namespaces });

describe('the text', () => {
  const yaml = render(
    configuration({ name: 'hub' }, { name: 'two', optInByDefault: true, serviceAccounts: ['b*', '!bad'] }),
  );

  test('ignores failures, and has a condition for each source', () => {
    expect(yaml).toContain('failurePolicy: Ignore');
    expect(yaml).toContain("? 'hub-copy' : ''");
    expect(yaml).toContain(
      "(variables.enabled || variables.silent) && (variables.allSources || 'two' in variables.sources) && " +
        "(variables.ownChoice ? variables.chosen : ((object.spec.serviceAccountName.matches('^(?:b.*)$')) && " +
        "!(object.spec.serviceAccountName in ['bad']))) ? 'two-copy' : ''",
    );
  });

  test('a condition that is judged before the namespace is known never reads it', () => {
    const conditions = yaml.slice(yaml.indexOf('matchConditions'), yaml.indexOf('variables:'));
    expect(conditions).toContain('request.namespace');
    expect(conditions).not.toMatch(/namespaceObject|variables\./);
  });

  test('with a list of namespaces it reads no annotation of them, as the controller does not', () => {
    const listed = render(configuration({ name: 'hub' }), ['a', 'b']);
    expect(listed).toContain("request.namespace in ['a', 'b'] && (");
    expect(listed).not.toContain('namespaceObject');
  });
});

if ('missing' in real) test.skip(real.missing, () => undefined);
else if (minor < 34) test.skip(`kube-apiserver 1.${minor} has no MutatingAdmissionPolicy`, () => undefined);

describe.skipIf('missing' in real || minor < 34)('on kube-apiserver', () => {
  const config = configuration({ name: 'hub', serviceAccounts: ['default', 'build-*'] }, { name: 'two' });
  let server: ApiServer;
  let cluster: Cluster;
  beforeAll(async () => {
    if ('missing' in real) return;
    const beta = [
      '--runtime-config=admissionregistration.k8s.io/v1beta1=true',
      '--feature-gates=MutatingAdmissionPolicy=true',
    ];
    server = await startRealApi(real.found, { flags: version === 'v1' ? [] : beta });
    cluster = await createCluster(server);
    await cluster.namespace('probe', { annotations: ON });
    await inForce(render(config));
  }, 60_000);
  afterAll(async () => {
    await cluster.close();
    await server.stop();
  });

  const pods = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;
  const born = async (namespace: string, changes: Partial<V1Pod> = {}): Promise<string[] | undefined> => {
    const { spec, metadata } = changes;
    const containers = [{ name: 'main', image: 'registry.corp/app:1' }];
    const body: V1Pod = { metadata: { name: 'x', ...metadata }, spec: { containers, ...spec } };
    const pod = await cluster.admin.create<V1Pod>(
      pods(namespace),
      { apiVersion: 'v1', kind: 'Pod', ...body },
      { query: { dryRun: 'All' } },
    );
    return pod.spec?.imagePullSecrets?.map(({ name }) => name ?? '');
  };
  const withList = (...imagePullSecrets: object[]): Partial<V1Pod> => ({ spec: { imagePullSecrets } as V1PodSpec });
  async function inForce(yaml: string): Promise<void> {
    await putPolicies(cluster.admin, yaml);
    await eventually(async () => expect(await born('probe')).toEqual(['hub-copy', 'two-copy']));
  }

  test('it adds what is absent, whatever the list already has', async () => {
    const both = ['hub-copy', 'two-copy'];
    expect(await born('probe')).toEqual(both);
    expect(await born('probe', withList())).toEqual(both);
    expect(await born('probe', withList({ name: 'own' }))).toEqual(['own', ...both]);
    expect(await born('probe', withList({ name: 'two-copy' }, { name: 'own' }))).toEqual([
      'two-copy',
      'own',
      'hub-copy',
    ]);
    expect(await born('probe', withList({ name: 'hub-copy' }, { name: 'two-copy' }))).toEqual(both);
    expect(await born('probe', withList({}))).toEqual(['', ...both]);
  });

  test('a pod that inherits the list of its ServiceAccount gets what that list lacks', async () => {
    await cluster.serviceAccount('probe', 'build-1', { imagePullSecrets: [{ name: 'theirs' }, { name: 'hub-copy' }] });
    const of = (serviceAccountName: string) => born('probe', { spec: { serviceAccountName } as V1PodSpec });
    expect(await of('build-1')).toEqual(['theirs', 'hub-copy']);
    await cluster.serviceAccount('probe', 'other');
    expect(await of('other')).toBeUndefined();
  });

  test('the mirror of a static pod is left alone: with a Secret it would be refused', async () => {
    const metadata = { annotations: { 'kubernetes.io/config.mirror': 'x' } };
    const spec = { nodeName: 'node-1' } as V1PodSpec;
    expect(await born('probe', { metadata, spec })).toBeUndefined();
  });

  test('pods made in the same second as their opted-in namespace have it, and those of others do not', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `fresh-${i}`);
    const lists = await Promise.all(
      names.map(async (name, i) => {
        await cluster.namespace(name, i % 2 === 0 ? { annotations: ON } : {});
        return Promise.all([born(name), born(name), born(name)]);
      }),
    );
    for (const [i, of] of lists.entries())
      for (const pod of of) expect(pod, names[i]).toEqual(i % 2 === 0 ? ['hub-copy', 'two-copy'] : undefined);
  });

  test('an opt-out counts for the next pods, and a guard is never passed', async () => {
    await cluster.namespace('leaving', { annotations: ON });
    expect(await born('leaving')).toEqual(['hub-copy', 'two-copy']);
    await cluster.annotateNamespace('leaving', { [SYNC]: 'disabled' });
    await eventually(async () => expect(await born('leaving')).toBeUndefined());
    await cluster.namespace('kube-x', { annotations: ON });
    expect(await born('kube-x')).toBeUndefined();
  });

  test('an annotation as long as the API server takes adds nothing, and breaks no pod', async () => {
    const long = 'default,'.repeat(30_000);
    await cluster.namespace('long', { annotations: { ...ON, [ACCOUNTS]: long } });
    expect(await born('long')).toBeUndefined();
    await cluster.namespace('longer', { annotations: { ...ON, [SOURCES]: long.replaceAll('default', 'hub') } });
    expect(await born('longer')).toBeUndefined();
    // Just short enough: as costly as a tenant can make it.
    const globs = Array.from({ length: 255 }, (_, i) => `*${String.fromCharCode(97 + (i % 26))}*?*-*.*`);
    await cluster.namespace('costly', { annotations: { ...ON, [ACCOUNTS]: [...globs, 'd*t'].join() } });
    expect(await born('costly')).toEqual(['hub-copy', 'two-copy']);
  });

  test('a pod with a longer list than is ever managed is created as it is', async () => {
    const own = Array.from({ length: MAX_PULL_SECRETS + 1 }, (_, i) => ({ name: `own-${i}` }));
    expect((await born('probe', withList(...own.slice(1))))?.length).toBe(own.length + 1);
    expect((await born('probe', withList(...own)))?.length).toBe(own.length);
  });

  test('300 namespaces and pods, and 12 sources each: the answers of the planner', async () => {
    const { configured, cases } = generated();
    // The pod brings name and annotations of the namespace: a case costs one request, and the expressions are otherwise the same.
    const yaml = render(configured)
      .replaceAll('namespaceObject.metadata', 'object.metadata')
      .replaceAll('request.namespace', "object.metadata.labels['namespace']")
      .replaceAll('object.spec.serviceAccountName', "object.metadata.labels['account']")
      .replaceAll('pullpass-born-ready', 'judged');
    await putPolicies(cluster.admin, yaml);
    const ask = ({ namespace, account: name, annotations, labels }: Case): Promise<string[] | undefined> =>
      born('default', { metadata: { labels: { ...labels, namespace, account: name }, annotations } });
    await eventually(async () =>
      expect(
        (await ask({ namespace: 'team', account: 'default', annotations: ON, labels: {} }))?.length,
      ).toBeGreaterThan(0),
    );
    const added = { all: 0, byOwnChoice: 0 };
    for (const each of cases) {
      const wanted = planned(configured, each);
      added.all += wanted.length;
      if (ACCOUNTS in each.annotations) added.byOwnChoice += wanted.length;
      expect([...((await ask(each)) ?? [])].sort(), JSON.stringify(each)).toEqual(wanted);
    }
    expect(added.all).toBeGreaterThan(150);
    expect(added.byOwnChoice).toBeGreaterThan(50);
    await removePolicies(cluster.admin, yaml);
  }, 60_000);

  describe('that is broken', () => {
    const wrong: [string, (yaml: string) => string][] = [
      [
        'fails as it runs',
        (yaml) =>
          yaml.replaceAll(
            /^( +- name: missing\n +expression: ).*$/gm,
            '$1"[string(1 / (variables.wanted.size() - 2))]"',
          ),
      ],
      [
        'fails before',
        (yaml) => yaml.replace(/(- name: pod\n +expression: ).*/, '$1"1 / int(size(object.metadata.name) - 1) == 1"'),
      ],
      ['patches what is not there', (yaml) => yaml.replace('/spec/imagePullSecrets/-', '/spec/nothing/here/-')],
      [
        'asks for a parameter that is not there',
        (yaml) =>
          yaml
            .replace(
              '  failurePolicy: Ignore',
              '  failurePolicy: Ignore\n  paramKind: {apiVersion: v1, kind: ConfigMap}',
            )
            .replace(
              /(policyName: .*)/,
              '$1\n  paramRef: {name: nowhere, namespace: default, parameterNotFoundAction: Deny}',
            ),
      ],
    ];
    test.each(wrong)('%s: pods are created without, and would be refused if failures counted', async (_, change) => {
      const yaml = change(render(config));
      expect(yaml).not.toBe(render(config));
      await putPolicies(cluster.admin, yaml);
      await eventually(async () => expect(await born('probe')).toBeUndefined());
      await putPolicies(cluster.admin, yaml.replace('failurePolicy: Ignore', 'failurePolicy: Fail'));
      await eventually(async () => expect(born('probe')).rejects.toThrow(/pullpass-born-ready/));
    });
  });
});

interface Case {
  readonly namespace: string;
  readonly account: string;
  readonly annotations: Record<string, string>;
  readonly labels: Record<string, string>;
}

/** Names and lists that are near to each other, and annotations as people and attackers write them. */
function generated(): { configured: Configuration; cases: Case[] } {
  const names = ['team', 'team-1', 'team-12', 'ops', 'a', 'a-b', 'kube-x', 'registries', 'default', 'build-1'];
  const globs = [
    '*',
    'team*',
    'team-?',
    '*-?',
    'a',
    'ops',
    'd*',
    'build-*',
    '*1*',
    '!team-1',
    '!a*',
    '!ops',
    '!kube-*',
  ];
  const patterns = fc.array(fc.constantFrom('*', ...globs), { maxLength: 4 });
  const selector = fc.constantFrom(
    { matchLabels: { env: 'a' } },
    { matchExpressions: [{ key: 'env', operator: 'In', values: ['a', 'b'] }] },
    { matchExpressions: [{ key: 'env', operator: 'NotIn', values: ['b'] }] },
    { matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] },
    { matchLabels: { tier: '' }, matchExpressions: [{ key: 'env', operator: 'Exists' }] },
  );
  const sources = fc.sample(
    fc.record({ allow: patterns, deny: patterns, optInByDefault: fc.boolean(), serviceAccounts: patterns, selector }),
    { numRuns: 12, seed: 14 },
  );
  const configured = configuration(
    ...sources.map(({ allow, deny, selector, ...rest }, i) => ({
      name: `s${i}`,
      // One is read where another one's copies would have its name, and one's own copies have its name.
      secret: { namespace: 'registries', name: i === 0 ? 's1-copy' : i === 2 ? 's2-copy' : `s${i}` },
      namespaces: { allow: i < 4 ? ['*'] : allow, deny: i < 4 ? [] : deny, ...(i % 3 === 1 && { selector }) },
      ...rest,
    })),
  );
  const space = fc.constantFrom('', '', ' ', '\t\n', '\u00a0', '\ufeff', '\u0085', '\u2028', '\u200b');
  const nonsense = fc.constantFrom(
    '',
    '!',
    '!!a',
    '**',
    '.*',
    'team|ops',
    '[a-z-]+',
    '(',
    '[a-z]',
    '$',
    '^',
    'Default',
    '\\',
    'd😀t',
    '?\ufeff',
    'a b',
  );
  const listOf = (words: string[]): fc.Arbitrary<string> =>
    fc
      .array(fc.tuple(space, fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...words) }, nonsense), space), {
        maxLength: 6,
      })
      .map((parts) => parts.map((part) => part.join('')).join(','));
  const often = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
    fc.option(value, { nil: undefined, freq: 2 });
  const cases = fc.sample(
    fc.record({
      namespace: fc.constantFrom(...names),
      account: fc.constantFrom(...names),
      labels: fc.dictionary(fc.constantFrom('env', 'tier'), fc.constantFrom('a', 'b', '')),
      [SYNC]: fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom('enabled', 'enabled', undefined) },
        fc.constantFrom('disabled', '', ' enabled', 'Enabled', 'true'),
      ),
      [SOURCES]: fc.oneof(
        { weight: 2, arbitrary: fc.constant(undefined) },
        listOf([...configured.sources.map(({ name }) => name), 'S1', 's']),
      ),
      [ACCOUNTS]: often(listOf([...globs, ...names, '!*', '?'])),
    }),
    { numRuns: 300, seed: 14 },
  );
  return {
    configured,
    cases: cases.map(({ namespace = '', account: name = '', labels = {}, ...annotations }) => ({
      namespace,
      labels,
      account: name,
      annotations: JSON.parse(JSON.stringify(annotations)) as Record<string, string>,
    })),
  };
}

/** What the planner adds to a ServiceAccount that has nothing, where all copies can be written. */
function planned(configured: Configuration, { namespace, account: name, annotations, labels }: Case): string[] {
  const plan = planNamespace({
    instance: CONTROLLER_NAMESPACE,
    namespace: projectNamespace({ metadata: { name: namespace, annotations, labels } }, new Set(['env', 'tier'])),
    serviceAccounts: [account({ namespace, name })],
    copies: new Map(
      configured.sources
        .filter(({ secret, copyName }) => secret.namespace === namespace && secret.name === copyName)
        .map(({ copyName }) => [copyName, copy({ namespace, name: copyName, ours: false })]),
    ),
    sources: configured.sources.map((each) => ({ config: each, digest: 'new', read: true, problems: [] })),
    retiredCopyNames: [],
  });
  return [...(plan.editReferences[0]?.edit.add ?? [])].sort();
}
