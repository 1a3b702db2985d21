/** Asks the API server whether we may do what the configuration needs, and names each right that is missing. */
import type { V1SelfSubjectAccessReview } from '@kubernetes/client-node';
import type { Configuration } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import { accessChecks } from '../plan/rights.ts';
import { allRights } from '../proxies/index.ts';

/** One line per missing right; throws when the server cannot be asked. */
export async function missingRights(client: KubeClient, configuration: Configuration, namespace: string, signal: AbortSignal): Promise<string[]> {
  const checks = accessChecks(allRights(configuration, { namespace }));
  const answers = await Promise.all(
    checks.map(({ verb, group, resource, namespace, name }) =>
      client.create<V1SelfSubjectAccessReview>(paths.selfSubjectAccessReviews(), {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { verb, group, resource, ...(namespace !== undefined && { namespace }), ...(name !== undefined && { name }) } },
      }, { signal })),
  );
  return checks.filter((_, i) => answers[i]?.status?.allowed !== true).map(({ description }) => description);
}
