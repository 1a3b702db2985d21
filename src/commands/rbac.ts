/** `pullpass rbac`: prints the rights table (`allRights`) as RBAC objects, or compares a cluster with it. */
import { Command, Option } from 'commander';
import { Document, isMap, isSeq } from 'yaml';
import { loadConfiguration } from '../config/load.ts';
import type { Configuration } from '../config/schema.ts';
import { UsageError } from '../errors.ts';
import type { Right, Verb } from '../plan/rights.ts';
import { allRights } from '../proxies/kinds.ts';
import { withConfiguration } from './configuration.ts';
import type { Environment } from './environment.ts';
import { nameOfInstallation, printStream } from './manifest-text.ts';
import { options } from './options.ts';
import type { Configured } from './options.ts';
import { render } from './output.ts';
import type { Output } from './output.ts';
import { renderPolicies } from './policies-text.ts';
import { checkRbac, checkStatus, checkText } from './rbac-check.ts';
import { waitRights } from './reader-rights.ts';

/** Name of the printed roles and bindings, and of the ServiceAccount in the manifests. */
export const RBAC_NAME = 'pullpass';

/** ClusterRole of users who may see the report; manifests/components/secure-report uses the same name. */
const REPORT_VIEWER_NAME = 'pullpass-report-viewer';

/** Whom the rights are for: the controller, or a reader that runs `pullpass wait`. */
const RECEIVERS = ['controller', 'wait'] as const;
type Receiver = (typeof RECEIVERS)[number];

interface RbacOptions {
  /** Where the controller runs. */
  namespace: string;
  /** ServiceAccount that gets the rights, in that namespace. */
  serviceAccount: string;
  /** Whether the controller runs with `--secure-report`. */
  secureReport?: boolean | undefined;
  /** The controller unless given. */
  for?: Receiver;
}

export function rbacCommand(env: Environment): Command {
  return new Command('rbac')
    .summary('print the RBAC objects that a configuration needs, or compare a cluster with them')
    .description(
      'Prints the RBAC objects that a configuration needs, Secrets limited by name. ' +
        'With --policies, also the admission policies that hold the controller to what it does with these rights. ' +
        'To apply: pullpass rbac --config FILE | kubectl apply -f -\n' +
        'With --check, compares what the cluster grants with that. Exit status: 0 the same, 3 it differs, 1 not all could be checked.',
    )
    .addOption(options.config())
    .addOption(options.kubeconfig())
    .addOption(options.context())
    .addOption(options.controllerNamespace())
    .addOption(
      new Option(
        '--service-account <name>',
        `ServiceAccount that gets the rights; otherwise ${RBAC_NAME}, with --for wait ${RBAC_NAME}-wait`,
      ),
    )
    .addOption(
      new Option('--for <command>', 'whose rights: those of `pullpass controller`, or what `pullpass wait` reads')
        .choices(RECEIVERS)
        .default('controller'),
    )
    .addOption(
      new Option('--secure-report', 'with what `controller --secure-report` needs to ask who may see /report').default(
        false,
      ),
    )
    .addOption(
      new Option('--policies', 'with ValidatingAdmissionPolicies, for Kubernetes 1.30 and later').default(false),
    )
    .addOption(
      new Option('--check', 'compare what the cluster grants to the controller; print no manifests')
        .default(false)
        .conflicts('policies'),
    )
    .addOption(options.output('how to print the result of --check'))
    .action((flags: Flags) => run(flags, env));
}

interface Flags extends Configured {
  serviceAccount?: string;
  for: Receiver;
  secureReport: boolean;
  policies: boolean;
  check: boolean;
  output: Output;
}

async function run({ secureReport, policies, for: receiver, ...flags }: Flags, env: Environment): Promise<void> {
  const { config, controllerNamespace: namespace, check, output } = flags;
  if (receiver === 'wait' && (policies || check || secureReport))
    throw new UsageError('rbac: --for wait goes with none of --policies, --check and --secure-report');
  const serviceAccount = flags.serviceAccount ?? (receiver === 'wait' ? `${RBAC_NAME}-wait` : RBAC_NAME);
  if (!check) {
    // With a file, no cluster is needed.
    const configuration =
      config !== undefined
        ? await loadConfiguration(config)
        : await withConfiguration(env, flags, (_, found) => Promise.resolve(found));
    const rbac = renderRbac(configuration, { namespace, serviceAccount, secureReport, for: receiver });
    return env.writeOut(policies ? rbac + renderPolicies(configuration, { namespace, serviceAccount }) : rbac);
  }
  const result = await withConfiguration(env, flags, (client, configuration) =>
    checkRbac({
      client,
      rights: allRights(configuration, { namespace, secureReport }),
      namespace,
      serviceAccount,
      name: nameOfInstallation(namespace),
      labels: LABELS,
    }),
  );
  const data = { apiVersion: 'pullpass.dev/v1alpha1', kind: 'RightsCheck', ...result };
  env.writeOut(render(output, data, () => checkText(result)));
  env.exitWith(checkStatus(result));
}

const HEADER = `\
# What Pullpass may do in the cluster for one configuration, as printed by \`pullpass rbac\`.
# Secrets are limited by name: the copies in all namespaces, the sources in their own. Everything else is denied.
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

const LABELS = { 'app.kubernetes.io/name': 'pullpass', 'app.kubernetes.io/component': 'controller' };

interface Rule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: Verb[];
}

/**
 * A YAML stream: a ClusterRole, a Role in each namespace that has rights of its own, and their bindings; not the
 * ServiceAccount. The same configuration gives the same text on every machine.
 */
export function renderRbac(configuration: Configuration, options: RbacOptions): string {
  const isWait = options.for === 'wait';
  const rights = isWait ? waitRights(configuration, options) : allRights(configuration, options);
  const namespaces = [
    ...new Set(rights.flatMap(({ namespace }) => (namespace === undefined ? [] : [namespace]))),
  ].sort();
  const documents = [undefined, ...namespaces].flatMap((namespace) => {
    const here = merge(rights.filter((right) => right.namespace === namespace));
    return [role(namespace, here, options), binding(namespace, options)];
  });
  if (options.secureReport === true) documents.push(reportViewer());
  return (isWait ? WAIT_HEADER : HEADER) + printStream(documents);
}

/** Merges rights on the same objects into one. */
function merge(rights: Right[]): Right[] {
  const merged = new Map<string, Right>();
  for (const right of rights) {
    const objects = JSON.stringify([right.apiGroup, right.resource, right.resourceNames]);
    const same = merged.get(objects);
    merged.set(
      objects,
      same === undefined
        ? right
        : {
            ...same,
            verbs: [...new Set([...same.verbs, ...right.verbs])],
            why: [...new Set([same.why, right.why])].join('; '),
          },
    );
  }
  return [...merged.values()];
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
    metadata: { name: REPORT_VIEWER_NAME, labels: { ...LABELS, 'app.kubernetes.io/component': 'report-viewer' } },
    rules: [{ nonResourceURLs: ['/report'], verbs: ['get'] }],
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

const nameOf = ({ namespace, for: receiver }: RbacOptions): string =>
  `${nameOfInstallation(namespace)}${receiver === 'wait' ? '-wait' : ''}`;

function kindIn(namespace: string | undefined, kind: 'Role' | 'RoleBinding'): string {
  return namespace === undefined ? `Cluster${kind}` : kind;
}
