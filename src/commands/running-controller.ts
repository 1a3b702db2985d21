/** Whether a controller runs, and how `prune` stops it: its Deployment to 0 replicas, no pod left, the Lease free. */
import type { V1Deployment, V1Lease, V1PodList, V1Scale } from '@kubernetes/client-node';
import { sleep } from '../async/sleep.ts';
import { monotonic, wall } from '../clock.ts';
import { UserError } from '../errors.ts';
import { isForbidden, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import { DEPLOYMENT_NAME, LEASE_NAME } from '../names.ts';

/** In milliseconds. */
export interface StopTimings {
  /** How long to wait for a renewal by a leader: longer than it takes between two of them. */
  readonly lookAgain: number;
  readonly poll: number;
  /** How long pods may take to end, and a Lease that nobody gave up to run out. */
  readonly limit: number;
}
export const STOP_TIMINGS: StopTimings = { lookAgain: 6_000, poll: 1_000, limit: 120_000 };
/** A Lease can say that it holds for years. */
const LONGEST_LEASE_MS = 60_000;

interface Options {
  readonly client: KubeClient;
  /** The controller's. */
  readonly namespace: string;
  readonly timings: StopTimings;
  readonly signal: AbortSignal;
}

export async function refuseWhileLed(options: Options): Promise<void> {
  const leader = await leaderOf(options);
  if (leader === undefined) return;
  throw new UserError(
    `prune: the controller is running (${leader}) and would put everything back; use --stop-controller, ` +
      `or first: kubectl -n ${options.namespace} scale deployment ${DEPLOYMENT_NAME} --replicas=0`,
  );
}

/** Throws UserError if something is still there at the time limit, or if the Deployment is scaled up again meanwhile. */
export async function stopController(options: Options & { write: (line: string) => void }): Promise<void> {
  const { client, namespace, timings, signal, write } = options;
  const deployment = paths.deployments(namespace, DEPLOYMENT_NAME);
  let pods: string | undefined;
  try {
    // The subresource, as `kubectl scale` uses it: whoever may only scale cannot change what runs.
    const scale = await client.patch<V1Scale>(`${deployment}/scale`, 'application/merge-patch+json', {
      spec: { replicas: 0 },
    });
    pods = scale.status?.selector;
    write(`Deployment ${DEPLOYMENT_NAME}: scaled to 0; waiting until it has ended.`);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    write(`No Deployment ${DEPLOYMENT_NAME} in namespace ${namespace}: nothing to stop.`);
  }
  for (const deadline = monotonic() + timings.limit; ;) {
    const still = pods === undefined ? undefined : await stillThere(client, namespace, deployment, pods);
    const left = still ?? (await leaderOf(options).then((leader) => leader && `the Lease is held by ${leader}`));
    if (left === undefined) return;
    if (signal.aborted) throw new UserError('prune: interrupted; nothing was removed');
    if (monotonic() > deadline)
      throw new UserError(
        `prune: nothing was removed: after ${timings.limit / 1000} s ${left}; run it again when it is gone`,
      );
    await sleep(timings.poll, signal);
  }
}

/** What of the Deployment still runs; undefined: nothing. */
async function stillThere(client: KubeClient, namespace: string, deployment: string, labelSelector: string) {
  const { metadata, spec, status }: V1Deployment = await client
    .get<V1Deployment>(deployment)
    .catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
      return {};
    });
  if ((spec?.replicas ?? 0) > 0)
    throw new UserError(
      `prune: nothing was removed: something scaled Deployment ${DEPLOYMENT_NAME} up again; ` +
        'pause what manages it, such as Argo CD, Flux or an autoscaler, and run it again',
    );
  // Until then its controller may still make pods.
  if ((status?.observedGeneration ?? 0) < (metadata?.generation ?? 0))
    return `Deployment ${DEPLOYMENT_NAME} has not been scaled`;
  const { items } = await client.get<V1PodList>(paths.pods(namespace), { query: { labelSelector } });
  const running = items.filter((pod) => !['Succeeded', 'Failed'].includes(pod.status?.phase ?? ''));
  return running.length > 0 ? `pod ${running[0]?.metadata?.name} is still there` : undefined;
}

/** Who holds the Lease; undefined: nobody, as far as we may know. */
async function leaderOf({ client, namespace, timings, signal }: Options): Promise<string | undefined> {
  const { holderIdentity, renewTime, leaseDurationSeconds = 15 } = await leaseOf(client, namespace);
  if (!holderIdentity) return undefined;
  const age = wall() - new Date(String(renewTime)).getTime();
  if (!(age >= 0 && age < Math.min(leaseDurationSeconds * 1000, LONGEST_LEASE_MS))) {
    // Out of date by our clock, which can be wrong: a leader is known by its next renewal.
    await sleep(timings.lookAgain, signal);
    const again = await leaseOf(client, namespace);
    if (!again.holderIdentity || String(again.renewTime) === String(renewTime)) return undefined;
  }
  return holderIdentity;
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
