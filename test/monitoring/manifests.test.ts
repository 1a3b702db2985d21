/** The component fits the manifests that it is added to: who is scraped, on which port, and that nothing shuts it out. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { DEFAULT_NAMESPACE } from '../../src/names.ts';
import { kubectl, nameOf, objectsOf, render } from '../kustomize/rendering.ts';
import type { Manifest } from '../kustomize/rendering.ts';
import { COMPONENT, DASHBOARD_TEXT } from './manifests.ts';
import { tellMissing } from './tools.ts';

interface Deployment {
  spec: {
    template: {
      metadata: { labels: Record<string, string> };
      spec: { containers: { ports: { name: string; containerPort: number }[] }[] };
    };
  };
}

const ROOT = path.resolve(COMPONENT, '../..');
const read = (name: string): unknown => parse(readFileSync(path.join(ROOT, name), 'utf8'));
const deployment = read('deployment.yaml') as Deployment;
const { labels } = deployment.spec.template.metadata;
const [port] = deployment.spec.template.spec.containers[0]?.ports ?? [];

test('the Service has the pods of the Deployment behind it, each by itself, ready or not', () => {
  expect(read('components/monitoring/service.yaml')).toMatchObject({
    metadata: { labels },
    spec: {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: labels,
      ports: [{ name: 'http', port: port?.containerPort, targetPort: port?.name }],
    },
  });
});

test('the ServiceMonitor finds that Service and scrapes its port', () => {
  const service = read('components/monitoring/service.yaml') as Manifest & { spec: { ports: { name: string }[] } };
  expect(read('components/monitoring/service-monitor.yaml')).toMatchObject({
    metadata: { namespace: service.metadata.namespace },
    spec: {
      selector: { matchLabels: service.metadata.labels },
      endpoints: [{ port: service.spec.ports[0]?.name, path: '/metrics' }],
    },
  });
});

test('the NetworkPolicy of the other component lets Prometheus in, from wherever it runs', () => {
  const { spec } = read('components/networkpolicy/network-policy.yaml') as { spec: { ingress: object[] } };
  expect(spec.ingress).toContainEqual({ ports: [{ port: port?.name, protocol: 'TCP' }] });
});

test('the dashboard becomes a ConfigMap that keeps its name and that the sidecar of Grafana takes', () => {
  const { configMapGenerator } = read('components/monitoring/kustomization.yaml') as { configMapGenerator: object[] };
  expect(configMapGenerator).toMatchObject([
    {
      namespace: DEFAULT_NAMESPACE,
      files: ['pullpass.json=dashboard.json'],
      options: { disableNameSuffixHash: true, labels: { grafana_dashboard: '1' } },
    },
  ]);
  // What a client writes into an annotation at `kubectl apply` is 256 KiB at most.
  expect(Buffer.byteLength(DASHBOARD_TEXT)).toBeLessThan(200 * 1024);
});

test('no file of the component is left out of it', () => {
  const { resources } = read('components/monitoring/kustomization.yaml') as { resources: string[] };
  expect(readdirSync(COMPONENT).sort()).toEqual([...resources, 'dashboard.json', 'kustomization.yaml'].sort());
});

tellMissing('the monitoring component built by kustomize', kubectl);

describe.skipIf('missing' in kubectl)('kustomize', () => {
  const names = (objects: Manifest[]): string[] => objects.map(nameOf).sort();

  test('adds four objects to the base, all in its namespace, and changes nothing else', () => {
    const [base, added] = [[], ['monitoring']].map((components) => objectsOf(render(components))) as [
      Manifest[],
      Manifest[],
    ];
    const before = new Set(names(base));
    expect(names(added).filter((name) => !before.has(name))).toEqual(
      ['ConfigMap', 'PrometheusRule', 'Service', 'ServiceMonitor'].map(
        (kind) => `${kind} ${DEFAULT_NAMESPACE}/pullpass${kind === 'ConfigMap' ? '-dashboard' : ''}`,
      ),
    );
    expect(added).toEqual(expect.arrayContaining(base));
    const dashboard = added.find(({ metadata }) => metadata.name === 'pullpass-dashboard');
    expect(JSON.parse((dashboard?.['data'] as Record<string, string>)['pullpass.json'] ?? '')).toEqual(
      JSON.parse(DASHBOARD_TEXT),
    );
  });
});
