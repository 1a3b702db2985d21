/** A real API server takes every combination, without a warning, and Pod Security "restricted" admits every pod of it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installCrds } from '../integration/env/crds.ts';
import { rawClient } from '../integration/env/raw-client.ts';
import type { Answer, Body, RawClient } from '../integration/env/raw-client.ts';
import { findRealApi, minorOf, startRealApi } from '../integration/env/real-api.ts';
import type { ApiServer } from '../integration/env/api-server.ts';
import { tellMissing } from '../monitoring/tools.ts';
import type { Crd } from '../sandbox/products/crds.ts';
import { kubectl, KUSTOMIZATIONS, nameOf, objectsOf, render, SUBSETS } from './rendering.ts';
import type { Manifest } from './rendering.ts';

const real = findRealApi();
tellMissing('every combination of the components on a real API server', 'missing' in real ? real : kubectl);

/** Stands for the operator's CRD; kubeconform.test.ts holds the objects to its schema. */
function operatorKind(kind: string, plural: string): Crd {
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: open } };
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.monitoring.coreos.com` },
    spec: {
      group: 'monitoring.coreos.com',
      scope: 'Namespaced' as const,
      names: { kind, plural },
      versions: [version],
    },
  };
  return crd;
}

describe.skipIf('missing' in real || 'missing' in kubectl)('on kube-apiserver', () => {
  let server: ApiServer;
  let admin: RawClient;
  beforeAll(async () => {
    if ('missing' in real) return;
    server = await startRealApi(real.found);
    admin = rawClient(server, server.admin);
    await installCrds(server, [
      operatorKind('ServiceMonitor', 'servicemonitors'),
      operatorKind('PrometheusRule', 'prometheusrules'),
    ]);
  });
  afterAll(async () => {
    admin.close();
    await server.stop();
  });

  const kinds = new Map<string, Promise<Answer>>();
  /** The collection of an object's kind, as the server's discovery says. */
  async function collection({ apiVersion, kind, metadata }: Manifest): Promise<string> {
    const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const discovered = kinds.get(group) ?? admin.call('GET', group);
    kinds.set(group, discovered);
    const { body } = await discovered;
    const found = (body['resources'] as { kind: string; name: string; namespaced: boolean }[]).find(
      ({ kind: served, name }) => served === kind && !name.includes('/'),
    );
    if (found === undefined) throw new Error(`the server has no ${kind} in ${apiVersion}`);
    return found.namespaced ? `${group}/namespaces/${metadata.namespace}/${found.name}` : `${group}/${found.name}`;
  }

  const verdict = ({ code, headers, body }: Answer): string =>
    code < 300 ? (headers['warning'] ?? 'accepted') : `${code} ${body.message}`;

  async function apply(object: Manifest): Promise<string> {
    const query = 'fieldManager=test&force=true&fieldValidation=Strict';
    const path = `${await collection(object)}/${object.metadata.name}?${query}`;
    return verdict(await admin.call('PATCH', path, { body: object, type: 'application/apply-patch+yaml' }));
  }

  /** Asks for the pod that a Deployment's controller would make. */
  async function run(deployment: Manifest, change: (pod: Body) => void = () => undefined): Promise<string> {
    const { template } = structuredClone(deployment['spec']) as { template: Body };
    change(template);
    const metadata = { ...template.metadata, name: 'test' };
    return verdict(
      await admin.call('POST', `/api/v1/namespaces/${deployment.metadata.namespace}/pods?dryRun=All`, {
        body: { ...template, apiVersion: 'v1', kind: 'Pod', metadata },
      }),
    );
  }

  // The kinds of that component came with 1.36.
  const served = (subset: readonly string[]): boolean =>
    'missing' in real || minorOf(real.found) >= 36 || !subset.includes('born-ready');
  const combinations = [
    ...SUBSETS.filter(served).map((subset) => [subset, []] as const),
    [[], KUSTOMIZATIONS] as const,
  ];
  test.each(
    combinations.map(([subset, beside]) => [['base', ...subset, ...beside].join(' + '), subset, beside] as const),
  )('%s', async (_, subset, beside) => {
    // Kustomize puts namespaces and accounts before what needs them.
    const objects = objectsOf(render(subset, beside));
    const verdicts: [string, string][] = [];
    for (const object of objects) verdicts.push([nameOf(object), await apply(object)]);
    expect(verdicts.filter(([, said]) => said !== 'accepted')).toEqual([]);

    const namespaces = objects.filter(({ kind }) => kind === 'Namespace');
    for (const { metadata } of namespaces)
      expect(metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' });
    const deployments = objects.filter(({ kind }) => kind === 'Deployment');
    expect(new Set(deployments.map(({ metadata }) => metadata.namespace)).size).toBe(namespaces.length);
    for (const deployment of deployments) {
      expect(await run(deployment)).toBe('accepted');
      // The verdict is of Pod Security: a pod that asks for more is refused.
      expect(await run(deployment, ({ spec }) => (spec['hostNetwork'] = true))).toMatch(
        /violates PodSecurity "restricted/,
      );
    }
  });
});
