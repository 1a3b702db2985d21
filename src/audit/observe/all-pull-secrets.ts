/** Reads every pull Secret of the cluster, where the caller may list Secrets; keeps no login. */
import type { KubeClient } from '../../kube/client.ts';
import { listPullSecrets, makerOf } from '../../observe/pull-secrets.ts';
import type { ListedSecret } from './observation.ts';
import type { ContentReader } from './secret-facts.ts';

/** Tenants can make any number of Secrets, of up to a megabyte: more than these are counted, and not looked into. */
const LIMITS = { secrets: 50_000, entries: 200_000, characters: 256 * 1024 };

/** The gap of whoever may not list Secrets; the reason follows. */
export const NOT_LISTED =
  'All pull Secrets, so nothing is said about those that nobody names, and about logins in Secrets that no pod uses';

export interface AllPullSecrets {
  readonly secrets: readonly ListedSecret[];
  /** How many were left out, because they are too large or too many. */
  readonly left: number;
}

/** Sorted by namespace and name. Throws ApiError if Secrets may not be listed. */
export async function readAllPullSecrets(
  client: KubeClient,
  {
    read,
    only,
    signal,
    limits = LIMITS,
  }: {
    readonly read: ContentReader;
    readonly only?: readonly string[] | undefined;
    readonly signal?: AbortSignal | undefined;
    readonly limits?: typeof LIMITS;
  },
): Promise<AllPullSecrets> {
  const lists = new Map<string, { found: ListedSecret[]; entries: number; left: number }>();
  await listPullSecrets(client, {
    only,
    signal,
    each(secret, list) {
      let of = lists.get(list);
      if (of === undefined) lists.set(list, (of = { found: [], entries: 0, left: 0 }));
      const size = Object.values(secret.data ?? {}).reduce((total, value) => total + value.length, 0);
      if (size > limits.characters || of.found.length >= limits.secrets || of.entries >= limits.entries) {
        of.left++;
        return;
      }
      const { namespace = '', name } = secret.metadata;
      const content = read({ type: secret.type, data: secret.data });
      of.entries += content.entries.length;
      of.found.push({ namespace, name, maker: makerOf(secret), content });
    },
    restart: (list) => lists.delete(list),
  });
  const all = [...lists.values()];
  return {
    secrets: all
      .flatMap(({ found }) => found)
      .sort((a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name)),
    left: all.reduce((sum, { left }) => sum + left, 0),
  };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
