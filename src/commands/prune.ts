/** `pullpass prune`: takes everything out of the cluster that Pullpass put there, by the same plan as an opt-out. */
import { plural } from '../text.ts';
import type { V1Lease } from '@kubernetes/client-node';
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
import { describe, describeFailure, reconcileNamespace } from '../reconcile/namespace.ts';
import { nameOf, readNamedCopies } from '../reconcile/named-copies.ts';
import { otherSecrets, reportObjects } from './leftovers.ts';
import { describeNamed, pendingIn, stepsOf } from './plan.ts';
import { planCluster, readCluster } from '../sources/snapshot.ts';

export interface PruneOptions {
  client: KubeClient;
  configuration: Configuration;
  /** Where the controller's Lease is. */
  namespace: string;
  write: (line: string) => void;
  /** Whether to go on, once it is known what would go. */
  confirm: (question: string) => Promise<boolean>;
  signal: AbortSignal;
}

/** As if nobody had opted in to anything, and as if nothing was to be retained. */
const NOBODY: PlanOptions = {
  select: ({ sources }) => ({
    choices: new Map(sources.map(({ config }) => [config.name, { in: false, why: 'disabled' }])),
    problems: [],
  }),
};

/** Resolves to the exit status. Throws UserError while a controller is running: it would put everything back. */
export async function runPrune({
  client,
  configuration,
  namespace,
  write,
  confirm,
  signal,
}: PruneOptions): Promise<number> {
  await refuseWhileLed(client, namespace);
  const removing: Configuration = {
    ...configuration,
    sources: configuration.sources.map((source) => ({ ...source, onOptOut: 'remove' })),
  };
  const snapshot = await readCluster(client, removing, namespace);
  const pending = pendingIn(planCluster(snapshot, NOBODY));
  const secrets = await otherSecrets(client, configuration, namespace);
  const reports = await reportObjects(client, configuration);
  const others = [...secrets, ...reports];
  const named = await readNamedCopies({
    client,
    configuration: removing,
    scopes: snapshot.scopes,
    options: NOBODY,
    signal,
  });
  const references = named.filter(({ ours }) => ours).length;
  if (pending.length === 0 && others.length === 0 && references === 0) {
    write('Nothing to remove: no copy and no reference of Pullpass is left.');
    return 0;
  }
  for (const plan of pending)
    write(`${plan.namespace}: ${stepsOf(plan).map(describe).join(', ').replaceAll(' removed', '')}`);
  for (const copy of named) write(describeNamed(copy));
  for (const { path, what } of secrets) write(`${path.split('/')[4] ?? ''}: ${what}`);
  for (const { what } of reports) write(`cluster: ${what}`);
  const copies = pending.reduce((sum, plan) => sum + plan.deleteCopies.length, 0);
  const accounts = pending.reduce((sum, plan) => sum + plan.editReferences.length, 0);
  const more = [
    ...(references > 0 ? [`the references in ${plural(references, 'custom object')}`] : []),
    ...(secrets.length > 0 ? [plural(secrets.length, 'other Secret')] : []),
    ...(reports.length > 0 ? [plural(reports.length, 'report object')] : []),
  ];
  const what = `${plural(copies, 'copy', 'copies')} and the references of ${plural(accounts, 'ServiceAccount')} in ${plural(pending.length, 'namespace')}${more.length > 0 ? `, and ${more.join(' and ')}` : ''}`;
  if (!(await confirm(`Remove ${what}? Pods and cache proxies that pull with them will fail at their next pull.`))) {
    write('Nothing was changed.');
    return 1;
  }

  const proxies = createProxies(removing);
  const consumers = createConsumers({
    proxies: () => proxies,
    isGoing: () => true,
    context: ({ config }) => ({ kube: createProxyKube({ client, proxy: config.name, signal }), signal }),
  });
  const applier = createApplier({ client, world: snapshot.world, consumers, content: () => undefined });
  const concerned = new Set(pending.map((plan) => plan.namespace));
  let failed = 0;
  for (const scope of snapshot.scopes.filter((s) => concerned.has(s.namespace.name))) {
    const { failures } = await reconcileNamespace(scope, applier, signal, NOBODY);
    for (const failure of failures) write(`${scope.namespace.name}: not removed: ${describeFailure(failure)}`);
    failed += failures.length;
  }
  // Where the copy is gone already, no removal has taken its name along.
  const removed = new Set(
    pending.flatMap(({ deleteCopies }) =>
      deleteCopies.map(({ namespace: of, name }) => nameOf({ namespace: of, copyName: name })),
    ),
  );
  const dangling = new Map(
    named.filter((copy) => copy.ours && !removed.has(nameOf(copy))).map((copy) => [nameOf(copy), copy]),
  );
  for (const [copy, { namespace: of, copyName }] of dangling) {
    try {
      await consumers.removeCopy({ namespace: of, name: copyName }, () => Promise.resolve(), signal);
    } catch (error) {
      write(`copy ${copy}: ${messageOf(error)}`);
      failed++;
    }
  }
  for (const { path, what, preconditions } of others) {
    try {
      await client.delete(path, { apiVersion: 'v1', kind: 'DeleteOptions', preconditions }, { signal });
    } catch (error) {
      if (isNotFound(error)) continue;
      write(`${what}: not removed: ${messageOf(error)}`);
      failed++;
    }
  }
  if (failed > 0)
    throw new UserError(`prune: ${plural(failed, 'change')} failed; run it again once the reason above is mended`);
  write(`Removed ${what}.`);
  return 0;
}

async function refuseWhileLed(client: KubeClient, namespace: string): Promise<void> {
  let lease: V1Lease;
  try {
    lease = await client.get<V1Lease>(paths.leases(namespace, LEASE_NAME));
  } catch (error) {
    // Without the right to see it, a running controller shows itself by putting things back; with it, ask first.
    if (isNotFound(error) || isForbidden(error)) return;
    throw error;
  }
  const { holderIdentity, renewTime, leaseDurationSeconds = 15 } = lease.spec ?? {};
  const age = Date.now() - new Date(String(renewTime)).getTime();
  if (holderIdentity && age < leaseDurationSeconds * 1000) {
    throw new UserError(
      `prune: the controller is running (${holderIdentity}) and would put everything back; first: kubectl -n ${namespace} scale deployment pullpass --replicas=0`,
    );
  }
}
