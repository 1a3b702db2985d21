/** Secrets that carry our label under a name that the configuration does not have: what a renamed or dropped source left behind. */
import type { KubeClient } from '../kube/client.ts';
import { listPages } from '../kube/list.ts';
import { paths } from '../kube/paths.ts';
import { LABEL_MANAGED_BY, LABEL_SOURCE, MANAGER } from '../names.ts';
import type { StrayCopy } from './observation.ts';

/** Reads names and labels only, no contents. Throws ApiError where Secrets may not be listed. */
export async function readStrayCopies(client: KubeClient, { known, only, signal }: { known: ReadonlySet<string>; only: readonly string[] | undefined; signal?: AbortSignal | undefined }): Promise<StrayCopy[]> {
  const stray: StrayCopy[] = [];
  for (const path of only?.map((namespace) => paths.secrets(namespace)) ?? [paths.secrets()]) {
    let found: StrayCopy[] = [];
    await listPages(client, { path, labelSelector: `${LABEL_MANAGED_BY}=${MANAGER}`, metadataOnly: true }, {
      ...(signal && { signal }),
      each: ({ metadata: { namespace = '', name, labels = {} } }) => {
        // What Pullpass keeps for itself and for cache proxies carries the first label, too; only copies name their source.
        const source = labels[LABEL_SOURCE];
        if (!known.has(name) && source !== undefined) found.push({ namespace, name, source });
      },
      restart: () => { found = []; },
    });
    stray.push(...found);
  }
  return stray;
}
