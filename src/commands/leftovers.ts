/** What `prune` removes besides copies and references. */
import type { Configuration } from '../config/schema.ts';
import { isForbidden, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import type { ApiObject } from '../kube/list.ts';
import { paths } from '../kube/paths.ts';
import { LABEL_CACHE_PROXY, REPORT_NAME, REPORT_RESOURCES, STATE_NAME } from '../names.ts';
import { ownerOf } from '../owner.ts';
import { createProxies } from '../proxies/kinds.ts';
import { reportPath } from '../audit/report/object.ts';

/** Something in the cluster that is to go as it is. */
export interface Leftover {
  path: string;
  what: string;
  /** Of the very object that was looked at: what changed since may be somebody else's. */
  preconditions: { uid: string; resourceVersion: string };
}

/** What is neither copy nor reference: the logins rendered for cache proxies, and our own state. Only what carries our labels. */
export async function otherSecrets(
  client: KubeClient,
  configuration: Configuration,
  namespace: string,
): Promise<Leftover[]> {
  const rendered = createProxies(configuration).flatMap(({ config, adapter }) =>
    adapter.targets
      .filter(({ path }) => path.endsWith('/secrets'))
      .map(({ path, name }) => ({
        path: `${path}/${encodeURIComponent(name)}`,
        what: `login of cache proxy ${config.name} (Secret ${name})`,
        isOurs: ({ metadata }: ApiObject) =>
          ownerOf(metadata) === 'login' && metadata.labels?.[LABEL_CACHE_PROXY] === config.name,
      })),
  );
  const state = {
    path: paths.secrets(namespace, STATE_NAME),
    what: `state of the controller (Secret ${STATE_NAME})`,
    isOurs: ({ metadata }: ApiObject) => ownerOf(metadata) === 'state',
  };
  const found = await Promise.all(
    [...rendered, state].map(async ({ path, what, isOurs }) => {
      try {
        return leftover(path, what, await client.get<ApiObject>(path, { sensitive: true }), isOurs);
      } catch (error) {
        if (isNotFound(error)) return [];
        throw error;
      }
    }),
  );
  return found.flat();
}

/** Of both APIs, and whether or not it is configured: it stays behind when it is switched off. */
export async function reportObjects(client: KubeClient, { audit }: Configuration): Promise<Leftover[]> {
  const found = await Promise.all(
    REPORT_RESOURCES.map(async ({ kind }): Promise<Leftover[]> => {
      const path = reportPath(kind);
      try {
        return leftover(
          path,
          `report object (${kind} ${REPORT_NAME})`,
          await client.get<ApiObject>(path),
          ({ metadata }) => ownerOf(metadata) === 'report',
        );
      } catch (error) {
        // Who asks without the right is told so, whether or not the API is installed: that must not hold up all the rest.
        if (isNotFound(error) || (isForbidden(error) && !audit.reportObject)) return [];
        throw error;
      }
    }),
  );
  return found.flat();
}

function leftover(path: string, what: string, object: ApiObject, isOurs: (object: ApiObject) => boolean): Leftover[] {
  const { uid, resourceVersion } = object.metadata;
  return isOurs(object) && uid !== undefined && resourceVersion !== undefined
    ? [{ path, what, preconditions: { uid, resourceVersion } }]
    : [];
}
