/** CRDs on a server that takes any. */
import { KubeConfig } from '@kubernetes/client-node';
import { createClient } from '../../../src/kube/client.ts';
import { connect } from '../../../src/kube/connection.ts';
import type { Crd } from '../../sandbox/products/crds.ts';
import type { ApiServer } from './api-server.ts';
import { eventually } from './cluster.ts';

/** Resolves when all of them are served. */
export async function installCrds(server: ApiServer, crds: readonly Crd[]): Promise<void> {
  if (crds.length === 0) return;
  const config = new KubeConfig();
  config.loadFromString(server.adminKubeconfig());
  const connection = connect(config);
  try {
    const client = createClient(connection);
    for (const crd of crds) await client.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd);
    for (const {
      spec: { group, names, versions },
    } of crds)
      for (const { name } of versions)
        await eventually(async () => {
          await client.get(`/apis/${group}/${name}/${names.plural}`);
        });
  } finally {
    await connection.close();
  }
}
