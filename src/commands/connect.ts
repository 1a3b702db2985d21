/** A connection to the API server for one command. */
import { createClient } from '../kube/client.ts';
import type { KubeClient } from '../kube/client.ts';
import { connect } from '../kube/connection.ts';
import { loadKubeConfig } from '../kube/kubeconfig.ts';
import type { Environment } from './environment.ts';
import type { Cluster } from './options.ts';

export async function withClient<T>(
  { userAgent }: Environment,
  flags: Cluster,
  use: (client: KubeClient) => Promise<T>,
): Promise<T> {
  const connection = connect(loadKubeConfig(flags));
  try {
    return await use(createClient(connection, { userAgent }));
  } finally {
    await connection.close();
  }
}
