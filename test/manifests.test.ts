/** The manifests say what the code says. What is made from the code: test/release/generate.test.ts. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { RBAC_NAME } from '../src/commands/choices.ts';
import { loadConfiguration, parseConfiguration } from '../src/config/load.ts';
import { ANNOTATION_SYNC, DEFAULT_NAMESPACE, TYPE_DOCKER_CONFIG_JSON } from '../src/names.ts';

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  [key: string]: unknown;
}
interface PodSpec {
  containers: Record<string, unknown>[];
  [key: string]: unknown;
}

const root = path.join(import.meta.dirname, '..', 'manifests');
const file = (name: string): string => readFileSync(path.join(root, name), 'utf8');
const objects = (text: string): Manifest[] =>
  parseAllDocuments(text).map((document) => {
    expect([...document.errors, ...document.warnings]).toEqual([]);
    return document.toJS() as Manifest;
  });
const one = (name: string): Manifest => {
  const [object, ...others] = objects(file(name));
  if (object === undefined || others.length > 0) throw new Error(`${name} holds not exactly one object`);
  return object;
};
/** Without regard to the order, which kustomize chooses itself. */
const sorted = (list: Manifest[]): Manifest[] =>
  list.toSorted((a, b) =>
    `${a.kind}/${a.metadata.namespace}/${a.metadata.name}`.localeCompare(
      `${b.kind}/${b.metadata.namespace}/${b.metadata.name}`,
      'en',
    ),
  );

const base = one('kustomization.yaml');
const resources = (base['resources'] as string[]).flatMap((name) => objects(file(name)));
const pod = (one('deployment.yaml')['spec'] as { template: { spec: PodSpec } }).template.spec;
const [container = {}] = pod.containers;

test('every file is YAML, and every namespaced object says which namespace', () => {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'));
  expect(files.length).toBeGreaterThan(8);
  const named = files
    .filter((name) => !/(config|kustomization|provider\/provider|\.sops)\.yaml$/.test(name))
    .flatMap((name) => objects(file(name)).map((object) => ({ name, object })));
  for (const { name, object } of named) {
    expect(object).toMatchObject({
      apiVersion: expect.any(String) as string,
      kind: expect.any(String) as string,
      metadata: { name: expect.any(String) as string },
    });
    if (!/^(Namespace|ClusterRole.*|(Valid|Mut)atingAdmissionPolicy.*)$/.test(object.kind))
      expect(object.metadata.namespace).toBe(
        name.startsWith('components/cache-proxy/')
          ? 'registry-cache'
          : object.kind === 'Application'
            ? 'argocd'
            : DEFAULT_NAMESPACE,
      );
  }
});

test('config.yaml spells out the defaults and nothing else', async () => {
  const { sources, ...rest } = await loadConfiguration(path.join(root, 'config.yaml'));
  expect(rest).toMatchObject({
    retiredCopyNames: [],
    cacheProxies: [],
    registries: [],
    schedules: { resync: '*/10 * * * *', probe: '*/15 * * * *', timeZone: 'UTC' },
  });
  expect(sources).toEqual([
    {
      name: 'upstream',
      secret: { namespace: DEFAULT_NAMESPACE, name: 'upstream-registry' },
      copyName: 'upstream-registry',
      namespaces: { allow: ['*'], deny: ['kube-*', 'pullpass-system'] },
      optInByDefault: false,
      serviceAccounts: ['default'],
      aliases: [],
      verify: 'auto',
      onOptOut: 'remove',
    },
  ]);
});

test('what config.yaml has commented out is valid too', () => {
  const text = file('config.yaml').replace(/^( *)# (aliases:|retiredCopyNames:| {2}- \{)/gm, '$1$2');
  expect(text).toContain('\n      - { host: mirror.example.com');
  expect(parseConfiguration(text, 'config.yaml')).toMatchObject({
    ok: true,
    configuration: { retiredCopyNames: ['old-registry'], sources: [{ aliases: [{}, {}] }] },
  });
});

test('the pod passes the "restricted" standard that its namespace enforces', () => {
  expect(one('namespace.yaml').metadata.labels?.['pod-security.kubernetes.io/enforce']).toBe('restricted');
  expect(pod).toMatchObject({
    securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    terminationGracePeriodSeconds: 30,
  });
  expect(container).toMatchObject({
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '512Mi' } },
  });
  expect(pod.containers).toHaveLength(1);
});

test('the pod runs the controller as the ServiceAccount that the rights are bound to', () => {
  expect(pod).toMatchObject({ serviceAccountName: RBAC_NAME, automountServiceAccountToken: false });
  expect(one('service-account.yaml').metadata.name).toBe(RBAC_NAME);
  expect(container).toMatchObject({
    args: ['controller', '--config', '/etc/pullpass/config.yaml'],
    ports: [{ name: 'http', containerPort: 8080 }],
    livenessProbe: { httpGet: { path: '/livez', port: 'http' } },
    readinessProbe: { httpGet: { path: '/readyz', port: 'http' } },
  });
});

test('the ConfigMap keeps its name and is mounted as a directory, so that a change arrives in place', () => {
  expect(base['configMapGenerator']).toMatchObject([
    { name: 'pullpass-config', options: { disableNameSuffixHash: true } },
  ]);
  expect(pod['volumes']).toContainEqual({ name: 'config', configMap: { name: 'pullpass-config' } });
  expect(container['volumeMounts']).toContainEqual({ name: 'config', mountPath: '/etc/pullpass', readOnly: true });
});

test('a disruption budget, the replicas and the selectors agree', () => {
  const labels = one('deployment.yaml').metadata.labels;
  expect(one('deployment.yaml')['spec']).toMatchObject({
    replicas: 2,
    selector: { matchLabels: labels },
    template: { metadata: { labels } },
  });
  expect(one('pod-disruption-budget.yaml')['spec']).toEqual({ minAvailable: 1, selector: { matchLabels: labels } });
  expect(one('components/networkpolicy/network-policy.yaml')['spec']).toMatchObject({
    podSelector: { matchLabels: labels },
  });
});

test('the component for an egress proxy adds variables of a Secret to the one container, which sets none of them itself', () => {
  const [{ patch, target }] = one('components/egress-proxy/kustomization.yaml')['patches'] as [
    { patch: string; target: object },
  ];
  expect(target).toMatchObject({ kind: 'Deployment', name: 'pullpass', namespace: DEFAULT_NAMESPACE });
  const operations = parseAllDocuments(patch)[0]?.toJS() as { op: string; path: string; value: unknown }[];
  expect(operations).toEqual([
    { op: 'test', path: '/spec/template/spec/containers/0/name', value: container['name'] },
    {
      op: 'add',
      path: '/spec/template/spec/containers/0/envFrom',
      value: [{ secretRef: { name: 'pullpass-egress-proxy' } }],
    },
  ]);
  expect(container).not.toHaveProperty('envFrom');
  expect(JSON.stringify(container['env'])).not.toMatch(/proxy/i);
});

test('the example is the source of config.yaml and a namespace that opts in', () => {
  const [secret, namespace] = objects(file('example/source.yaml'));
  expect(secret).toMatchObject({
    kind: 'Secret',
    type: TYPE_DOCKER_CONFIG_JSON,
    metadata: { name: 'upstream-registry', namespace: DEFAULT_NAMESPACE },
  });
  const { auths } = JSON.parse((secret?.['stringData'] as Record<string, string>)['.dockerconfigjson'] ?? '') as {
    auths: Record<string, object>;
  };
  expect(auths).toEqual({ 'https://index.docker.io/v1/': { username: 'REPLACE-ME', password: 'REPLACE-ME' } });
  expect(namespace?.metadata.annotations).toEqual({ [ANNOTATION_SYNC]: 'enabled' });
});

test('install.yaml holds the same objects: `npm run generate`', () => {
  const configMap = objects(file('install.yaml')).find(({ kind }) => kind === 'ConfigMap');
  expect(configMap).toMatchObject({
    metadata: { name: 'pullpass-config', namespace: DEFAULT_NAMESPACE },
    data: { 'config.yaml': file('config.yaml') },
  });
  expect(sorted(objects(file('install.yaml')).filter((object) => object.kind !== 'ConfigMap'))).toEqual(
    sorted(resources),
  );
});
