/** `pullpass rbac`: prints the rights table (`allRights`) as RBAC objects, or compares a cluster with it. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { BORN_READY_VERSIONS } from '../admission/born-ready.ts';
import type { BornReadyVersion } from '../admission/born-ready.ts';
import { loadConfiguration } from '../config/load.ts';
import { loadProvider } from '../config/provider.ts';
import type { Configuration } from '../config/schema.ts';
import { UsageError, UserError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { allRights } from '../plan/rights.ts';
import { renderBornReady } from './born-ready-text.ts';
import { withConfiguration } from './configuration.ts';
import type { Environment } from './environment.ts';
import { refuseBeyondTheList, unwelcome } from './listed.ts';
import { LABELS, nameOfInstallation } from './manifest-text.ts';
import { renderNetworkPolicy } from './network-policy-text.ts';
import { between, options } from './options.ts';
import type { Configured } from './options.ts';
import { render } from './output.ts';
import type { Output } from './output.ts';
import { renderPolicies } from './policies-text.ts';
import { audienceOf, chosenAccounts, renderCrio } from './rbac-crio.ts';
import { checkRbac, checkStatus, checkText } from './rbac-check.ts';
import { RBAC_NAME, RECEIVERS, renderMigrateRbac, renderProviderRbac, renderRbac } from './rbac-text.ts';
import type { RbacOptions, Receiver } from './rbac-text.ts';

export function rbacCommand(env: Environment): Command {
  return new Command('rbac')
    .summary('print the RBAC objects that a configuration needs, or compare a cluster with them')
    .description(
      'Prints the RBAC objects that a configuration needs, Secrets limited by name. ' +
        'With --policies, also the admission policies that hold the controller to what it does with these rights; ' +
        'with --born-ready, also the policy by which new pods get the references at once; ' +
        'with --network-policy, also the NetworkPolicy that holds it to whom it talks to; ' +
        "with --crio, also the rights that CRI-O's credential provider needs. " +
        'To apply: pullpass rbac --config FILE | kubectl apply -f -\n' +
        'With --check, compares what the cluster grants with that. Exit status: 0 the same, 3 it differs, 1 not all could be checked.',
    )
    .addOption(options.config())
    .addOption(options.kubeconfig())
    .addOption(options.context())
    .addOption(options.controllerNamespace())
    .addOption(options.listed())
    .addOption(
      new Option(
        '--service-account <name>',
        `ServiceAccount that gets the rights; otherwise ${RBAC_NAME}, with --for wait ${RBAC_NAME}-wait, and so on`,
      ),
    )
    .addOption(
      new Option(
        '--for <command>',
        'whose rights: those of `pullpass controller`, what `pullpass wait` or `pullpass migrate` reads, ' +
          'or those of `pullpass provider`, whose document --config names',
      )
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
      new Option(
        '--born-ready [version]',
        'with the MutatingAdmissionPolicy that adds the references to new pods: v1, for Kubernetes 1.36 and later, or v1beta1',
      )
        .choices(BORN_READY_VERSIONS)
        .preset('v1'),
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
      new Option(
        '--crio',
        "with what nodes and pods need for CRI-O's credential provider; reads the cluster's namespaces and ServiceAccounts",
      ).default(false),
    )
    .addOption(
      new Option(
        '--audience <name>',
        "with --crio: audience of the pods' tokens that the API server takes; otherwise its issuer, which it is asked for",
      ).argParser(audience),
    )
    .addOption(
      new Option('--no-roles', 'only what the other flags add, where something else, such as Helm, keeps the roles'),
    )
    .addOption(
      new Option('--check', 'compare what the cluster grants to the controller; print no manifests')
        .default(false)
        .conflicts(['policies', 'bornReady', 'networkPolicy', 'roles', 'crio']),
    )
    .addOption(options.output('how to print the result of --check'))
    .action((flags: Flags) => run(flags, env));
}

interface Flags extends Configured {
  serviceAccount?: string;
  for: Receiver;
  secureReport: boolean;
  policies: boolean;
  bornReady?: BornReadyVersion;
  networkPolicy: boolean;
  egressPorts: number[];
  crio: boolean;
  audience?: string;
  roles: boolean;
  check: boolean;
  output: Output;
}

/** The name of a resource in RBAC, so no wildcard. */
function audience(value: string): string {
  if (!/^[^\s*\p{C}]+$/u.test(value)) throw new InvalidArgumentError('must be an audience without spaces and "*".');
  return value;
}

async function run({ secureReport, for: receiver, ...flags }: Flags, env: Environment): Promise<void> {
  const { controllerNamespace: namespace, namespaces, check, output, policies, bornReady, networkPolicy, crio } = flags;
  if (
    receiver !== 'controller' &&
    (policies || bornReady !== undefined || networkPolicy || check || secureReport || crio)
  )
    throw new UsageError(
      `rbac: --for ${receiver} goes with none of --policies, --born-ready, --network-policy, --crio, --check and --secure-report`,
    );
  if (flags.audience !== undefined && !crio) throw new UsageError('rbac: --audience goes with --crio');
  const serviceAccount = flags.serviceAccount ?? (receiver === 'controller' ? RBAC_NAME : `${RBAC_NAME}-${receiver}`);
  if (receiver === 'provider') {
    if (flags.config === undefined) throw new UsageError('rbac: --for provider needs --config, with its document');
    return env.writeOut(renderProviderRbac(await loadProvider(flags.config), { namespace, serviceAccount }));
  }
  if (receiver === 'migrate') return env.writeOut(renderMigrateRbac({ namespace, serviceAccount }));
  const controller = { namespace, serviceAccount, secureReport, namespaces };
  const checked = (configuration: Configuration): Configuration => {
    refuseBeyondTheList('rbac', configuration, controller);
    for (const line of unwelcome(configuration, namespaces)) env.writeErr(`warning: ${line}\n`);
    return configuration;
  };
  if (!check) {
    // With a file, no cluster is needed, unless it is to say whose pods get logins.
    const { found, more } =
      flags.config !== undefined && !crio
        ? { found: await loadConfiguration(flags.config), more: [] }
        : await withConfiguration(env, flags, async (client, there) => ({
            found: there,
            more: crio ? [await crioRights(client, there, flags, env)] : [],
          }));
    return env.writeOut(manifests(checked(found), { ...controller, for: receiver }, flags, more));
  }
  const result = await withConfiguration(env, flags, (client, configuration) =>
    checkRbac({
      client,
      rights: allRights(checked(configuration), controller),
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

type Wanted = Pick<Flags, 'roles' | 'policies' | 'bornReady' | 'networkPolicy' | 'egressPorts'>;

async function crioRights(
  client: KubeClient,
  configuration: Configuration,
  { controllerNamespace, namespaces, audience: given }: Pick<Flags, 'audience' | 'controllerNamespace' | 'namespaces'>,
  env: Environment,
): Promise<string> {
  const chosen = await chosenAccounts(client, configuration, namespaces);
  if (chosen.length === 0)
    env.writeErr('warning: no namespace is opted in, so no ServiceAccount gets the right to list Secrets\n');
  return renderCrio(chosen, { audience: given ?? (await audienceOf(client)), controllerNamespace });
}

function manifests(
  configuration: Configuration,
  options: RbacOptions,
  wanted: Wanted,
  more: readonly string[],
): string {
  const texts = [
    wanted.roles && renderRbac(configuration, options),
    wanted.policies && renderPolicies(configuration, options),
    wanted.bornReady !== undefined && renderBornReady(configuration, { ...options, version: wanted.bornReady }),
    wanted.networkPolicy &&
      renderNetworkPolicy(configuration, { namespace: options.namespace, ports: wanted.egressPorts }),
    ...more,
  ].filter((text) => text !== false);
  if (texts.length === 0)
    throw new UserError(
      'nothing to print with --no-roles alone: add --policies, --born-ready, --network-policy or --crio',
    );
  return texts.join('');
}
