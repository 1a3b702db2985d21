/** The rights of a configuration as RBAC objects: a YAML stream. */
import { Document, isMap, isSeq } from 'yaml';
import type { ProviderConfig } from '../config/provider.ts';
import type { Configuration } from '../config/schema.ts';
import { READ } from '../migrate/kinds.ts';
import { allRights } from '../plan/rights.ts';
import type { Right, Verb } from '../plan/rights.ts';
import type { RECEIVERS } from './choices.ts';
import { LABELS, nameOfInstallation, printStream } from './manifest-text.ts';
import { waitRights } from './reader-rights.ts';

/** ClusterRole of users who may see the report; manifests/components/secure-report uses the same name. */
export const REPORT_VIEWER = {
  name: 'pullpass-report-viewer',
  rules: [{ nonResourceURLs: ['/report'], verbs: ['get'] }],
} as const;

export type Receiver = (typeof RECEIVERS)[number];

export interface RbacOptions {
  /** Where the controller runs. */
  namespace: string;
  /** ServiceAccount that gets the rights, in that namespace. */
  serviceAccount: string;
  /** Whether the controller runs with `--secure-report`. */
  secureReport?: boolean | undefined;
  /** Those that the controller is limited to; undefined: the whole cluster. */
  namespaces?: readonly string[] | undefined;
  /** The controller unless given. */
  for?: Receiver;
}

const header = ({ namespaces }: RbacOptions): string => `\
# What Pullpass may do in the cluster for one configuration, as printed by \`pullpass rbac\`.
# Secrets are limited by name: the copies in ${namespaces === undefined ? 'all' : 'the listed'} namespaces, the sources in their own. Everything else is denied.
#
# Apply:  pullpass rbac --config config.yaml | kubectl apply -f -
# as someone who holds these rights, such as a cluster-admin; the namespaces below must exist. Do it again when the name
# of a copy or the namespace or name of a source or of an alias's login changes. Roles that are no longer needed stay behind:
#         kubectl get roles,rolebindings --all-namespaces --selector app.kubernetes.io/name=pullpass
`;

const WAIT_HEADER = `\
# What \`pullpass wait\` reads in the cluster for one configuration, as printed by \`pullpass rbac --for wait\`. It can read the
# sources and the copies, and so the credential itself: \`kubectl wait\` on ConfigMap pullpass-status needs no more than that object.
`;

const MIGRATE_HEADER = `\
# What \`pullpass migrate\` reads in the cluster, as printed by \`pullpass rbac --for migrate\`. It lists every Secret, and so can read each
# credential: take it away again when the migration is done.
`;

const PROVIDER_HEADER = `\
# What \`pullpass provider\` may do in the cluster for one document, as printed by \`pullpass rbac --for provider\`: write its one Secret, and tell
# of it. Print it again when the name of the Secret changes.
`;

interface Rule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: readonly Verb[];
}

/**
 * A YAML stream: a ClusterRole (not with a list of namespaces), a Role in each namespace that has rights of its own, and their bindings; not the
 * ServiceAccount. The same configuration gives the same text on every machine.
 */
export function renderRbac(configuration: Configuration, options: RbacOptions): string {
  const isWait = options.for === 'wait';
  const rights = isWait ? waitRights(configuration, options) : allRights(configuration, options);
  const namespaces = [
    ...new Set(rights.flatMap(({ namespace }) => (namespace === undefined ? [] : [namespace]))),
  ].sort();
  const documents = [undefined, ...namespaces].flatMap((namespace) => {
    const here = rights.filter((right) => right.namespace === namespace);
    return here.length === 0 ? [] : [role(namespace, here, options), binding(namespace, options)];
  });
  if (options.secureReport === true) documents.push(reportViewer());
  return (isWait ? WAIT_HEADER : header(options)) + printStream(documents);
}

/** A Role where the Secret is, and its binding. Several providers have several ServiceAccounts, and the roles have the names of these. */
export function renderProviderRbac(
  { secret }: ProviderConfig,
  identity: Pick<RbacOptions, 'namespace' | 'serviceAccount'>,
): string {
  const { namespace, name } = secret;
  const options: RbacOptions = { ...identity, for: 'provider' };
  const rights: Right[] = [
    {
      namespace,
      apiGroup: '',
      resource: 'secrets',
      resourceNames: [name],
      verbs: ['get', 'create', 'patch'],
      why: 'write the login',
    },
    {
      namespace,
      apiGroup: 'events.k8s.io',
      resource: 'events',
      verbs: ['create', 'patch'],
      why: 'tell why there is none',
    },
  ];
  return PROVIDER_HEADER + printStream([role(namespace, rights, options), binding(namespace, options)]);
}

/** Lists only, in the whole cluster. */
export function renderMigrateRbac(identity: Pick<RbacOptions, 'namespace' | 'serviceAccount'>): string {
  const options: RbacOptions = { ...identity, for: 'migrate' };
  const rights = READ.flatMap(({ apiGroup, resources, why }) =>
    resources.map((resource): Right => ({ apiGroup, resource, verbs: ['list'], why })),
  );
  return MIGRATE_HEADER + printStream([role(undefined, rights, options), binding(undefined, options)]);
}

function role(namespace: string | undefined, rights: Right[], options: RbacOptions): Document {
  const rules = rights.map(({ apiGroup, resource, resourceNames, verbs }): Rule => ({
    apiGroups: [apiGroup],
    resources: [resource],
    ...(resourceNames !== undefined && { resourceNames }),
    verbs,
  }));
  const document = new Document({ ...head(namespace, 'Role', options), rules });
  const nodes = document.get('rules');
  if (isSeq(nodes)) {
    nodes.items.forEach((node, index) => {
      if (isMap(node)) node.commentBefore = ` To ${rights[index]?.why}.`;
    });
  }
  return document;
}

function binding(namespace: string | undefined, options: RbacOptions): Document {
  return new Document({
    ...head(namespace, 'RoleBinding', options),
    roleRef: {
      apiGroup: 'rbac.authorization.k8s.io',
      kind: kindIn(namespace, 'Role'),
      name: nameOf(options),
    },
    subjects: [{ kind: 'ServiceAccount', name: options.serviceAccount, namespace: options.namespace }],
  });
}

/** A ClusterRole for people: its subjects may see the page /report. */
function reportViewer(): Document {
  const document = new Document({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: REPORT_VIEWER.name, labels: { ...LABELS, 'app.kubernetes.io/component': 'report-viewer' } },
    rules: REPORT_VIEWER.rules,
  });
  document.commentBefore = ' Bind it to those who are to see the page /report.';
  return document;
}

function head(namespace: string | undefined, kind: 'Role' | 'RoleBinding', options: RbacOptions) {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: kindIn(namespace, kind),
    metadata: {
      name: nameOf(options),
      ...(namespace !== undefined && { namespace }),
      labels: { ...LABELS, 'app.kubernetes.io/component': options.for ?? 'controller' },
    },
  };
}

const nameOf = ({ namespace, serviceAccount, for: receiver }: RbacOptions): string =>
  receiver === 'provider'
    ? serviceAccount
    : `${nameOfInstallation(namespace)}${receiver === 'wait' || receiver === 'migrate' ? `-${receiver}` : ''}`;

function kindIn(namespace: string | undefined, kind: 'Role' | 'RoleBinding'): string {
  return namespace === undefined ? `Cluster${kind}` : kind;
}
