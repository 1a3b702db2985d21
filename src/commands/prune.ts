/** `pullpass prune`: takes everything out of the cluster that Pullpass put there, by the same plan as an opt-out. */
import type { V1Lease } from '@kubernetes/client-node';
import type { Configuration } from '../config/schema.ts';
import { messageOf, UserError } from '../errors.ts';
import { isForbidden, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import type { ApiObject } from '../kube/list.ts';
import { LABEL_CACHE_PROXY, LEASE_NAME, REPORT_NAME, REPORT_RESOURCES, STATE_NAME } from '../names.ts';
import { ownerOf } from '../owner.ts';
import type { PlanOptions } from '../plan/namespace.ts';
import { createProxies } from '../proxies/index.ts';
import { createApplier } from '../reconcile/apply.ts';
import { describe, describeFailure, reconcileNamespace } from '../reconcile/namespace.ts';
import { isOurReport, reportPath } from '../reconcile/report-object.ts';
import type { Digest } from '../reconcile/world.ts';
import { count, pendingIn, stepsOf } from './plan.ts';
import { planCluster, readCluster } from '../reconcile/snapshot.ts';

export interface PruneOptions {
  client: KubeClient;
  configuration: Configuration;
  /** Where the controller's Lease is. */
  namespace: string;
  digest: Digest;
  write: (line: string) => void;
  /** Whether to go on, once it is known what would go. */
  confirm: (question: string) => Promise<boolean>;
  signal: AbortSignal;
}

/** As if nobody had opted in to anything, and as if nothing was to be retained. */
const NOBODY: PlanOptions = {
  select: ({ sources }) => ({ choices: new Map(sources.map(({ config }) => [config.name, { in: false, why: 'disabled' }])), problems: [] }),
};

/** Resolves to the exit status. Throws UserError while a controller is running: it would put everything back. */
export async function runPrune({ client, configuration, namespace, digest, write, confirm, signal }: PruneOptions): Promise<number> {
  await refuseWhileLed(client, namespace);
  const removing: Configuration = { ...configuration, sources: configuration.sources.map((source) => ({ ...source, onOptOut: 'remove' })) };
  const snapshot = await readCluster(client, removing, digest);
  const pending = pendingIn(planCluster(snapshot, NOBODY));
  const secrets = await otherSecrets(client, configuration, namespace);
  const reports = await reportObjects(client, configuration);
  const others = [...secrets, ...reports];
  if (pending.length === 0 && others.length === 0) {
    write('Nothing to remove: no copy and no reference of Pullpass is left.');
    return 0;
  }
  for (const plan of pending) write(`${plan.namespace}: ${stepsOf(plan).map(describe).join(', ').replaceAll(' removed', '')}`);
  for (const { path, what } of secrets) write(`${path.split('/')[4] ?? ''}: ${what}`);
  for (const { what } of reports) write(`cluster: ${what}`);
  const copies = pending.reduce((sum, plan) => sum + plan.deleteCopies.length, 0);
  const accounts = pending.reduce((sum, plan) => sum + plan.editReferences.length, 0);
  const more = [...(secrets.length > 0 ? [count(secrets.length, 'other Secret')] : []), ...(reports.length > 0 ? [count(reports.length, 'report object')] : [])];
  const what = `${count(copies, 'copy').replace('copys', 'copies')} and the references of ${count(accounts, 'ServiceAccount')} in ${count(pending.length, 'namespace')}${more.length > 0 ? `, and ${more.join(' and ')}` : ''}`;
  if (!(await confirm(`Remove ${what}? Pods and cache proxies that pull with them will fail at their next pull.`))) {
    write('Nothing was changed.');
    return 1;
  }

  const applier = createApplier({ client, world: snapshot.world, content: () => undefined });
  const concerned = new Set(pending.map((plan) => plan.namespace));
  let failed = 0;
  for (const scope of snapshot.scopes.filter((s) => concerned.has(s.namespace.name))) {
    const { failures } = await reconcileNamespace(scope, applier, signal, NOBODY);
    for (const failure of failures) write(`${scope.namespace.name}: not removed: ${describeFailure(failure)}`);
    failed += failures.length;
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
  if (failed > 0) throw new UserError(`prune: ${count(failed, 'change')} failed; run it again once the reason above is mended`);
  write(`Removed ${what}.`);
  return 0;
}

/** Something in the cluster that is to go as it is. */
interface Leftover {
  path: string;
  what: string;
  /** Of the very object that was looked at: what changed since may be somebody else's. */
  preconditions: { uid: string; resourceVersion: string };
}

/** What is neither copy nor reference: the logins rendered for cache proxies, and our own state. Only what carries our labels. */
async function otherSecrets(client: KubeClient, configuration: Configuration, namespace: string): Promise<Leftover[]> {
  const rendered = createProxies(configuration).flatMap(({ config, adapter }) =>
    adapter.targets.filter(({ path }) => path.endsWith('/secrets')).map(({ path, name }) => ({
      path: `${path}/${encodeURIComponent(name)}`, what: `login of cache proxy ${config.name} (Secret ${name})`,
      isOurs: ({ metadata }: ApiObject) => ownerOf(metadata) === 'login' && metadata.labels?.[LABEL_CACHE_PROXY] === config.name,
    })));
  const state = { path: paths.secrets(namespace, STATE_NAME), what: `state of the controller (Secret ${STATE_NAME})`, isOurs: ({ metadata }: ApiObject) => ownerOf(metadata) === 'state' };
  const found = await Promise.all([...rendered, state].map(async ({ path, what, isOurs }) => {
    try {
      return leftover(path, what, await client.get<ApiObject>(path, { sensitive: true }), isOurs);
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
  }));
  return found.flat();
}

/** Of both APIs, and whether or not it is configured: it stays behind when it is switched off. */
async function reportObjects(client: KubeClient, { audit }: Configuration): Promise<Leftover[]> {
  const found = await Promise.all(REPORT_RESOURCES.map(async ({ kind }): Promise<Leftover[]> => {
    const path = reportPath(kind);
    try {
      return leftover(path, `report object (${kind} ${REPORT_NAME})`, await client.get<ApiObject>(path), isOurReport);
    } catch (error) {
      // Who asks without the right is told so, whether or not the API is installed: that must not hold up all the rest.
      if (isNotFound(error) || (isForbidden(error) && !audit.reportObject)) return [];
      throw error;
    }
  }));
  return found.flat();
}

function leftover(path: string, what: string, object: ApiObject, isOurs: (object: ApiObject) => boolean): Leftover[] {
  const { uid, resourceVersion } = object.metadata;
  return isOurs(object) && uid !== undefined && resourceVersion !== undefined ? [{ path, what, preconditions: { uid, resourceVersion } }] : [];
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
    throw new UserError(`prune: the controller is running (${holderIdentity}) and would put everything back; first: kubectl -n ${namespace} scale deployment pullpass --replicas=0`);
  }
}
