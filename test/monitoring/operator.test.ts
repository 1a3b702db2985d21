/**
 * The Prometheus Operator's own CRDs take what we ship: on a real API server, where its CRDs are found. They are
 * `example/prometheus-operator-crd` of its repository; PULLPASS_PROMETHEUS_CRDS names a folder with them.
 */
import { KubeConfig } from '@kubernetes/client-node';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connection.ts';
import { DEFAULT_NAMESPACE } from '../../src/names.ts';
import { installCrds } from '../integration/env/crds.ts';
import { findRealApi, startRealApi } from '../integration/env/real-api.ts';
import type { RealApi } from '../integration/env/real-api.ts';
import type { Crd } from '../sandbox/products/crds.ts';
import { COMPONENT } from './manifests.ts';

const FOLDERS = [
  process.env['PULLPASS_PROMETHEUS_CRDS'],
  path.resolve(import.meta.dirname, '../../../shared/contracts'),
];
const PLURALS = ['prometheusrules', 'servicemonitors'] as const;
const crds = PLURALS.flatMap((plural): Crd[] => {
  const file = FOLDERS.flatMap((folder) => (folder === undefined ? [] : [folder]))
    .flatMap((folder) => ['yaml', 'crd.yaml'].map((end) => path.join(folder, `monitoring.coreos.com_${plural}.${end}`)))
    .find((each) => existsSync(each));
  return file === undefined ? [] : [parse(readFileSync(file, 'utf8')) as Crd];
});
const real = findRealApi();
const missing =
  crds.length < PLURALS.length
    ? 'no CRDs of the Prometheus Operator found: set PULLPASS_PROMETHEUS_CRDS to a folder with its example/prometheus-operator-crd'
    : 'missing' in real
      ? real.missing
      : undefined;
if (missing !== undefined) process.stderr.write(`skipped, the Prometheus Operator's CRDs: ${missing}\n`);

interface Shipped {
  spec: Record<string, unknown>;
}
const shipped = (file: string): Shipped => parse(readFileSync(path.join(COMPONENT, file), 'utf8')) as Shipped;

describe.skipIf(missing !== undefined)("the Prometheus Operator's CRDs", () => {
  let server: RealApi;
  let connection: ReturnType<typeof connect>;
  beforeAll(async () => {
    if ('missing' in real) throw new Error(real.missing);
    server = await startRealApi(real.found);
    await installCrds(server, crds);
    const config = new KubeConfig();
    config.loadFromString(server.adminKubeconfig());
    connection = connect(config);
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: DEFAULT_NAMESPACE } };
    await createClient(connection).create('/api/v1/namespaces', namespace);
  });
  afterAll(async () => {
    await connection.close();
    await server.stop();
  });

  /** With strict validation: an unknown field is an error, too. Nothing is kept. */
  const make = (plural: string, body: object): Promise<Shipped> =>
    createClient(connection).create(`/apis/monitoring.coreos.com/v1/namespaces/${DEFAULT_NAMESPACE}/${plural}`, body, {
      query: { fieldValidation: 'Strict', dryRun: 'All' },
    });

  test.each([
    ['prometheusrules', 'prometheus-rule.yaml'],
    ['servicemonitors', 'service-monitor.yaml'],
  ])('%s: takes %s, and drops nothing of it', async (plural, file) => {
    const ours = shipped(file);
    expect((await make(plural, ours)).spec).toEqual(ours.spec);
  });

  test('would refuse a field that there is not, and a value of another type', async () => {
    const rule = shipped('prometheus-rule.yaml');
    await expect(make('prometheusrules', { ...rule, spec: { ...rule.spec, grups: [] } })).rejects.toThrow('spec.grups');
    const monitor = shipped('service-monitor.yaml');
    const spec = { ...monitor.spec, endpoints: [{ port: 'http', interval: '30 seconds' }] };
    await expect(make('servicemonitors', { ...monitor, spec })).rejects.toThrow('interval');
  });
});
