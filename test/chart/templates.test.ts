/** What the chart renders: by default what kustomize renders, and with each value what it says. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml, stringify } from 'yaml';
import { CHART } from '../../charts/build.ts';
import manifest from '../../package.json' with { type: 'json' };
import { renderRbac } from '../../src/commands/rbac-text.ts';
import { loadConfiguration, parseConfiguration } from '../../src/config/load.ts';
import { IMAGE, isHook, onEachHelm, parse } from './helm.ts';
import type { Manifest } from './helm.ts';
import { MATRIX, source } from './values.ts';

const MANIFESTS = path.resolve(CHART, '../../manifests');
const read = (file: string): Manifest[] => parse(readFileSync(path.join(MANIFESTS, file), 'utf8'));
const one = (list: readonly Manifest[], kind: string, name = 'pullpass'): Manifest => {
  const found = list.filter((each) => each.kind === kind && each.metadata.name === name);
  if (found.length !== 1) throw new Error(`${found.length} objects are ${kind} ${name}`);
  return found[0] as Manifest;
};
interface Pod {
  spec: {
    containers: { image: string; args: string[]; [field: string]: unknown }[];
    volumes: object[];
    [field: string]: unknown;
  };
  metadata: { labels: Record<string, string>; annotations: Record<string, string> };
}
const podOf = (object: Manifest): Pod => (object['spec'] as { template: Pod }).template;
const configOf = (objects: readonly Manifest[]): unknown =>
  parseYaml((one(objects, 'ConfigMap', 'pullpass-config')['data'] as Record<string, string>)['config.yaml'] ?? '');

onEachHelm((helm) => {
  describe('by default', async () => {
    const objects = await helm.template({});

    test('each object of the manifests is there, and is the same but for labels of Helm', () => {
      const theirs = ['deployment.yaml', 'service-account.yaml', 'pod-disruption-budget.yaml'].flatMap(read);
      for (const theirsOne of theirs) {
        const { metadata, ...ours } = one(objects, theirsOne.kind);
        const { metadata: wanted, ...rest } = theirsOne;
        expect(metadata).toMatchObject(wanted);
        const [expected] = theirsOne.kind === 'Deployment' ? podOf(theirsOne).spec.containers : [];
        // From which registry is the user's business; the tag is the version.
        if (expected !== undefined) expected.image = `${IMAGE.repository}:${manifest.version}`;
        expect(ours).toEqual(rest);
      }
    });

    test('the configuration is that of the manifests', async () => {
      expect(parseConfiguration(stringify(configOf(objects)), 'rendered')).toEqual({
        ok: true,
        configuration: await loadConfiguration(path.join(MANIFESTS, 'config.yaml')),
      });
    });

    test('nothing else is there but the rights, and a Job of `helm test`', () => {
      const others = objects.filter(({ apiVersion }) => !apiVersion.startsWith('rbac.'));
      expect(others.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort()).toEqual([
        'ConfigMap pullpass-config',
        'Deployment pullpass',
        'Job pullpass-test',
        'PodDisruptionBudget pullpass',
        'ServiceAccount pullpass',
      ]);
    });
  });

  test('lint has nothing to say, as strict as it can be', async () => {
    const said = await helm.run(['lint', '--strict', CHART], { values: { image: IMAGE } });
    expect([said.status, said.stdout]).toEqual([0, expect.stringContaining('1 chart(s) linted, 0 chart(s) failed')]);
  });

  test('the placeholder of the image is refused in one line that says what to do', async () => {
    const said = await helm.run(['template', CHART]);
    expect(said.status).toBe(1);
    expect(said.stderr).toMatch(
      /: set image\.repository to an image of Pullpass: none is published yet, and docs\/helm/,
    );
  });

  describe.each(Object.entries(MATRIX))('%s', (_, values) => {
    test('renders objects that are whole: names, namespaces, labels, no two the same', async () => {
      const objects = await helm.template(values, { namespace: 'elsewhere' });
      const ids = objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace} ${metadata.name}`);
      expect(ids).toEqual([...new Set(ids)]);
      for (const { apiVersion, kind, metadata } of objects.filter(
        ({ metadata }) => metadata.name !== 'mine' || metadata.labels,
      )) {
        expect([apiVersion, kind, metadata.name]).toEqual(Array(3).fill(expect.stringMatching(/./)));
        expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/name': 'pullpass' });
        if (!/^(Cluster|ValidatingAdmissionPolicy)/.test(kind) && !apiVersion.startsWith('rbac.'))
          expect(metadata.namespace).toBe('elsewhere');
      }
    });
  });

  test('the values of a pod reach the controller, and the Jobs as far as they concern them', async () => {
    const objects = await helm.template(MATRIX['a pod with everything'] ?? {});
    const settings = {
      imagePullSecrets: [{ name: 'mine' }],
      hostNetwork: true,
      dnsPolicy: 'ClusterFirstWithHostNet',
      priorityClassName: 'system-cluster-critical',
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      tolerations: [{ operator: 'Exists' }],
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true },
    };
    const container = {
      image: `${IMAGE.repository}:v9@sha256:${'a'.repeat(64)}`,
      imagePullPolicy: 'Always',
      envFrom: [{ secretRef: { name: 'egress' } }],
      env: expect.arrayContaining([
        { name: 'LOG_LEVEL', value: 'debug' },
        { name: 'NODE_EXTRA_CA_CERTS', value: '/etc/pullpass-ca/ca.crt' },
        { name: 'A', value: 'b' },
      ]) as unknown,
      volumeMounts: expect.arrayContaining([
        { name: 'ca', mountPath: '/etc/pullpass-ca', readOnly: true },
        { name: 'v', mountPath: '/v' },
      ]) as unknown,
      securityContext: { readOnlyRootFilesystem: true },
    };
    const volumes = [
      { name: 'ca', configMap: { name: 'ca', items: [{ key: 'bundle.pem', path: 'ca.crt' }] } },
      { name: 'v', emptyDir: {} },
    ];
    for (const [kind, name] of [['Deployment'], ['Job', 'pullpass-test'], ['Job', 'pullpass-uninstall']] as const) {
      const { spec } = podOf(one(objects, kind, name));
      expect(spec).toMatchObject({ ...settings, containers: [container] });
      expect(spec.volumes).toEqual(expect.arrayContaining(volumes));
    }
    const { spec, metadata } = podOf(one(objects, 'Deployment'));
    expect(spec.containers[0]).toMatchObject({
      args: [
        'controller',
        '--config',
        '/etc/pullpass/config.yaml',
        '--address',
        ':9090',
        '--secure-report',
        '--concurrency=64',
      ],
      ports: [{ containerPort: 9090 }],
    });
    expect(spec).not.toHaveProperty('topologySpreadConstraints');
    expect(metadata).toMatchObject({ annotations: { a: 'b' }, labels: { c: 'd' } });
    expect(one(objects, 'PodDisruptionBudget')['spec']).toMatchObject({ maxUnavailable: '50%' });
  });

  test('a value of null leaves a field to the cluster', async () => {
    const { spec } = podOf(one(await helm.template(MATRIX['OpenShift'] ?? {}), 'Deployment'));
    expect(spec['securityContext']).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  });

  test('no disruption budget for one replica: it would block each drain', async () => {
    expect((await helm.template({ replicas: 1 })).map(({ kind }) => kind)).not.toContain('PodDisruptionBudget');
  });

  test('the pods of the Jobs are none of the Deployment, the Service or the budget', async () => {
    const objects = await helm.template({ uninstall: { prune: true } });
    for (const job of objects.filter(({ kind }) => kind === 'Job'))
      expect(podOf(job).metadata.labels).not.toMatchObject({ 'app.kubernetes.io/component': 'controller' });
  });

  test('the monitoring objects are those of the component, with the labels of the values', async () => {
    const objects = await helm.template(MATRIX['all monitoring'] ?? {});
    for (const file of ['service.yaml', 'service-monitor.yaml', 'prometheus-rule.yaml']) {
      const [theirs] = read(`components/monitoring/${file}`);
      if (theirs === undefined) throw new Error(file);
      expect(one(objects, theirs.kind)).toMatchObject(theirs);
    }
    expect(one(objects, 'ServiceMonitor')).toMatchObject({
      metadata: { labels: { release: 'prometheus' } },
      spec: { endpoints: [{ relabelings: [{ action: 'labeldrop', regex: 'x' }] }] },
    });
    const dashboard = one(objects, 'ConfigMap', 'pullpass-dashboard');
    expect(dashboard.metadata).toMatchObject({
      labels: { grafana_dashboard: '1' },
      annotations: { grafana_folder: 'Platform' },
    });
    expect((dashboard['data'] as Record<string, string>)['pullpass.json']?.trim()).toBe(
      readFileSync(path.join(MANIFESTS, 'components/monitoring/dashboard.json'), 'utf8').trim(),
    );
  });

  test('with sync waves, rights and configuration go before the Deployment', async () => {
    const objects = await helm.template(MATRIX['Argo CD'] ?? {});
    const wave = (kind: string, name?: string) =>
      Number(one(objects, kind, name).metadata.annotations?.['argocd.argoproj.io/sync-wave'] ?? 0);
    expect([wave('ConfigMap', 'pullpass-config'), wave('ServiceAccount'), wave('Deployment')]).toEqual([-1, -1, 0]);
    for (const { metadata } of objects)
      expect(metadata).toMatchObject({ labels: { team: 'platform' }, annotations: { a: 'b' } });
  });

  describe('a mistake in the values', () => {
    test.each<[string, object, RegExp]>([
      ['a misspelled value', { replica: 3 }, /[Aa]dditional propert\w+ '?replica'? (?:is )?not allowed/],
      ['a misspelled key of a section', { image: { repo: 'x' } }, /image.*[^]*'?repo'? (?:is )?not allowed/],
      ['a misspelled key of a source', { config: { sources: [{ ...source('a'), copyname: 'x' }] } }, /copyname/],
      ['a wrong type', { replicas: 'two' }, /replicas.*[^]*(?:got string, want integer|integer)/],
      ['no source', { config: { sources: [] } }, /sources/],
      ['a digest that is none', { image: { ...IMAGE, digest: 'latest' } }, /digest/],
    ])('%s is refused with its place', async (_, values, message) => {
      await expect(helm.template(values)).rejects.toThrow(message);
    });
  });

  describe('the hook of uninstall', () => {
    const proxies = [
      { kind: 'zot', secret: { namespace: 'zot', name: 's' } },
      {
        kind: 'distribution',
        secret: { namespace: 'cache', name: 's' },
        workload: { namespace: 'cache', name: 'w' },
        probe: { url: 'http://c:5000', repository: 'corp/probe', login: { secret: { namespace: 'probe', name: 's' } } },
      },
      { kind: 'harbor', url: 'https://h.corp', endpoint: 'hub', admin: { secret: { namespace: 'admin', name: 's' } } },
      { kind: 'kube-image-keeper', object: { kind: 'ClusterImageSetMirror', name: 'o' }, copyNamespace: 'copy' },
      { kind: 'image-puller', object: { namespace: 'puller', name: 'o' } },
    ].map((proxy, i) => ({ name: `p${i}`, source: 'a', registry: 'docker.io', ...proxy }));

    test.each(['pullpass-system', 'elsewhere'])('has every right of the controller in %s', async (namespace) => {
      const config = { sources: [source('a', 'secrets'), source('b')], cacheProxies: proxies };
      const objects = await helm.template({ config, uninstall: { prune: true } }, { namespace });
      const parsed = parseConfiguration(stringify(configOf(objects)), 'rendered');
      if (!parsed.ok) throw new Error(JSON.stringify(parsed));
      const needed = parse(renderRbac(parsed.configuration, { namespace, serviceAccount: 'pullpass' }));
      const granted = objects.filter((each) => isHook(each) && each.kind.endsWith('Binding'));
      for (const { kind, metadata } of needed.filter(({ kind }) => kind.endsWith('Role')))
        expect(granted).toContainEqual(
          expect.objectContaining({
            kind: `${kind}Binding`,
            metadata: expect.objectContaining(
              metadata.namespace === undefined ? {} : { namespace: metadata.namespace },
            ) as unknown,
            roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: metadata.name },
            subjects: [{ kind: 'ServiceAccount', name: 'pullpass-uninstall', namespace }],
          }),
        );
      // Nothing is bound that is not there: the API server would refuse it.
      const roles = new Set(
        [...needed, ...objects].map(({ kind, metadata }) => `${kind} ${metadata.namespace} ${metadata.name}`),
      );
      for (const { metadata, ...binding } of granted) {
        const { kind, name } = binding['roleRef'] as { kind: string; name: string };
        expect(roles).toContain(`${kind} ${metadata.namespace} ${name}`);
      }
    });

    test('is made for the hook only, with what it needs before its Job', async () => {
      const hooks = (await helm.template({ uninstall: { prune: true } })).filter(
        ({ metadata }) => metadata.annotations?.['helm.sh/hook'] === 'pre-delete',
      );
      const weight = ({ metadata }: Manifest) => Number(metadata.annotations?.['helm.sh/hook-weight']);
      const [job, ...rest] = hooks.toSorted((a, b) => weight(b) - weight(a));
      expect(job?.kind).toBe('Job');
      expect(rest.every((each) => each.kind !== 'Job' && weight(each) < 0)).toBe(true);
      expect(rest.map(({ kind }) => kind)).toEqual(
        expect.arrayContaining(['ServiceAccount', 'Role', 'RoleBinding', 'ClusterRoleBinding']),
      );
    });
  });

  test('the package holds the files that the templates read', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'pullpass-chart-'));
    try {
      const packed = await helm.run(['package', CHART, '--destination', directory]);
      expect(packed.status).toBe(0);
      const archive = path.join(directory, `pullpass-${manifest.version}.tgz`);
      const said = await helm.run(['show', 'chart', archive]);
      expect(parseYaml(said.stdout)).toMatchObject({ version: manifest.version, appVersion: manifest.version });
      writeFileSync(path.join(directory, 'v.yaml'), stringify({ image: IMAGE, ...MATRIX['all monitoring'] }));
      const rendered = await helm.run(['template', archive, '--values', path.join(directory, 'v.yaml')]);
      expect(parse(rendered.stdout).map(({ kind }) => kind)).toContain('PrometheusRule');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
