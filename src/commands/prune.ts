/** `pullpass prune`: removes everything that Pullpass put into the cluster, with the same plan as an opt-out. */
import type { V1Lease } from '@kubernetes/client-node';
import type { Command } from 'commander';
import { Option } from 'commander';
import { sleep } from '../async/sleep.ts';
import { wall } from '../clock.ts';
import type { Configuration } from '../config/schema.ts';
import { messageOf, UserError } from '../errors.ts';
import { isForbidden, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import { LEASE_NAME } from '../names.ts';
import type { PlanOptions } from '../plan/namespace.ts';
import { createProxies } from '../proxies/kinds.ts';
import { createProxyKube } from '../proxies/kube.ts';
import { createApplier } from '../reconcile/apply.ts';
import { createConsumers } from '../reconcile/consumers.ts';
import { describeFailure } from '../reconcile/describe.ts';
import { nameOf, readNamedCopies } from '../reconcile/named-copies.ts';
import { reconcileNamespace } from '../reconcile/namespace.ts';
import { planCluster, readCluster } from '../sources/snapshot.ts';
import type { Snapshot } from '../sources/snapshot.ts';
import { plural } from '../text.ts';
import { pendingIn, pendingReferences } from './cluster-plan.ts';
import { withConfiguration } from './configuration.ts';
import type { Environment } from './environment.ts';
import { findLeftovers } from './leftovers.ts';
import { configuredCommand } from './options.ts';
import type { Configured } from './options.ts';
import { linesOf, sumOf } from './prune-text.ts';
import type { Removal } from './prune-text.ts';

export function pruneCommand(env: Environment): Command {
  return configuredCommand('prune')
    .summary('remove everything that Pullpass put into the cluster')
    .description(
      'Removes every copy and every reference that Pullpass put into the cluster; asks first. Stop the controller before.',
    )
    .addOption(new Option('-y, --yes', 'do not ask'))
    .action(async (flags: Configured & { yes?: boolean }) => {
      const exitCode = await withConfiguration(env, flags, (client, configuration) =>
        runPrune({
          client,
          configuration,
          namespace: flags.controllerNamespace,
          signal: env.untilInterrupted(),
          write: (line) => env.writeOut(`${line}\n`),
          confirm: async (question) => flags.yes === true || (await confirmed(question, env)),
        }),
      );
      env.exitWith(exitCode);
    });
}

async function confirmed(question: string, { ask }: Environment): Promise<boolean> {
  const answer = await ask(`${question} [y/N] `);
  if (answer === undefined)
    throw new UserError('prune: asks before it removes anything, and standard input is not a terminal; use --yes');
  return /^y(es)?$/i.test(answer.trim());
}

export interface PruneOptions {
  client: KubeClient;
  configuration: Configuration;
  /** Where the controller's Lease and state are. */
  namespace: string;
  write: (line: string) => void;
  /** Asks whether to go on. */
  confirm: (question: string) => Promise<boolean>;
  signal: AbortSignal;
  /** How long to wait for a renewal by a leader, in milliseconds. */
  lookAgainMs?: number;
}

/** Plans as if no namespace had opted in. */
const NOBODY: PlanOptions = {
  select: ({ sources }) => ({
    choices: new Map(sources.map(({ config }) => [config.name, { in: false, why: 'disabled' }])),
    problems: [],
  }),
};

/** Resolves to the exit status. Throws UserError while a controller runs, which would put everything back, or if a change failed. */
export async function runPrune({
  client,
  configuration: configured,
  namespace,
  write,
  confirm,
  signal,
  lookAgainMs = LOOK_AGAIN_MS,
}: PruneOptions): Promise<number> {
  await refuseWhileLed(client, namespace, lookAgainMs, signal);
  const configuration: Configuration = {
    ...configured,
    sources: configured.sources.map((source) => ({ ...source, onOptOut: 'remove' })),
  };
  const snapshot = await readCluster(client, configuration, namespace);
  const removal: Removal = {
    plans: pendingIn(planCluster(snapshot, NOBODY)),
    leftovers: await findLeftovers(client, configuration, namespace),
    named: await readNamedCopies({ client, configuration, snapshot, options: NOBODY, signal }),
  };
  if (removal.plans.length === 0 && removal.leftovers.length === 0 && pendingReferences(removal).length === 0) {
    write('Nothing to remove: no copy and no reference of Pullpass is left.');
    return 0;
  }
  linesOf(removal).forEach(write);
  const sum = sumOf(removal);
  if (!(await confirm(`Remove ${sum}? Pods and cache proxies that pull with them will fail at their next pull.`))) {
    write('Nothing was changed.');
    return 1;
  }

  let failed = 0;
  for await (const failure of remove(removal, { client, configuration, snapshot, signal })) {
    write(failure);
    failed++;
  }
  if (failed > 0)
    throw new UserError(`prune: ${plural(failed, 'change')} failed; run it again once the reason above is mended`);
  write(`Removed ${sum}.`);
  return 0;
}

interface RemoveOptions extends Pick<PruneOptions, 'client' | 'configuration' | 'signal'> {
  snapshot: Snapshot;
}

/** Yields a line for each object that could not be removed, and goes on. */
async function* remove(
  { plans, named, leftovers }: Removal,
  { client, configuration, snapshot, signal }: RemoveOptions,
): AsyncGenerator<string> {
  const proxies = createProxies(configuration, snapshot.world.instance);
  const consumers = createConsumers({
    proxies: () => proxies,
    isGoing: () => true,
    context: ({ config }) => ({
      kube: createProxyKube({ client, proxy: config.name, instance: snapshot.world.instance, signal }),
      signal,
    }),
  });
  const applier = createApplier({ client, world: snapshot.world, consumers, content: () => undefined });
  const concerned = new Set(plans.map((plan) => plan.namespace));
  for (const scope of snapshot.scopes.filter(({ namespace }) => concerned.has(namespace.name))) {
    const { failures } = await reconcileNamespace(scope, applier, signal, NOBODY);
    for (const failure of failures) yield `${scope.namespace.name}: not removed: ${describeFailure(failure)}`;
  }
  // References to copies that are already gone: no removal of a copy above has released them.
  const copies = new Set(
    plans.flatMap(({ deleteCopies }) =>
      deleteCopies.map(({ namespace, name }) => nameOf({ namespace, copyName: name })),
    ),
  );
  const dangling = pendingReferences({ named }).filter((copy) => !copies.has(nameOf(copy)));
  for (const [copy, { namespace, copyName }] of new Map(dangling.map((each) => [nameOf(each), each]))) {
    try {
      await consumers.removeCopy({ namespace, name: copyName }, () => Promise.resolve(), signal);
    } catch (error) {
      yield `copy ${copy}: ${messageOf(error)}`;
    }
  }
  for (const { path, what, preconditions } of leftovers) {
    try {
      await client.delete(path, { apiVersion: 'v1', kind: 'DeleteOptions', preconditions }, { signal });
    } catch (error) {
      if (!isNotFound(error)) yield `${what}: not removed: ${messageOf(error)}`;
    }
  }
}

/** Longer than a leader takes between two renewals. */
const LOOK_AGAIN_MS = 6_000;
/** A Lease can say that it holds for years. */
const LONGEST_LEASE_MS = 60_000;

async function refuseWhileLed(client: KubeClient, namespace: string, lookAgainMs: number, signal: AbortSignal) {
  const { holderIdentity, renewTime, leaseDurationSeconds = 15 } = await leaseOf(client, namespace);
  if (!holderIdentity) return;
  const age = wall() - new Date(String(renewTime)).getTime();
  if (!(age >= 0 && age < Math.min(leaseDurationSeconds * 1000, LONGEST_LEASE_MS))) {
    // Out of date by our clock, which can be wrong: a leader is known by its next renewal.
    await sleep(lookAgainMs, signal);
    const again = await leaseOf(client, namespace);
    if (!again.holderIdentity || String(again.renewTime) === String(renewTime)) return;
  }
  throw new UserError(
    `prune: the controller is running (${holderIdentity}) and would put everything back; ` +
      `first: kubectl -n ${namespace} scale deployment pullpass --replicas=0`,
  );
}

/** Without the right to read the Lease, prune cannot know whether a controller runs, and goes on. */
async function leaseOf(client: KubeClient, namespace: string): Promise<NonNullable<V1Lease['spec']>> {
  try {
    return (await client.get<V1Lease>(paths.leases(namespace, LEASE_NAME))).spec ?? {};
  } catch (error) {
    if (isNotFound(error) || isForbidden(error)) return {};
    throw error;
  }
}
