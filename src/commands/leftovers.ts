/** What `prune` removes besides copies and references: Secrets rendered for cache proxies, the state Secret, the status ConfigMap, report objects. */
import { reportPath } from '../audit/report/object.ts';
import type { Configuration } from '../config/schema.ts';
import { sharersOf } from '../config/shared-secrets.ts';
import { isForbidden, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import type { ApiObject } from '../kube/list.ts';
import { paths } from '../kube/paths.ts';
import { LABEL_CACHE_PROXY, REPORT_NAME, REPORT_RESOURCES, STATE_NAME, STATUS_NAME } from '../names.ts';
import { ownerOf } from '../owner.ts';

/** An object that `prune` deletes as a whole. */
export interface Leftover {
  readonly kind: 'Secret' | 'ConfigMap' | 'report object';
  /** Absent for a cluster-scoped object. */
  readonly namespace?: string;
  readonly what: string;
  readonly path: string;
  /** Limits the deletion to the object as it was read: a later version may no longer be ours. */
  readonly preconditions: { readonly uid: string; readonly resourceVersion: string };
}

interface Candidate extends Omit<Leftover, 'preconditions'> {
  /** Whether the object carries our labels; only then it is deleted. */
  isOurs(metadata: ApiObject['metadata']): boolean;
  /** Whether a 403 counts as absent. */
  readonly optional?: boolean;
}

/**
 * `namespace`: where the controller keeps its state; `inNamespaces`: nothing of the cluster is asked for.
 *
 * @throws ApiError if an object may not be read, unless it is optional.
 */
export async function findLeftovers(
  client: KubeClient,
  configuration: Configuration,
  namespace: string,
  inNamespaces = false,
): Promise<Leftover[]> {
  const found = await Promise.all(
    [
      ...secrets(configuration, namespace),
      status(namespace),
      ...(inNamespaces ? [] : reports(configuration, namespace)),
    ].map(async ({ isOurs, optional = false, ...candidate }): Promise<Leftover[]> => {
      try {
        const { metadata } = await client.get<ApiObject>(candidate.path, { sensitive: candidate.kind === 'Secret' });
        const { uid, resourceVersion } = metadata;
        return isOurs(metadata) && uid !== undefined && resourceVersion !== undefined
          ? [{ ...candidate, preconditions: { uid, resourceVersion } }]
          : [];
      } catch (error) {
        if (isNotFound(error) || (isForbidden(error) && optional)) return [];
        throw error;
      }
    }),
  );
  return found.flat();
}

function secrets({ cacheProxies }: Configuration, controllerNamespace: string): Candidate[] {
  const at = (namespace: string, name: string) =>
    ({ kind: 'Secret', namespace, path: paths.secrets(namespace, name) }) as const;
  return [
    ...cacheProxies.flatMap((proxy): Candidate[] =>
      // The Secret of several carries the name of the first.
      'secret' in proxy && sharersOf(cacheProxies, proxy)[0] === proxy
        ? [
            {
              ...at(proxy.secret.namespace, proxy.secret.name),
              what: `login of cache proxy ${proxy.name} (Secret ${proxy.secret.name})`,
              isOurs: (metadata) =>
                ownerOf(metadata, controllerNamespace) === 'login' &&
                metadata.labels?.[LABEL_CACHE_PROXY] === proxy.name,
            },
          ]
        : [],
    ),
    {
      ...at(controllerNamespace, STATE_NAME),
      what: `state of the controller (Secret ${STATE_NAME})`,
      isOurs: (metadata) => ownerOf(metadata, controllerNamespace) === 'state',
    },
  ];
}

const status = (controllerNamespace: string): Candidate => ({
  kind: 'ConfigMap',
  namespace: controllerNamespace,
  path: paths.configMaps(controllerNamespace, STATUS_NAME),
  what: `status of rotations (ConfigMap ${STATUS_NAME})`,
  isOurs: (metadata) => ownerOf(metadata, controllerNamespace) === 'status',
});

/** In both report APIs, even if the configuration does not ask for a report object: an object from earlier may be left. */
function reports({ audit }: Configuration, controllerNamespace: string): Candidate[] {
  return REPORT_RESOURCES.map(({ kind }) => ({
    kind: 'report object',
    what: `report object (${kind} ${REPORT_NAME})`,
    path: reportPath(kind),
    isOurs: (metadata) => ownerOf(metadata, controllerNamespace) === 'report',
    // RBAC answers 403 even if the API is not installed. Without a configured report object, that must not stop `prune`.
    optional: !audit.reportObject,
  }));
}
