/** `pullpass rbac`: its arguments and options. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { BORN_READY_VERSIONS } from '../admission/versions.ts';
import { RBAC_NAME, RECEIVERS } from '../commands/choices.ts';
import type { Environment } from '../commands/environment.ts';
import type { Flags } from '../commands/rbac.ts';
import { between, options } from './options.ts';

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
    .action(async (flags: Flags) => (await import('../commands/rbac.ts')).run(env, flags));
}

/** The name of a resource in RBAC, so no wildcard. */
function audience(value: string): string {
  if (!/^[^\s*\p{C}]+$/u.test(value)) throw new InvalidArgumentError('must be an audience without spaces and "*".');
  return value;
}
