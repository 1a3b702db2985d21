/** On how many nodes CRI-O runs, and whose pods its credential provider finds no login for: it lists Secrets as the pod's ServiceAccount. */
import type { V1Node, V1SubjectAccessReview } from '@kubernetes/client-node';
import { eachBounded } from '../../async/bounded.ts';
import type { SourceConfig } from '../../config/schema.ts';
import { isForbidden } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import { listPages } from '../../kube/list.ts';
import { paths } from '../../kube/paths.ts';
import type { ObservedScope } from '../../plan/observed.ts';
import { selectsAccount, selectSources } from '../../plan/selection.ts';
import type { AuditedCrio, CrioAccount, Workload } from './observation.ts';

/** Tenants can have any number of ServiceAccounts; each is a question to the API server. */
const MAX_ASKED = 2_000;
const CONCURRENCY = 16;

/** The gap of whoever may not list Nodes; the reason follows. */
export const NODES_UNSEEN = 'Nodes, so it is unknown whether CRI-O runs on them, and whether copies serve its mirrors';

interface CrioOptions {
  readonly client: KubeClient;
  readonly sources: readonly SourceConfig[];
  readonly scopes: readonly ObservedScope[];
  readonly workloads: readonly Workload[];
  readonly limit?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Asks nothing of pods where no node runs CRI-O. Throws ApiError if nodes may not be listed. */
export async function observeCrio({
  client,
  sources,
  scopes,
  workloads,
  limit = MAX_ASKED,
  signal,
}: CrioOptions): Promise<{ crio: AuditedCrio; gaps: readonly string[] }> {
  const nodes = await countNodes(client, signal);
  if (nodes.crio === 0) return { crio: { ...nodes, cannotList: [] }, gaps: [] };
  const wanted = runningAccounts(sources, scopes, workloads);
  const asked = wanted.slice(0, limit);
  const cannot = new Set<CrioAccount>();
  const gap = (what: string): string =>
    `Whether ${what} may list Secrets, so it is unknown whether CRI-O's credential provider finds logins for their pods`;
  try {
    await eachBounded(asked, CONCURRENCY, async (account) => {
      if (!(await mayList(client, account, signal))) cannot.add(account);
    });
  } catch (error) {
    if (!isForbidden(error)) throw error;
    const why = gap('ServiceAccounts');
    return { crio: { ...nodes, cannotList: [] }, gaps: [`${why}: ${(error as Error).message}`] };
  }
  const rest = wanted.length - asked.length;
  return {
    crio: { ...nodes, cannotList: asked.filter((account) => cannot.has(account)) },
    gaps: rest > 0 ? [`${gap(`${rest} more ServiceAccounts`)}: there are too many to ask`] : [],
  };
}

async function countNodes(client: KubeClient, signal: AbortSignal | undefined): Promise<{ crio: number; all: number }> {
  let [crio, all] = [0, 0];
  await listPages(
    client,
    { path: paths.nodes() },
    {
      ...(signal && { signal }),
      each(object) {
        all++;
        const { status } = object as unknown as V1Node;
        if (status?.nodeInfo?.containerRuntimeVersion.startsWith('cri-o://') === true) crio++;
      },
      restart: () => ([crio, all] = [0, 0]),
    },
  );
  return { crio, all };
}

/** ServiceAccounts that run pods, and that a source with aliases selects, with the names of these sources. */
function runningAccounts(
  sources: readonly SourceConfig[],
  scopes: readonly ObservedScope[],
  workloads: readonly Workload[],
): CrioAccount[] {
  const running = new Map<string, Set<string>>();
  for (const { namespace, serviceAccount, isStatic } of workloads) {
    if (isStatic) continue;
    const names = running.get(namespace) ?? new Set();
    running.set(namespace, names.add(serviceAccount));
  }
  return scopes.flatMap(({ namespace, serviceAccounts }) => {
    const names = running.get(namespace.name);
    if (names === undefined) return [];
    const { choices } = selectSources(namespace, sources);
    const chosen = sources.filter(({ name, aliases }) => aliases.length > 0 && choices.get(name)?.in === true);
    return serviceAccounts.flatMap((account): CrioAccount[] => {
      if (!names.has(account.name)) return [];
      const of = chosen.filter((source) => selectsAccount(namespace, source)(account)).map(({ name }) => name);
      return of.length === 0 ? [] : [{ namespace: namespace.name, name: account.name, sources: of }];
    });
  });
}

async function mayList(
  client: KubeClient,
  { namespace, name }: CrioAccount,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const review = await client.create<V1SubjectAccessReview>(
    paths.subjectAccessReviews(),
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        user: `system:serviceaccount:${namespace}:${name}`,
        groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
        resourceAttributes: { verb: 'list', resource: 'secrets', namespace },
      },
    },
    { signal },
  );
  return review.status?.allowed === true;
}
