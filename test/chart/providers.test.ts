/** Providers of the chart: as the component has them, with the rights that `pullpass rbac --for provider` prints. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { CHART } from '../../charts/build.ts';
import { renderProviderRbac } from '../../src/commands/rbac-text.ts';
import { parseProvider } from '../../src/config/provider.ts';
import type { ProviderConfig } from '../../src/config/provider.ts';
import { IMAGE, NAMESPACE, onEachHelm, parse } from './helm.ts';
import type { Manifest } from './helm.ts';
import { PROVIDERS } from './values.ts';

const COMPONENT = path.resolve(CHART, '../../manifests/components/provider');
const component = (file: string): Manifest => parse(readFileSync(path.join(COMPONENT, file), 'utf8'))[0] as Manifest;
const [ECR, HELPER] = PROVIDERS;

interface Pod {
  readonly metadata: { readonly annotations: Record<string, string> };
  readonly spec: { readonly containers: Record<string, unknown>[]; readonly volumes: { readonly name: string }[] };
}
const podOf = (object: Manifest): Pod => (object['spec'] as { template: Pod }).template;

onEachHelm((helm) => {
  const find = (objects: readonly Manifest[], kind: string, name: string): Manifest => {
    const found = objects.filter((each) => each.kind === kind && each.metadata.name === name);
    expect(found).toHaveLength(1);
    return found[0] as Manifest;
  };
  const documentOf = (objects: readonly Manifest[], name: string): ProviderConfig => {
    const { data } = find(objects, 'ConfigMap', name) as unknown as { data: Record<string, string> };
    const parsed = parseProvider(data['provider.yaml'] ?? '', name);
    if (parsed?.ok !== true) throw new Error(JSON.stringify(parsed));
    return parsed.document;
  };

  test('none by default', async () => {
    expect(JSON.stringify(await helm.template({}))).not.toContain('pullpass-provider');
  });

  test('a Deployment as that of the component, with its document, plugin and account', async () => {
    const objects = await helm.template({ providers: [ECR] });
    const name = 'pullpass-provider-ecr';
    const theirs = component('deployment.yaml');
    const ours = find(objects, 'Deployment', name);
    const [container] = podOf(ours).spec.containers;
    const [expected] = podOf(theirs).spec.containers;
    expect(container).toEqual({ ...expected, image: container?.['image'] });
    expect(container?.['image']).toContain(IMAGE.repository);
    const volumes = podOf(theirs).spec.volumes.map((volume) =>
      volume.name === 'config' ? { name: 'config', configMap: { name } } : volume,
    );
    expect(podOf(ours).spec).toEqual({
      ...podOf(theirs).spec,
      serviceAccountName: name,
      containers: [container],
      volumes,
    });
    expect(find(objects, 'ServiceAccount', name)).toMatchObject({
      metadata: { annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:role/ecr-pull' } },
      automountServiceAccountToken: false,
    });
    const shipped = parseProvider(readFileSync(path.join(COMPONENT, 'provider.yaml'), 'utf8'), 'p');
    expect(shipped).toMatchObject({ ok: true, document: documentOf(objects, name) });
  });

  test('each has the rights for its own Secret, where that is, and no others', async () => {
    const objects = await helm.template({ providers: PROVIDERS });
    const bare = ({ metadata: { name, namespace }, ...object }: Manifest) => ({
      ...object,
      metadata: { name, namespace },
    });
    for (const [name, account] of [
      ['pullpass-provider-ecr', 'pullpass-provider-ecr'],
      ['pullpass-provider-other', 'theirs'],
    ] as const) {
      const printed = parse(
        renderProviderRbac(documentOf(objects, name), { namespace: NAMESPACE, serviceAccount: account }),
      );
      for (const each of printed) expect(objects.map(bare)).toContainEqual(bare(each));
      const subject = JSON.stringify({ kind: 'ServiceAccount', name: account, namespace: NAMESPACE });
      const bindings = objects.filter(
        (each) => each.kind.endsWith('Binding') && JSON.stringify(each).includes(subject),
      );
      expect(bindings).toHaveLength(1);
    }
    expect(objects.filter(({ kind }) => kind === 'ServiceAccount').map(({ metadata }) => metadata.name)).not.toContain(
      'theirs',
    );
    const without = await helm.template({ providers: PROVIDERS, rbac: { create: false } });
    expect(without.filter(({ apiVersion }) => apiVersion.startsWith('rbac.'))).toEqual([]);
  });

  test('another document makes another pod, and another environment of the controller does not', async () => {
    const stamp = async (values: object) =>
      podOf(find(await helm.template(values), 'Deployment', 'pullpass-provider-other')).metadata.annotations[
        'pullpass.dev/document'
      ];
    const before = await stamp({ providers: [HELPER] });
    expect(before).toMatch(/^[0-9a-f]{16}$/);
    expect(await stamp({ providers: [HELPER], replicas: 3 })).toBe(before);
    const ask = { ...HELPER.ask, registries: ['other.example.com'] };
    expect(await stamp({ providers: [{ ...HELPER, ask }] })).not.toBe(before);
  });

  test('what else a pod may have, and monitoring with the settings of the controller’s', async () => {
    const monitor = { enabled: true, interval: '1m', labels: { release: 'prometheus' } };
    const objects = await helm.template({ providers: PROVIDERS, monitoring: { serviceMonitor: monitor } });
    const { spec } = podOf(find(objects, 'Deployment', 'pullpass-provider-other'));
    expect(spec).toMatchObject({ initContainers: [{ name: 'plugins' }], serviceAccountName: 'theirs' });
    expect(spec.volumes.map(({ name }) => name)).toEqual(['config', 'plugins', 'token', 'work']);
    expect(spec.containers[0]).toMatchObject({ args: expect.arrayContaining(['--address', ':9090']) as unknown });
    const theirs = component('service-monitor.yaml') as unknown as { spec: { selector: object; endpoints: object[] } };
    expect(find(objects, 'ServiceMonitor', 'pullpass-provider')).toMatchObject({
      metadata: { labels: { release: 'prometheus' } },
      spec: { ...theirs.spec, endpoints: [{ ...theirs.spec.endpoints[0], interval: '1m' }] },
    });
    expect(find(objects, 'Service', 'pullpass-provider')['spec']).toEqual(component('service.yaml')['spec']);
  });

  test.each<[string, object, RegExp]>([
    ['a key that the document does not have', { ...ECR, ask: { ...ECR.ask, imagee: 'x' } }, /imagee|anyOf/],
    ['a path as the program', { ...ECR, ask: { ...ECR.ask, plugin: '../x' } }, /plugin|anyOf/],
    ['no name of a Secret', { ...ECR, secret: {} }, /secret/],
    ['a name that cannot be one', { ...ECR, name: 'A' }, /name/],
  ])('%s is refused', async (_, provider, message) => {
    await expect(helm.template({ providers: [provider] })).rejects.toThrow(message);
  });

  test('the same name twice is refused', async () => {
    await expect(helm.template({ providers: [ECR, ECR] })).rejects.toThrow('providers: ecr is there twice');
  });

  test('the document is what a person would write', async () => {
    const objects = await helm.template({ providers: [HELPER] });
    expect(stringify(documentOf(objects, 'pullpass-provider-other').ask)).toContain('docker-credential-ecr-login');
  });
});
