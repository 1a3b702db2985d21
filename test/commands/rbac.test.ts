import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { rbacCommand } from '../../src/cli/rbac.ts';
import { renderRbac } from '../../src/commands/rbac-text.ts';
import { parseConfiguration } from '../../src/config/load.ts';
import { allRights } from '../../src/plan/rights.ts';
import { FULL, GOOD } from '../config/documents.ts';
import { run } from './environment.ts';

interface RbacObject {
  kind: string;
  metadata: { name: string; namespace?: string; labels: Record<string, string> };
  rules?: { apiGroups: string[]; resources: string[]; resourceNames?: string[]; verbs: string[] }[];
  roleRef?: { kind: string; name: string };
  subjects?: { kind: string; name: string; namespace: string }[];
}

const parsed = parseConfiguration(FULL, 'full.yaml');
if (!parsed.ok) throw new Error('the test has a bad document');
const { configuration } = parsed;
const options = { namespace: 'elsewhere', serviceAccount: 'runner' };
const objects = (text: string) => parseAllDocuments(text).map((document) => document.toJS() as RbacObject);

test('prints a role and a binding for the cluster and for each namespace that is reached by name', () => {
  expect(objects(renderRbac(configuration, options)).map(({ kind, metadata }) => [kind, metadata.namespace])).toEqual([
    ['ClusterRole', undefined],
    ['ClusterRoleBinding', undefined],
    ['Role', 'elsewhere'],
    ['RoleBinding', 'elsewhere'],
    ['Role', 'pullpass-system'],
    ['RoleBinding', 'pullpass-system'],
    ['Role', 'registries'],
    ['RoleBinding', 'registries'],
  ]);
});

test('what is printed grants exactly the rights of the table', () => {
  const granted = objects(renderRbac(configuration, options)).flatMap(({ metadata, rules = [] }) =>
    rules.flatMap(({ apiGroups, resources, resourceNames, verbs }) =>
      verbs.map((verb) => ({
        namespace: metadata.namespace,
        group: apiGroups.join(),
        resource: resources.join(),
        names: resourceNames?.join(),
        verb,
      })),
    ),
  );
  const required = allRights(configuration, options).flatMap(
    ({ namespace, apiGroup, resource, resourceNames, verbs }) =>
      verbs.map((verb) => ({ namespace, group: apiGroup, resource, names: resourceNames?.join(), verb })),
  );
  const order = (list: object[]) => list.map((item) => JSON.stringify(item)).sort();
  expect(order(granted)).toEqual(order(required));
});

test('every binding leads from its role to the ServiceAccount', () => {
  for (const { kind, roleRef, subjects } of objects(renderRbac(configuration, options)).filter(({ kind }) =>
    kind.endsWith('Binding'),
  )) {
    expect(roleRef).toMatchObject({ kind: kind.replace('Binding', ''), name: 'pullpass-elsewhere' });
    expect(subjects).toEqual([{ kind: 'ServiceAccount', name: 'runner', namespace: 'elsewhere' }]);
  }
});

test('an installation elsewhere does not take the roles of the default one', () => {
  const namesIn = (namespace: string): unknown[] => [
    ...new Set(objects(renderRbac(configuration, { ...options, namespace })).map(({ metadata }) => metadata.name)),
  ];
  expect(namesIn('pullpass-system')).toEqual(['pullpass']);
  expect(namesIn('team-tools')).toEqual(['pullpass-team-tools']);
});

test('the text is the same for sources in another order, says how to apply it, and what each rule is for', () => {
  const text = renderRbac(configuration, options);
  expect(renderRbac({ ...configuration, sources: configuration.sources.toReversed() }, options)).toBe(text);
  expect(text).toMatch(/^#.*\n(#.*\n)*# Apply: {2}pullpass rbac --config config\.yaml \| kubectl apply -f -\n/);
  expect(text).toContain(
    '  # To keep the copies.\n  - apiGroups: [""]\n    resources: [secrets]\n    resourceNames: [second-registry, upstream-registry]\n',
  );
  expect(objects(text).every(({ metadata }) => metadata.labels['app.kubernetes.io/name'] === 'pullpass')).toBe(true);
});

test('the state is kept in one Secret, by name, where the controller runs', () => {
  const [role] = objects(renderRbac(configuration, options)).filter(
    ({ kind, metadata }) => kind === 'Role' && metadata.namespace === 'elsewhere',
  );
  expect(role?.rules).toContainEqual({
    apiGroups: [''],
    resources: ['secrets'],
    resourceNames: ['pullpass-state'],
    verbs: ['get', 'create', 'patch'],
  });
});

test('reviews of tokens and of access are granted with --secure-report and not without', () => {
  const granted = (text: string) =>
    objects(text).flatMap(({ kind, rules = [] }) =>
      rules.map(({ apiGroups = [], resources = [], verbs }) => [
        kind,
        apiGroups.join(),
        resources.join(),
        verbs.join(),
      ]),
    );
  const reviews = [
    ['ClusterRole', 'authentication.k8s.io', 'tokenreviews', 'create'],
    ['ClusterRole', 'authorization.k8s.io', 'subjectaccessreviews', 'create'],
  ];
  expect(granted(renderRbac(configuration, { ...options, secureReport: true }))).toEqual(
    expect.arrayContaining(reviews),
  );
  for (const review of reviews) expect(granted(renderRbac(configuration, options))).not.toContainEqual(review);
});

test('whoever is to see the report can be bound to a role that comes with --secure-report', () => {
  const viewers = (more: object) =>
    objects(renderRbac(configuration, { ...options, ...more })).filter(
      ({ metadata }) => metadata.name === 'pullpass-report-viewer',
    );
  expect(viewers({ secureReport: true })).toMatchObject([
    { kind: 'ClusterRole', rules: [{ nonResourceURLs: ['/report'], verbs: ['get'] }] },
  ]);
  expect(viewers({})).toEqual([]);
});

test('a cache proxy adds its own rights, limited by name and namespace', () => {
  const with_ = parseConfiguration(
    `${FULL}cacheProxies:\n  - { name: p, kind: zot, source: upstream, registry: docker.io, secret: { ` +
      `namespace: caches, name: zot-login }, workload: { namespace: caches, name: zot } }\n`,
    'c.yaml',
  );
  if (!with_.ok) throw new Error('the test has a bad document');
  const added = objects(renderRbac(with_.configuration, options)).filter(
    ({ metadata }) => metadata.namespace === 'caches',
  );
  expect(added.map(({ kind }) => kind)).toEqual(['Role', 'RoleBinding']);
  expect(added[0]?.rules?.map(({ resources, resourceNames }) => [resources, resourceNames])).toEqual(
    expect.arrayContaining([
      [['secrets'], ['zot-login']],
      [['deployments'], ['zot']],
    ]),
  );
});

describe('for a list of namespaces', () => {
  const listed = { ...options, namespaces: ['team', 'web'] };

  test('prints Roles and RoleBindings only', () => {
    const printed = objects(renderRbac(configuration, listed));
    expect(new Set(printed.map(({ kind }) => kind))).toEqual(new Set(['Role', 'RoleBinding']));
    expect([...new Set(printed.map(({ metadata }) => metadata.namespace))]).toEqual([
      'elsewhere',
      'pullpass-system',
      'registries',
      'team',
      'web',
    ]);
  });

  const ran = async (args: string[], config = GOOD) => {
    const directory = await mkdtemp(path.join(tmpdir(), 'pullpass-rbac-'));
    const file = path.join(directory, 'config.yaml');
    await writeFile(file, config);
    try {
      return await run(rbacCommand, ['--config', file, ...args]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  };

  test('warns of one that no source admits', async () => {
    const { out, err } = await ran(['--namespaces', 'team,kube-system']);
    expect(err).toMatch(
      /^warning: no source admits "kube-system", so nothing is written there: .*take it off the list\n$/,
    );
    expect(out).toContain('namespace: kube-system');
  });

  test('the list can be in the environment, and a bad one is refused there, too', async () => {
    vi.stubEnv('PULLPASS_NAMESPACES', 'team');
    expect((await ran([])).out).not.toContain('kind: ClusterRole');
    vi.stubEnv('PULLPASS_NAMESPACES', '');
    await expect(ran([])).rejects.toThrow(/PULLPASS_NAMESPACES.*is empty/);
    vi.unstubAllEnvs();
  });

  test.each([
    [['--secure-report'], GOOD, /^rbac: --namespaces: leave out --secure-report: /],
    [
      [],
      `${GOOD}schedules: { audit: "0 * * * *" }\naudit: { reportObject: true }\n`,
      /^rbac: --namespaces: set audit.reportObject to false: /,
    ],
  ])('%j, or what the configuration asks of the cluster, is refused in one line', async (more, config, line) => {
    await expect(ran(['--namespaces', 'team', ...more], config)).rejects.toThrow(line);
  });
});

describe('the command', () => {
  const config = path.resolve(import.meta.dirname, '../../manifests/config.yaml');
  const printed = async (...args: string[]): Promise<string> =>
    (await run(rbacCommand, ['--config', config, ...args])).out;
  const kinds = async (...args: string[]): Promise<string[]> => [
    ...new Set(objects(await printed(...args)).map(({ kind }) => kind)),
  ];

  test('adds what the flags name, and leaves the roles out for whoever keeps them', async () => {
    const roles = ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'];
    expect(await kinds()).toEqual(roles);
    expect(await kinds('--network-policy')).toEqual([...roles, 'NetworkPolicy']);
    expect(await kinds('--no-roles', '--network-policy')).toEqual(['NetworkPolicy']);
    expect(await kinds('--no-roles', '--policies')).toEqual([
      'ValidatingAdmissionPolicy',
      'ValidatingAdmissionPolicyBinding',
    ]);
    expect(await kinds('--no-roles', '--born-ready')).toEqual([
      'MutatingAdmissionPolicy',
      'MutatingAdmissionPolicyBinding',
    ]);
    await expect(printed('--no-roles')).rejects.toThrow(/^nothing to print with --no-roles alone: add --policies, /);
  });

  test('prints the policy for new pods in the version that is asked for, and for the listed namespaces', async () => {
    const version = (text: string) => new Set(text.match(/(?<=admissionregistration\.k8s\.io\/)\w+/g));
    expect(version(await printed('--no-roles', '--born-ready'))).toEqual(new Set(['v1']));
    expect(version(await printed('--no-roles', '--born-ready', 'v1beta1'))).toEqual(new Set(['v1beta1']));
    await expect(printed('--born-ready', 'v2')).rejects.toThrow(/v1, v1beta1/);
    const elsewhere = await printed(
      '--no-roles',
      '--born-ready',
      '--namespaces',
      'a,b',
      '--controller-namespace',
      'tools',
    );
    expect(elsewhere).toContain("request.namespace in ['a', 'b']");
    expect(elsewhere).toContain('name: pullpass-tools-born-ready');
  });

  test('lets more ports through', async () => {
    const text = await printed('--no-roles', '--network-policy', '--egress-ports', '3128,5000');
    expect(text).toMatch(/port: 3128\n(.*\n)*.*port: 5000\n/);
    expect(await printed('--no-roles', '--network-policy')).not.toContain('3128');
  });
});
