/** Reads the owner and the ServiceAccount of a pod as they are now: an eviction is not decided by what a watch said a while ago. */
import type { V1Job, V1PodSpec } from '@kubernetes/client-node';
import { isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import type { ApiObject } from '../kube/objects.ts';
import { paths } from '../kube/paths.ts';
import { timeOf } from '../observe/projections.ts';
import { judgeNow, resourceOfOwner } from '../plan/healing.ts';
import type { Candidate, LiveAccount, LiveOwner, StuckPod } from '../plan/healing.ts';

interface Workload extends ApiObject {
  readonly spec?: { readonly template?: { readonly spec?: Partial<V1PodSpec> } };
}

/** Throws what the API server answers, but for objects that are not there. */
export async function judgeLive(
  client: KubeClient,
  judged: Candidate,
  signal?: AbortSignal,
): Promise<ReturnType<typeof judgeNow>> {
  const [owner, account] = await Promise.all([
    readOwner(client, judged.pod, signal),
    readAccount(client, judged.pod, signal),
  ]);
  return judgeNow(judged, owner, account);
}

async function readOwner(
  client: KubeClient,
  { namespace, owner }: StuckPod,
  signal: AbortSignal | undefined,
): Promise<LiveOwner | undefined> {
  const resource = owner && resourceOfOwner(owner);
  if (resource === undefined) return undefined;
  const path = paths.object(owner?.apiVersion ?? '', namespace, resource, owner?.name ?? '');
  const found = await client.get<Workload>(path, { signal }).catch(undefinedIfGone);
  const template = found?.spec?.template?.spec;
  if (found === undefined || template === undefined) return undefined;
  return {
    uid: found.metadata.uid ?? '',
    isGoing: found.metadata.deletionTimestamp !== undefined,
    pullSecrets: (template.imagePullSecrets ?? []).map(({ name }) => name ?? ''),
    serviceAccount: template.serviceAccountName ?? 'default',
    ...(resource === 'jobs' && { job: found as unknown as V1Job }),
  };
}

async function readAccount(
  client: KubeClient,
  { namespace, serviceAccount }: StuckPod,
  signal: AbortSignal | undefined,
): Promise<LiveAccount | undefined> {
  const found = await client
    .get<ApiObject & { imagePullSecrets?: { name?: string }[] }>(paths.serviceAccounts(namespace, serviceAccount), {
      signal,
    })
    .catch(undefinedIfGone);
  if (found === undefined) return undefined;
  const times = (found.metadata.managedFields ?? [])
    .filter(({ fieldsV1 }) => fieldsV1?.['f:imagePullSecrets'] !== undefined)
    .flatMap(({ time }) => timeOf(time) ?? []);
  return {
    pullSecrets: (found.imagePullSecrets ?? []).map(({ name }) => name ?? ''),
    listedAt: times.length === 0 ? undefined : Math.max(...times),
  };
}

function undefinedIfGone(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
  return undefined;
}
