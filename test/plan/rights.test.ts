import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseConfiguration } from '../../src/config/load.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { accessChecks, allRights, type Right } from '../../src/plan/rights.ts';
import { createProxies } from '../../src/proxies/kinds.ts';
import { documentWith, KINDS, read } from '../config/arbitraries.ts';
import type { Document } from '../config/arbitraries.ts';
import { FULL, GOOD } from '../config/documents.ts';
import { configuration as configured, sourceConfig } from './observations.ts';

function configuration(text: string): Configuration {
  const result = parseConfiguration(text, 'c.yaml');
  if (!result.ok) throw new Error('the test has a bad document');
  return result.configuration;
}
const controller = { namespace: 'pullpass-system' };
const onSecrets = (rights: Right[]) =>
  rights.filter(({ resource }) => resource === 'secrets').map(({ why: _, ...right }) => right);

test('Secrets are never reached without a name', () => {
  for (const right of [FULL, GOOD].flatMap((text) => allRights(configuration(text), controller))) {
    if (right.resource === 'secrets') expect(right.resourceNames?.length).toBeGreaterThan(0);
  }
});

test('copies are written by name in all namespaces, retired ones only removed, sources only read where they are', () => {
  const secrets = { apiGroup: '', resource: 'secrets' };
  expect(onSecrets(allRights(configuration(FULL), controller))).toEqual([
    {
      ...secrets,
      resourceNames: ['second-registry', 'upstream-registry'],
      verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
    },
    { ...secrets, resourceNames: ['old-registry'], verbs: ['get', 'list', 'watch', 'delete'] },
    {
      ...secrets,
      namespace: 'pullpass-system',
      resourceNames: ['mirror-login', 'upstream-registry'],
      verbs: ['get', 'list', 'watch'],
    },
    { ...secrets, namespace: 'registries', resourceNames: ['second-source'], verbs: ['get', 'list', 'watch'] },
    {
      ...secrets,
      namespace: 'pullpass-system',
      resourceNames: ['pullpass-state'],
      verbs: ['get', 'create', 'patch'],
    },
  ]);
});

test('beyond Secrets there are namespaces, ServiceAccounts, Events, the Lease and the status, and nothing else', () => {
  const rights = allRights(configuration(GOOD), { namespace: 'elsewhere' }).filter(
    ({ resource }) => resource !== 'secrets',
  );
  expect(rights.map(({ why: _, ...right }) => right)).toEqual([
    { apiGroup: '', resource: 'namespaces', verbs: ['get', 'list', 'watch'] },
    { apiGroup: '', resource: 'serviceaccounts', verbs: ['get', 'list', 'watch', 'patch'] },
    { apiGroup: 'events.k8s.io', resource: 'events', verbs: ['create', 'patch'] },
    {
      apiGroup: 'coordination.k8s.io',
      resource: 'leases',
      namespace: 'elsewhere',
      verbs: ['get', 'update'],
      resourceNames: ['pullpass-controller'],
    },
    { apiGroup: 'coordination.k8s.io', resource: 'leases', namespace: 'elsewhere', verbs: ['create'] },
    {
      apiGroup: '',
      resource: 'configmaps',
      namespace: 'elsewhere',
      verbs: ['get', 'create', 'patch'],
      resourceNames: ['pullpass-status'],
    },
  ]);
});

test('whom the page /report is for is asked of Kubernetes only with the flag, and what is then missing is told with it', () => {
  const plain = allRights(configuration(FULL), controller);
  expect(allRights(configuration(FULL), { ...controller, secureReport: false })).toEqual(plain);
  const added = allRights(configuration(FULL), { ...controller, secureReport: true }).slice(plain.length);
  expect(added.map(({ why: _, ...right }) => right)).toEqual([
    { apiGroup: 'authentication.k8s.io', resource: 'tokenreviews', verbs: ['create'] },
    { apiGroup: 'authorization.k8s.io', resource: 'subjectaccessreviews', verbs: ['create'] },
  ]);
  expect(accessChecks(added).map(({ description }) => description)).toEqual([
    'cannot create tokenreviews, needed to see who asks for the page /report: apply the output of `pullpass rbac --secure-report`',
    'cannot create subjectaccessreviews, needed to see whether they may see the page /report: apply the output of `pullpass rbac --secure-report`',
  ]);
});

test('audits add the list of pods, and with a report object the two APIs that it can be of, by its name', () => {
  const plain = allRights(configuration(GOOD), controller);
  const audited = (more: string): object[] => {
    const rights = allRights(configuration(`${GOOD}schedules: { audit: "0 * * * *" }\n${more}`), controller);
    return rights
      .filter(
        ({ resource, apiGroup }) => !plain.some((right) => right.resource === resource && right.apiGroup === apiGroup),
      )
      .map(({ why: _, ...right }) => right);
  };
  const pods = { apiGroup: '', resource: 'pods', verbs: ['list'] };
  const report = { verbs: ['get', 'create', 'patch'], resourceNames: ['pullpass'] };
  expect(audited('')).toEqual([pods]);
  expect(audited('audit: { reportObject: true }\n')).toEqual([
    pods,
    { apiGroup: 'openreports.io', resource: 'clusterreports', ...report },
    { apiGroup: 'wgpolicyk8s.io', resource: 'clusterpolicyreports', ...report },
  ]);
});

test('one source with a canary is enough to see whether pulls fail', () => {
  const sources = [sourceConfig(), sourceConfig({ name: 'b', canary: { namespaces: 1, proxies: 0, seconds: 60 } })];
  const pods = { apiGroup: '', resource: 'pods', verbs: ['list'] };
  expect(allRights(configured(sources), controller)).toContainEqual(expect.objectContaining(pods));
  expect(allRights(configured(sources.slice(0, 1)), controller)).not.toContainEqual(expect.objectContaining(pods));
});

test('two sources of one namespace are read there by their names', () => {
  const other = sourceConfig({ name: 'b', secret: { namespace: 'pullpass-system', name: 'another' } });
  expect(onSecrets(allRights(configured([sourceConfig(), other]), controller)).at(-2)).toMatchObject({
    namespace: 'pullpass-system',
    resourceNames: ['another', 'upstream-registry'],
  });
});

test('a Secret that two sources share is named once', () => {
  const shared = `${GOOD}  - name: b\n    secret: { namespace: pullpass-system, name: upstream-registry }\n    copyName: b-copy\n`;
  expect(onSecrets(allRights(configuration(shared), controller)).at(-2)?.resourceNames).toEqual(['upstream-registry']);
});

test('each right becomes one question a verb and name, which says what to do when the answer is no', () => {
  const checks = accessChecks(allRights(configuration(FULL), controller));
  expect(checks).toContainEqual({
    verb: 'patch',
    group: '',
    resource: 'secrets',
    name: 'upstream-registry',
    description:
      'cannot patch secrets named "upstream-registry" in all namespaces, needed to keep the copies: apply the output of `pullpass rbac`',
  });
  expect(checks).toContainEqual({
    verb: 'get',
    group: '',
    resource: 'secrets',
    namespace: 'registries',
    name: 'second-source',
    description:
      'cannot get secrets named "second-source" in namespace "registries", needed to read the sources and ' +
      'the logins of their aliases: apply the output of `pullpass rbac`',
  });
  expect(checks).toContainEqual({
    verb: 'list',
    group: '',
    resource: 'namespaces',
    description: 'cannot list namespaces, needed to see which namespaces opt in: apply the output of `pullpass rbac`',
  });
  expect(new Set(checks.map((check) => JSON.stringify(check))).size).toBe(checks.length);
  expect(checks).toHaveLength(3 + 4 + 2 + 2 * 6 + 4 + 2 * 3 + 3 + 2 + 1 + 3 + 3);
});

test('the state is one more Secret, reached by name, in the namespace of the controller', () => {
  expect(onSecrets(allRights(configuration(GOOD), { namespace: 'elsewhere' })).at(-1)).toEqual({
    apiGroup: '',
    resource: 'secrets',
    namespace: 'elsewhere',
    resourceNames: ['pullpass-state'],
    verbs: ['get', 'create', 'patch'],
  });
});

describe('each kind of cache proxy', () => {
  const rights = (document: Document): Right[] => {
    const alone = allRights(read({ ...document, cacheProxies: [] }), controller).map((right) => JSON.stringify(right));
    return allRights(read(document), controller).filter((right) => !alone.includes(JSON.stringify(right)));
  };

  test.each(KINDS)('%s: everything by name in one namespace, but the pods and objects that have none', (kind) => {
    fc.assert(
      fc.property(documentWith([kind]), (document) => {
        for (const { resource, resourceNames = [], namespace, verbs } of rights(document)) {
          if (resource === 'pods')
            expect([resourceNames, verbs, namespace]).toEqual([[], ['list'], expect.any(String)]);
          else expect(resourceNames.length).toBeGreaterThan(0);
          if (resource === 'secrets') expect(namespace).toBeDefined();
        }
      }),
      { numRuns: 50 },
    );
  });

  test.each(KINDS)('%s: the Secrets of its configuration, and the objects that its adapter works on', (kind) => {
    fc.assert(
      fc.property(documentWith([kind]), (document) => {
        const configuration = read(document);
        const granted = (verb: string, resource: string, namespace: string | undefined, name: string): boolean =>
          allRights(configuration, controller).some(
            (right) =>
              right.verbs.some((each) => each === verb) &&
              right.resource === resource &&
              (right.namespace === undefined || right.namespace === namespace) &&
              right.resourceNames?.includes(name),
          );
        for (const { config, adapter } of createProxies(configuration)) {
          const read = [
            'admin' in config ? config.admin.secret : undefined,
            config.probe?.login?.secret,
            config.probe?.push?.secret,
          ].filter((secret) => secret !== undefined);
          for (const { namespace, name } of read) expect(granted('get', 'secrets', namespace, name)).toBe(true);
          if ('secret' in config)
            for (const verb of ['get', 'create', 'patch', 'delete'])
              expect(granted(verb, 'secrets', config.secret.namespace, config.secret.name)).toBe(true);
          for (const { path, namespace, name } of adapter.targets)
            for (const verb of ['list', 'watch'])
              expect(granted(verb, path.split('/').at(-1) ?? '', namespace || undefined, name)).toBe(true);
          if (adapter.edited !== undefined) {
            const { resource, namespace, name } = adapter.edited;
            expect(granted('patch', resource, namespace, name)).toBe(true);
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});

test('names of one kind and place are one right, and what it is for is told of all', () => {
  const at = (name: string) => `secret: { namespace: caches, name: ${name} }`;
  const proxies = [`{ kind: zot, name: a, source: upstream, registry: docker.io, ${at('b-login')} }`];
  proxies.push(proxies[0]?.replace('name: a', 'name: b').replace('b-login', 'a-login') ?? '');
  const rights = allRights(configuration(`${GOOD}cacheProxies: [${proxies.join(', ')}]\n`), controller);
  expect(rights.filter(({ namespace }) => namespace === 'caches')).toEqual([
    {
      apiGroup: '',
      resource: 'secrets',
      namespace: 'caches',
      resourceNames: ['a-login', 'b-login'],
      verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
      why: 'keep the logins of cache proxies',
    },
  ]);
  const whys = allRights(
    configuration(`${GOOD}    canary: {}\nschedules: { audit: "0 * * * *" }\n`),
    controller,
  ).filter(({ resource }) => resource === 'pods');
  expect(whys.map(({ why }) => why)).toEqual([
    'see whether pulls of the canaries fail; audit which images are pulled with which credential',
  ]);
});
