/** Reads pods: everywhere, or namespace by namespace. */
import type { V1Pod } from '@kubernetes/client-node';
import { isForbidden } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import { listPages } from '../../kube/list.ts';
import { paths } from '../../kube/paths.ts';
import type { Workload } from './observation.ts';
import { createPodTally } from './pod-images.ts';

interface PodsOptions {
  readonly client: KubeClient;
  /** undefined: all. */
  readonly namespaces: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onPage?: ((pods: number) => void) | undefined;
}

export interface ReadPods {
  readonly workloads: readonly Workload[];
  /** By namespace, `undefined` for all: the server's message where pods may not be listed. */
  readonly refused: ReadonlyMap<string | undefined, string>;
}

/** Throws ApiError for any error but a 403. */
export async function readPods({ client, namespaces, signal, onPage }: PodsOptions): Promise<ReadPods> {
  const workloads: Workload[] = [];
  const refused = new Map<string | undefined, string>();
  for (const namespace of namespaces ?? [undefined]) {
    const tally = createPodTally();
    try {
      await listPages(
        client,
        { path: paths.pods(namespace) },
        {
          ...(signal && { signal }),
          each: (pod) => tally.add(pod as unknown as V1Pod),
          restart: () => tally.reset(),
          onPage: () => onPage?.(tally.pods),
        },
      );
      workloads.push(...tally.workloads());
    } catch (error) {
      if (!isForbidden(error)) throw error;
      refused.set(namespace, (error as Error).message);
    }
  }
  return { workloads, refused };
}
