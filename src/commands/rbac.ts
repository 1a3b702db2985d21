/** `pullpass rbac`: prints the rights table (`allRights`) as RBAC objects, or compares a cluster with it. */
import type { BornReadyVersion } from '../admission/versions.ts';
import { loadConfiguration } from '../config/load.ts';
import { loadProvider } from '../config/provider.ts';
import type { Configuration } from '../config/schema.ts';
import { UsageError, UserError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { allRights } from '../plan/rights.ts';
import { renderBornReady } from './born-ready-text.ts';
import { withConfiguration } from './configuration.ts';
import { RBAC_NAME } from './choices.ts';
import type { Environment } from './environment.ts';
import { refuseBeyondTheList, unwelcome } from './listed.ts';
import { LABELS, nameOfInstallation } from './manifest-text.ts';
import { renderNetworkPolicy } from './network-policy-text.ts';
import type { Configured } from './options.ts';
import { render } from './output.ts';
import type { Output } from './output.ts';
import { renderPolicies } from './policies-text.ts';
import { audienceOf, chosenAccounts, renderCrio } from './rbac-crio.ts';
import { checkRbac, checkStatus, checkText } from './rbac-check.ts';
import { renderMigrateRbac, renderProviderRbac, renderRbac } from './rbac-text.ts';
import type { RbacOptions, Receiver } from './rbac-text.ts';

export interface Flags extends Configured {
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

export async function run(env: Environment, { secureReport, for: receiver, ...flags }: Flags): Promise<void> {
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
