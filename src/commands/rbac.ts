/** `pullpass rbac`: prints the rights table (`allRights`) as RBAC objects. */
import { Command, Option } from 'commander';
import { Document, isMap, isSeq } from 'yaml';
import { loadConfiguration } from '../config/load.ts';
import type { Configuration } from '../config/schema.ts';
import { UserError } from '../errors.ts';
import { allRights } from '../plan/rights.ts';
import type { Right, Verb } from '../plan/rights.ts';
import type { Environment } from './environment.ts';
import { LABELS, nameOfInstallation, printStream } from './manifest-text.ts';
import { refuseBeyondTheList, unwelcome } from './listed.ts';
import { renderNetworkPolicy } from './network-policy-text.ts';
import { between, options } from './options.ts';
import { renderPolicies } from './policies-text.ts';

/** Name of the printed roles and bindings, and of the ServiceAccount in the manifests. */
export const RBAC_NAME = 'pullpass';

/** ClusterRole of users who may see the report; manifests/components/secure-report uses the same name. */
export const REPORT_VIEWER = {
  name: 'pullpass-report-viewer',
  rules: [{ nonResourceURLs: ['/report'], verbs: ['get'] }],
} as const;

interface RbacOptions {
  /** Where the controller runs. */
  namespace: string;
  /** ServiceAccount that the controller runs as. */
  serviceAccount: string;
  /** Whether the controller runs with `--secure-report`. */
  secureReport?: boolean | undefined;
  /** Those that the controller is limited to; undefined: the whole cluster. */
  namespaces?: readonly string[] | undefined;
}

export function rbacCommand({ writeOut, writeErr }: Environment): Command {
  return new Command('rbac')
    .summary('print the RBAC objects that a configuration needs')
    .description(
      'Prints the RBAC objects that a configuration needs, Secrets limited by name. ' +
        'With --policies, also the admission policies that hold the controller to what it does with these rights; ' +
        'with --network-policy, also the NetworkPolicy that holds it to whom it talks to. ' +
        'To apply: pullpass rbac --config FILE | kubectl apply -f -',
    )
    .addOption(options.config())
    .addOption(options.controllerNamespace())
    .addOption(options.namespaces())
    .addOption(new Option('--service-account <name>', 'ServiceAccount that the controller runs as').default(RBAC_NAME))
    .addOption(
      new Option('--secure-report', 'with what `controller --secure-report` needs to ask who may see /report').default(
        false,
      ),
    )
    .addOption(
      new Option('--policies', 'with ValidatingAdmissionPolicies, for Kubernetes 1.30 and later').default(false),
    )
    .addOption(new Option('--network-policy', "with a NetworkPolicy for the controller's pods").default(false))
    .addOption(
      new Option(
        '--egress-ports <ports>',
        'more ports that the NetworkPolicy lets through, separated by commas, such as that of an HTTP proxy',
      )
        .argParser((text) => text.split(',').map(between(1, 65_535)))
        .default([], 'none'),
    )
    .addOption(
      new Option('--no-roles', 'only what the other flags add, where something else, such as Helm, keeps the roles'),
    )
    .action(async (flags: Flags) => {
      const { controllerNamespace: namespace, serviceAccount, secureReport, namespaces, egressPorts: ports } = flags;
      const configuration = await loadConfiguration(flags.config);
      const controller = { namespace, serviceAccount, secureReport, namespaces };
      refuseBeyondTheList('rbac', configuration, controller);
      for (const line of unwelcome(configuration, namespaces)) writeErr(`warning: ${line}\n`);
      const texts = [
        flags.roles && renderRbac(configuration, controller),
        flags.policies && renderPolicies(configuration, { namespace, serviceAccount }),
        flags.networkPolicy && renderNetworkPolicy(configuration, { namespace, ports }),
      ].filter((text) => text !== false);
      if (texts.length === 0)
        throw new UserError('nothing to print with --no-roles alone: add --policies or --network-policy');
      writeOut(texts.join(''));
    });
}

interface Flags {
  config: string;
  controllerNamespace: string;
  serviceAccount: string;
  secureReport: boolean;
  policies: boolean;
  namespaces?: readonly string[];
  networkPolicy: boolean;
  egressPorts: number[];
  roles: boolean;
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
  const rights = allRights(configuration, options);
  const namespaces = [
    ...new Set(rights.flatMap(({ namespace }) => (namespace === undefined ? [] : [namespace]))),
  ].sort();
  const documents = [undefined, ...namespaces].flatMap((namespace) => {
    const here = rights.filter((right) => right.namespace === namespace);
    return here.length === 0 ? [] : [role(namespace, here, options), binding(namespace, options)];
  });
  if (options.secureReport === true) documents.push(reportViewer());
  return header(options) + printStream(documents);
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
      name: nameOfInstallation(options.namespace),
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
      name: nameOfInstallation(options.namespace),
      ...(namespace !== undefined && { namespace }),
      labels: LABELS,
    },
  };
}

function kindIn(namespace: string | undefined, kind: 'Role' | 'RoleBinding'): string {
  return namespace === undefined ? `Cluster${kind}` : kind;
}
