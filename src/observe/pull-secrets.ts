/** Lists the pull Secrets of a cluster, whoever made them: for audits and scans of somebody who may list Secrets. */
import type { V1OwnerReference, V1Secret } from '@kubernetes/client-node';
import type { KubeClient } from '../kube/client.ts';
import { listPages } from '../kube/list.ts';
import type { ApiObject } from '../kube/list.ts';
import { paths } from '../kube/paths.ts';
import { TYPE_DOCKER_CONFIG_JSON, TYPE_DOCKERCFG } from '../names.ts';
import { ownerOf } from '../owner.ts';

export type RawPullSecret = ApiObject & Pick<V1Secret, 'type' | 'data'>;

/** Who made a Secret, as far as it shows. `copy`, `login`: Pullpass, for namespaces and for a cache proxy. */
export type Maker = 'copy' | 'login' | 'Helm' | 'OpenShift' | 'kube-image-keeper' | 'unknown';

/** On a Secret that kube-image-keeper v2 made: kind and name of its object that the login is of. */
const LABEL_KUIK_KIND = 'kuik.enix.io/owner-kind';
const LABEL_KUIK_NAME = 'kuik.enix.io/owner-name';

/**
 * Calls `each` for every Secret of the two types of pull Secrets; whole pages are not kept. `restart`: what came so far is void.
 * Throws ApiError if Secrets may not be listed.
 */
export async function listPullSecrets(
  client: KubeClient,
  {
    only,
    signal,
    each,
    restart,
  }: {
    /** Namespaces; undefined: all. */
    readonly only?: readonly string[] | undefined;
    readonly signal?: AbortSignal | undefined;
    /** `list`: the same for all Secrets that one `restart` is about. */
    readonly each: (secret: RawPullSecret, list: string) => void;
    readonly restart: (list: string) => void;
  },
): Promise<void> {
  for (const path of only?.map((namespace) => paths.secrets(namespace)) ?? [paths.secrets()])
    for (const type of [TYPE_DOCKER_CONFIG_JSON, TYPE_DOCKERCFG]) {
      const list = `${path} ${type}`;
      await listPages(
        client,
        { path, fieldSelector: `type=${type}` },
        {
          ...(signal && { signal }),
          each: (secret) => each(secret, list),
          restart: () => restart(list),
        },
      );
    }
}

export function makerOf({ metadata }: ApiObject): Maker {
  const { namespace = '', labels = {}, annotations = {} } = metadata;
  const owner = ownerOf(metadata, undefined);
  if (owner === 'copy' || owner === 'login') return owner;
  if (labels[LABEL_KUIK_NAME] !== undefined) return 'kube-image-keeper';
  // OpenShift makes one for each ServiceAccount, and renews it itself.
  const platform = /^openshift\.io\/(?:internal-registry-|token-secret\.)/;
  const { ownerReferences = [] } = metadata as { readonly ownerReferences?: readonly V1OwnerReference[] };
  if (
    /^openshift(?:-|$)/.test(namespace) ||
    Object.keys(annotations).some((key) => platform.test(key)) ||
    ownerReferences.some(({ kind }) => kind === 'ServiceAccount')
  )
    return 'OpenShift';
  return labels['app.kubernetes.io/managed-by'] === 'Helm' || annotations['meta.helm.sh/release-name'] !== undefined
    ? 'Helm'
    : 'unknown';
}

/** `ClusterReplicatedImageSet docker-hub`: the object for which kube-image-keeper made the Secret. */
export function kuikOwnerOf({ metadata: { labels = {} } }: ApiObject): string {
  // It derives Secrets for cluster-scoped kinds only, and leaves "Cluster" out of the label.
  return `${labels[LABEL_KUIK_KIND]?.replace(/^(?!Cluster)/, 'Cluster') ?? ''} ${labels[LABEL_KUIK_NAME] ?? ''}`.trim();
}
