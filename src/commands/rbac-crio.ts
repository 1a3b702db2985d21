/** `pullpass rbac --crio`: the rights that nodes and pods need, so that CRI-O's credential provider finds logins for mirrors. */
import type { V1PolicyRule } from '@kubernetes/client-node';
import { Document } from 'yaml';
import type { Configuration } from '../config/schema.ts';
import { messageOf, UserError } from '../errors.ts';
import { ApiError } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import { readFeeds } from '../observe/read-feeds.ts';
import { createWorld, feedsOf } from '../observe/world.ts';
import { selectsAccount, selectSources } from '../plan/selection.ts';
import { oneLine } from '../text.ts';
import { LABELS, nameOfInstallation, printStream } from './manifest-text.ts';

/** Whose pods get logins for mirrors in one namespace: the ServiceAccounts that a source selects. */
export interface ChosenAccounts {
  readonly namespace: string;
  /** Sorted; `all`: also those that are made later. */
  readonly accounts: readonly string[] | 'all';
}

/**
 * The audience of a token that the API server takes for itself: its issuer, unless it has a list of audiences of its own.
 * Throws UserError if it cannot be asked.
 */
export async function audienceOf(client: KubeClient): Promise<string> {
  const ask = 'give --audience: an `aud` of the token that `kubectl create token default` prints';
  try {
    const { issuer } = await client.get<{ issuer?: unknown }>(paths.issuer());
    if (typeof issuer === 'string' && issuer !== '') return issuer;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw new UserError(`rbac: the API server does not say its issuer (${messageOf(error)}): ${ask}`, { cause: error });
  }
  throw new UserError(`rbac: the API server says no issuer: ${ask}`);
}

/** Sorted by namespace. Reads Namespaces and ServiceAccounts. Throws ApiError. */
export async function chosenAccounts(
  client: KubeClient,
  configuration: Configuration,
  listed: readonly string[] | undefined,
): Promise<ChosenAccounts[]> {
  // Nothing that needs a digest is read.
  const world = createWorld(() => '', '', listed);
  const isRead = ({ resource }: { resource: string }): boolean => ['namespaces', 'serviceaccounts'].includes(resource);
  await readFeeds(feedsOf(world, configuration).filter(isRead), client);
  return [...world.namespaces.all()]
    .filter(({ terminating }) => !terminating)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((namespace): ChosenAccounts[] => {
      const { choices } = selectSources(namespace, configuration.sources);
      const sources = configuration.sources.filter(({ name }) => choices.get(name)?.in === true);
      const all = sources.some(({ serviceAccounts }) => (namespace.serviceAccounts ?? serviceAccounts.join()) === '*');
      const existing = [...world.serviceAccounts.in(namespace.name)];
      const accounts = existing
        .filter((account) => sources.some((source) => selectsAccount(namespace, source)(account)))
        .map(({ name }) => name)
        .sort();
      // An account that opted out keeps its pods from the logins.
      const everybody = all && accounts.length === existing.length;
      return accounts.length === 0 ? [] : [{ namespace: namespace.name, accounts: everybody ? 'all' : accounts }];
    });
}

const header = (audience: string, chosen: readonly ChosenAccounts[], controllerNamespace: string): string => `\
# What nodes and pods need so that CRI-O's credential provider finds logins for mirrors, as printed by \`pullpass rbac --crio\`. None of it
# is for the controller. docs/cache-proxies/cri-o.md has the settings of the nodes that go with it.
#
# Audience: ${oneLine(audience)}
# It must be the same in the kubelets' provider configuration (serviceAccountTokenAudience), and one that the API server takes:
# its issuer, unless it has --api-audiences. \`kubectl create token default\` prints a token whose \`aud\` lists them.
#
# THE PRICE: the provider lists the Secrets of a namespace with the token of the pod's ServiceAccount, so each ServiceAccount below may read
# EVERY Secret of its namespace, whatever its type; so can each process of its pods. To limit the right by name is not possible.
# It is given in opted-in namespaces only, ${chosen.length} now, and to no ServiceAccount that no source selects.
#
# Print and apply it again when a namespace opts in, or a ServiceAccount is added there. What is no longer needed stays behind:
#         kubectl get rolebindings --all-namespaces --selector ${selector(controllerNamespace)}
`;

const labelsOf = (controllerNamespace: string): Record<string, string> => ({
  ...LABELS,
  'app.kubernetes.io/component': 'crio',
  'app.kubernetes.io/instance': nameOfInstallation(controllerNamespace),
});

const selector = (controllerNamespace: string): string =>
  Object.entries(labelsOf(controllerNamespace))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');

/** A YAML stream. */
export function renderCrio(
  chosen: readonly ChosenAccounts[],
  { audience, controllerNamespace }: { readonly audience: string; readonly controllerNamespace: string },
): string {
  const labels = labelsOf(controllerNamespace);
  const nodes = `${nameOfInstallation(controllerNamespace)}-crio-nodes`;
  const pods = `${nameOfInstallation(controllerNamespace)}-crio-pods`;
  const role = (name: string, rule: V1PolicyRule, why: string): Document => {
    const document = new Document({ apiVersion: RBAC, kind: 'ClusterRole', metadata: { name, labels }, rules: [rule] });
    document.commentBefore = ` ${why}`;
    return document;
  };
  const binding = (kind: string, metadata: object, name: string, subjects: object[]): Document =>
    new Document({
      apiVersion: RBAC,
      kind,
      metadata: { ...metadata, labels },
      roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name },
      subjects,
    });
  const documents = [
    role(
      nodes,
      { apiGroups: [''], resources: [audience], verbs: ['request-serviceaccounts-token-audience'] },
      "Kubelets ask for a token of the pod's ServiceAccount. It gives nodes nothing new: they can have such a token of each pod they run.",
    ),
    binding('ClusterRoleBinding', { name: nodes }, nodes, [{ apiGroup: GROUP, kind: 'Group', name: 'system:nodes' }]),
    role(
      pods,
      { apiGroups: [''], resources: ['secrets'], verbs: ['list'] },
      'Never bind it with a ClusterRoleBinding: each subject could read every Secret of the cluster.',
    ),
    ...chosen.map(({ namespace, accounts }) =>
      binding(
        'RoleBinding',
        { name: pods, namespace },
        pods,
        accounts === 'all'
          ? [{ apiGroup: GROUP, kind: 'Group', name: `system:serviceaccounts:${namespace}` }]
          : accounts.map((name) => ({ kind: 'ServiceAccount', name, namespace })),
      ),
    ),
  ];
  return header(audience, chosen, controllerNamespace) + printStream(documents);
}

const GROUP = 'rbac.authorization.k8s.io';
const RBAC = `${GROUP}/v1`;
