/** Pods that cannot pull their image now, in a few namespaces: how a canary shows that a login does not work. */
import type { KubeClient } from '../kube/client.ts';
import type { ApiObject } from '../kube/list.ts';
import { listPages } from '../kube/list.ts';

interface Pod extends ApiObject {
  status?: { [key in 'initContainerStatuses' | 'containerStatuses' | 'ephemeralContainerStatuses']?: { name: string; state?: { waiting?: { reason?: string } } }[] };
}

const REASONS = ['ErrImagePull', 'ImagePullBackOff'];

/** One line per container, the same as long as it fails. Throws ApiError without the right to list pods. */
export async function failingPulls(client: KubeClient, namespaces: Iterable<string>, signal: AbortSignal): Promise<string[]> {
  const lines: string[] = [];
  for (const namespace of namespaces) {
    let found: string[] = [];
    await listPages(client, { path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods` }, {
      signal,
      each: (object) => found.push(...waiting(object)),
      restart: () => { found = []; },
    });
    lines.push(...found);
  }
  return lines;
}

function waiting({ metadata, status = {} }: Pod): string[] {
  const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? []), ...(status.ephemeralContainerStatuses ?? [])];
  return all
    .filter(({ state }) => REASONS.includes(state?.waiting?.reason ?? ''))
    .map(({ name }) => `pod ${metadata.namespace ?? ''}/${metadata.name}, container ${name}: cannot pull its image`);
}
