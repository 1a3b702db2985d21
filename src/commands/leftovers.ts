/** What `prune` removes besides copies and references: logins rendered for cache proxies, and what Pullpass keeps for itself. */
import { reportPath } from '../audit/report/object.ts';
import type { Configuration } from '../config/schema.ts';
import { isForbidden, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import type { ApiObject } from '../kube/list.ts';
import { paths } from '../kube/paths.ts';
import { LABEL_CACHE_PROXY, REPORT_NAME, REPORT_RESOURCES, STATE_NAME } from '../names.ts';
import { ownerOf } from '../owner.ts';

/** Something in the cluster that is to go as it is. */
export interface Leftover {
  readonly kind: 'Secret' | 'report object';
  /** Absent: it is in none. */
  readonly namespace?: string;
  readonly what: string;
  readonly path: string;
  /** Of the very object that was looked at: what changed since may be somebody else's. */
  readonly preconditions: { readonly uid: string; readonly resourceVersion: string };
}

interface Candidate extends Omit<Leftover, 'preconditions'> {
  /** Only what carries our labels goes. */
  isOurs(metadata: ApiObject['metadata']): boolean;
  /** Whether it counts as absent for who may not read it. */
  readonly optional?: boolean;
}

/** `namespace`: where the controller keeps its state. Throws ApiError for what may not be read. */
export async function findLeftovers(
  client: KubeClient,
  configuration: Configuration,
  namespace: string,
): Promise<Leftover[]> {
  const found = await Promise.all(
    [...secrets(configuration, namespace), ...reports(configuration)].map(
      async ({ isOurs, optional = false, ...candidate }): Promise<Leftover[]> => {
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
      },
    ),
  );
  return found.flat();
}

function secrets({ cacheProxies }: Configuration, controllerNamespace: string): Candidate[] {
  const at = (namespace: string, name: string) =>
    ({ kind: 'Secret', namespace, path: paths.secrets(namespace, name) }) as const;
  return [
    ...cacheProxies.flatMap((proxy): Candidate[] =>
      'secret' in proxy
        ? [
            {
              ...at(proxy.secret.namespace, proxy.secret.name),
              what: `login of cache proxy ${proxy.name} (Secret ${proxy.secret.name})`,
              isOurs: (metadata) =>
                ownerOf(metadata) === 'login' && metadata.labels?.[LABEL_CACHE_PROXY] === proxy.name,
            },
          ]
        : [],
    ),
    {
      ...at(controllerNamespace, STATE_NAME),
      what: `state of the controller (Secret ${STATE_NAME})`,
      isOurs: (metadata) => ownerOf(metadata) === 'state',
    },
  ];
}

/** Of both APIs, and whether or not it is configured: it stays behind when it is switched off. */
function reports({ audit }: Configuration): Candidate[] {
  return REPORT_RESOURCES.map(({ kind }) => ({
    kind: 'report object',
    what: `report object (${kind} ${REPORT_NAME})`,
    path: reportPath(kind),
    isOurs: (metadata) => ownerOf(metadata) === 'report',
    // Who asks without the right is told so, whether or not the API is installed: that must not hold up all the rest.
    optional: !audit.reportObject,
  }));
}
