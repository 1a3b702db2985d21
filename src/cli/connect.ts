/** A connection for the time of one command. */
import { randomBytes } from 'node:crypto';
import { digestOf } from '../credentials/digest.ts';
import { createClient } from '../kube/client.ts';
import type { KubeClient } from '../kube/client.ts';
import { connect } from '../kube/connection.ts';
import { loadKubeConfig } from '../kube/kubeconfig.ts';
import type { Digest } from '../reconcile/world.ts';
import type { Environment } from './environment.ts';
import type { Cluster } from './options.ts';

export async function withClient<T>({ userAgent }: Pick<Environment, 'userAgent'>, flags: Cluster, use: (client: KubeClient) => Promise<T>): Promise<T> {
  const connection = connect(loadKubeConfig(flags));
  try {
    return await use(createClient(connection, { userAgent }));
  } finally {
    await connection.close();
  }
}

/** Contents are compared by a digest whose key nobody else has, not even the next process. */
export function newDigest(): Digest {
  const key = randomBytes(32);
  return (content) => digestOf(content, key);
}
