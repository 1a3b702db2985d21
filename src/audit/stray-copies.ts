/** Secrets that carry our label under a name that the configuration does not have: what a renamed or dropped source left behind. */
import type { KubeClient } from '../kube/client.ts';
import { acceptList } from '../kube/list.ts';
import type { ApiObject } from '../kube/list.ts';
import { paths } from '../kube/paths.ts';
import { LABEL_SOURCE } from '../names.ts';
import { ownerOf } from '../owner.ts';
import type { StrayCopy } from './observation.ts';

/** Reads names and labels only, no contents. Throws ApiError where Secrets may not be listed. */
export async function readStrayCopies(client: KubeClient, { known, only, signal }: { known: ReadonlySet<string>; only: readonly string[] | undefined; signal?: AbortSignal | undefined }): Promise<StrayCopy[]> {
  const stray: StrayCopy[] = [];
  for (const path of only?.map((namespace) => paths.secrets(namespace)) ?? [paths.secrets()]) {
    for (let token: string | undefined, more = true; more; ) {
      const page: { metadata: { continue?: string }; items: ApiObject[] | null } = await client.get(path, {
        query: { labelSelector: LABEL_SOURCE, limit: 500, continue: token }, accept: acceptList(true), signal,
      });
      for (const { metadata: { namespace = '', name, labels = {} } } of page.items ?? []) {
        const source = labels[LABEL_SOURCE];
        // What carries another of our labels besides may be something else: nobody is told to delete it.
        if (!known.has(name) && source !== undefined && ownerOf({ name, labels }) === 'copy') stray.push({ namespace, name, source });
      }
      token = page.metadata.continue || undefined;
      more = token !== undefined;
    }
  }
  return stray;
}
