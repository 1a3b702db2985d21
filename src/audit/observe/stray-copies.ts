/** Finds copies that a renamed or dropped source left behind: Secrets with our labels whose name is not in the configuration. */
import type { KubeClient } from '../../kube/client.ts';
import { listPages } from '../../kube/list.ts';
import { paths } from '../../kube/paths.ts';
import { LABEL_SOURCE } from '../../names.ts';
import { ownerOf } from '../../owner.ts';
import type { StrayCopy } from './observation.ts';

/** Reads only metadata. Throws ApiError if Secrets may not be listed. */
export async function readStrayCopies(
  client: KubeClient,
  {
    known,
    instance,
    only,
    signal,
  }: {
    known: ReadonlySet<string>;
    instance: string;
    only: readonly string[] | undefined;
    signal?: AbortSignal | undefined;
  },
): Promise<StrayCopy[]> {
  const stray: StrayCopy[] = [];
  for (const path of only?.map((namespace) => paths.secrets(namespace)) ?? [paths.secrets()]) {
    let found: StrayCopy[] = [];
    await listPages(
      client,
      { path, labelSelector: LABEL_SOURCE, metadataOnly: true },
      {
        ...(signal && { signal }),
        each: ({ metadata: { namespace = '', name, labels = {} } }) => {
          const source = labels[LABEL_SOURCE];
          // A Secret with another label of ours may be something else, and another installation has its own copies.
          if (!known.has(name) && source !== undefined && ownerOf({ name, labels }, instance) === 'copy')
            found.push({ namespace, name, source });
        },
        restart: () => {
          found = [];
        },
      },
    );
    stray.push(...found);
  }
  return stray;
}
